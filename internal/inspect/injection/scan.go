// Package injection looks for text in what tools return that speaks to the model
// instead of being data: orders to set instructions aside, imitated turns, errands
// with the reader's own means, secrecy, orders about the answer (OWASP LLM01:2025,
// indirect prompt injection).
//
// Callers give it every string of a result with what reveal decoded out of it, or a
// Scanner the pieces of one as they arrive. It judges sentences by what their words are: who is addressed, which act
// is asked, on whose thing, for whom. It knows no payload, and emphasis is no
// evidence. It does no I/O, keeps nothing between texts, and decides nothing: what
// follows from a finding is configured elsewhere. An off-task question has no mark
// that it could see; flows stop what comes of that.
package injection

import "doorward/internal/gate"

// Scan is what it finds in a text.
func Scan(text string) []gate.Finding {
	var s Scanner
	s.take(text)
	s.rest(text[s.begun:])
	return s.found
}
