// Package flow tells which calls must not follow which: what was read in private
// may not leave unasked once strangers have been read too. It has the labels of
// tools, the rules over them, and proposes labels from a definition. track asks it
// for each call, scan for what a set of servers makes possible, detect for whole
// chains.
//
// It does no I/O, keeps no state, and sees neither arguments nor results: what a
// tool can do is decided by what it is, so that no wording of a payload changes it.
package flow
