// Package identify is the first stage: it makes a Principal of the credential
// that a message came with, or refuses. pipeline calls it before anybody reads
// the body.
//
// It looks at the transport and at the Authorization header and at nothing else:
// no body, no query, no other header. It never falls back: a credential that is
// there and not good is refused, also where none at all would have passed. It
// caches nothing, so a revocation holds from the moment the key store knows it.
package identify
