// Package cosignature reads the keys of witnesses and verifies what they add to a
// checkpoint: C2SP tlog-cosignature, in the version of Ed25519 (cosignature/v1).
//
// anchor asks witnesses with it, config checks their keys, and the command line
// verifies checkpoints offline. It signs nothing and keeps nothing.
package cosignature
