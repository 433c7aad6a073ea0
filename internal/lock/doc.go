// Package lock keeps doorward.lock, the file in which people approve what
// upstreams offer, and answers how an offered definition stands against it.
//
// The file pins every tool, prompt, resource, resource template, server
// instructions, server name and child process by the digest of its canonical
// form, next to the definition itself, so that a reviewer reads in a Git diff
// what the model will read. The upstream adapter asks Pins for the state of
// each definition it sees; the CLI and the admin API list, compare, approve
// and reject; app opens, reloads and runs it.
//
// It never talks to an upstream, never approves a definition that differs from
// what the person was shown, and never repairs a lock file that somebody
// edited by hand: it refuses it.
package lock
