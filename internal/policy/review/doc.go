// Package review looks at what a policy means, beside the tools that are pinned:
// rules that match nothing, that others close or open anyway, or that judge
// arguments which no tool has. `doorward policy check` calls it.
//
// It decides nothing and changes nothing: what it offers is for people to take.
// Where it cannot be sure it says nothing. It opens no file and asks nobody.
package review
