package issuer

import (
	"crypto/sha256"
	"time"

	"github.com/maypok86/otter/v2"
)

// maxRemembered bounds each cache, in tokens.
const maxRemembered = 10_000

// cacheKey is a whole token and the audience that it was judged for (A04,
// AUT-30, AUT-31). Who asks with another audience finds nothing.
type cacheKey struct {
	token    [sha256.Size]byte
	audience string
}

// digest is the SHA-256 of a whole token. One of up to 2 KiB costs no memory.
func digest(token string) [sha256.Size]byte {
	var room [2048]byte
	return sha256.Sum256(append(room[:0], token...))
}

// remembered is a token that was accepted.
type remembered struct {
	token Token
	owner *authority
	key   *key      // that verified it; nil: the issuer was asked
	until time.Time // it is not used from then on
}

// newCache is a cache whose entries live as long as life says. It works in the
// goroutines of those who use it.
func newCache[V any](life func(V) time.Duration) *otter.Cache[cacheKey, V] {
	return otter.Must(&otter.Options[cacheKey, V]{
		MaximumSize: maxRemembered,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[cacheKey, V]) time.Duration {
			return max(life(e.Value), 1)
		}),
		Executor: func(work func()) { work() },
	})
}
