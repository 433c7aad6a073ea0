// Package httpsig is the one shape of HTTP message signature (RFC 9421) that
// Doorward takes: an HMAC-SHA256 over a request, under a secret that is derived
// from an API key. identify verifies with it; `doorward sign` signs with it.
//
// A signature covers, in this order:
//
//   - "@method", as sent;
//   - "@target-uri": the URL by which clients know the gateway, as the
//     configuration says it and never as Host does, and then the path and query
//     exactly as they were sent;
//   - "content-digest": the SHA-256 of the body (RFC 9530), of an empty one too;
//   - in the order of their names, each of these headers that the request has:
//     content-type, last-event-id and all that begin with mcp-. The signer may
//     cover more, among them.
//
// Its parameters are created, nonce, keyid, alg="hmac-sha256" and
// tag="doorward", each once, in any order, and no other: how long a signature is
// good is the gateway's to say, so there is no expires. There is exactly one
// signature, with any label, and one line of each of its headers. They are taken
// in the canonical form of RFC 9651 alone, so that nothing has two spellings.
// Nothing else is normalised either: a request that is spelled differently is
// another request and needs another signature.
//
// It never looks at the time, remembers no nonce and reads no body: who verifies
// does.
package httpsig
