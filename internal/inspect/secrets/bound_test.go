package secrets_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/inspect/secrets"
)

// Texts that are made to cost much cost about as much for each byte when they are
// four times as long.
func TestCostIsLinear(t *testing.T) {
	cost := func(text string) time.Duration {
		best := time.Hour
		for range 2 {
			best = min(best, cputime.Of(t, func() { secrets.Scan(text) }))
		}
		return best
	}
	for _, part := range []string{
		"eyJ-", "-eyJhbGciOi.", "://a:", "curl ", "Basic ", "gh" + "p_-", "sk" + "-", "-----BEGIN " + "PRIVATE KEY-----\n", "-.", ". ", "%41", `\x41`, "\u200b", `"+"`, "password=", "kind: Secret data: ", "data: a: ", "AAAA", "H4sIAAAA ",
		"Private-Lines: 1 ", "key is ", "a-b-", "=3D", "$6$", "\xff", "NIGEB-----", "1a ",
		"115 ", "0x73, ", "\U000e0041", "&#115", `\\\\`, "=41", "&a", "<~", "5sdq,77Kd<", "MFRGG", "<~a~>", "99,9 ", "\x01",
	} {
		t.Run(part, func(t *testing.T) {
			small, large := cost(strings.Repeat(part, 16<<10/len(part))), cost(strings.Repeat(part, 64<<10/len(part)))
			if large > 16*max(small, time.Millisecond) {
				t.Errorf("16 KB take %v, 64 KB %v", small, large)
			}
		})
	}
}
