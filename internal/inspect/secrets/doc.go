// Package secrets finds credentials in a text: tokens whose format is known,
// private keys, values that are assigned to the name of a credential, and all of
// these encoded, escaped, or cut into pieces. The stage inspect asks it about
// every string of a call and of a result.
//
// It never shows what it found (a finding says the kind, the length and, of long
// ones, the last four characters), asks nobody whether a credential is valid, and
// keeps nothing but what Pieces is given to keep.
//
// Three tables say what a credential looks like: formats with a literal of their
// own (formats_*.go), kinds that only their owner's name gives away (owners.go),
// and words that name a credential of any owner (generic.go). They are written
// from what the issuers publish of their formats. One pass over a text looks the
// three bytes at every place up in an index of all literals and words, so what a
// text costs hardly depends on how many kinds there are.
package secrets
