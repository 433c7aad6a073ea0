// Package identify is the first stage: it makes a Principal of the credentials
// that a message came with, or refuses. pipeline calls it before anybody reads
// the body.
//
// One authenticator decides, by what the request carries, and its failure is
// final: a credential that is there and not good is refused, also where none at
// all would have passed. Several credentials on one request must say the same, or
// it is refused; their rights are never added up.
//
// It looks at TLS, at the transport and at the headers of credentials, and at
// nothing else: no body, no query, no other header. It opens nothing: keys,
// tokens and what was used once are others' to know, and where they cannot be
// asked it refuses.
package identify
