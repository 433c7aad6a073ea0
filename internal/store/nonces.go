package store

import (
	"errors"
	"fmt"
	"time"
)

// The two memories of nonces, MemoryNonces for one gateway and RedisNonces for
// several, keep the same rules, so that there is no instant at which a request
// may be repeated and its nonce is forgotten (AUT-39, AUT-43, AUT-44):
//
//   - A key is fresh once until its end, whoever asks first.
//   - A memory knows nothing from before it began: what was made at or before
//     its beginning is never fresh. Clients send whole seconds, so the whole
//     second of the beginning counts as before it.
//   - What has ended is not fresh either: a memory may have forgotten it.
//   - A memory that is full or cannot be asked is an error, and nothing that is
//     live makes room for something else.
//
// The key must name the signer and the nonce in a form that no other pair
// shares, such as with the length of the first before it. Only its SHA-256 is kept.
//
// A memory that began anew takes the clock's word for what is older than itself.
// A request that was made ahead of the clock is not: with ahead, the memory also
// refuses what was made up to that much after its beginning. It is the part of
// the window that lies in the future, or zero to accept that such a request can
// be repeated once after the memory was lost.

// maxAway bounds how far from now a nonce was made and how long it is kept. The
// usual window is 300 s to either side, and a nonce is kept for twice that.
const maxAway = 24 * time.Hour

// checkNonce finds the faults of a caller. They are errors, for they say nothing
// about the nonce.
func checkNonce(key string, made, until time.Time) error {
	now := time.Now()
	age, rest := now.Sub(made), until.Sub(now)
	switch {
	case key == "":
		return errors.New("using a nonce: it has no key")
	case made.IsZero() || !made.Before(until):
		return errors.New("using a nonce: it ends before it was made")
	case age > maxAway || age < -maxAway || rest > maxAway:
		return fmt.Errorf("using a nonce: it was made or ends more than %v from now", maxAway)
	}
	return nil
}

// roundUp is the first whole second that is not before t, in UTC.
func roundUp(t time.Time) time.Time {
	if s := t.Truncate(time.Second); s.Before(t) {
		return s.Add(time.Second).UTC()
	}
	return t.UTC()
}
