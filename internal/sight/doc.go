// Package sight tells which elements of a page people do not see, as far as an element says
// so itself: by its attributes, and by a style that is read as browsers read it. Style sheets,
// scripts and what stands around an element are not looked at.
//
// Where browsers differ, or it is not known whether they take a declaration, the element counts
// as not seen: what a later declaration shows again must be one that every browser takes.
// inspect/reveal and docs/chunk ask it.
package sight
