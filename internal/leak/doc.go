// Package leak finds secrets of the configuration in what somebody returns who was
// handed them, plain and encoded, and puts a mark in their place. upstream asks it
// about every message, error and line of an upstream.
//
// The secrets are known, so nothing is guessed: a value is looked for as it is, in
// base64 at each of three alignments, in hexadecimal, percent-encoded, escaped for
// HTML, reversed, and behind two layers of JSON escapes; in UTF-16, too, as it is, in base64
// and in hexadecimal. Who means to smuggle a secret
// out can write it in ways that nobody lists; this is against echoes, logs and
// careless errors, and it costs next to nothing.
//
// A Watch holds the values that it looks for, and is dropped with them. Its results
// name secrets and never show any.
package leak
