// Package issuer judges OAuth access tokens: it holds the issuers that Doorward
// accepts, keeps their keys, asks them about opaque tokens, and checks DPoP
// proofs. DESIGN.md has the rules and where each comes from.
//
// identify calls it with one token and the audience that the resource has; app
// opens and closes it.
//
// It never decides what a principal may do, never fetches what a token names,
// never follows a redirect, never falls back to a weaker check, and never
// repeats any part of a token in an error or a log line.
package issuer
