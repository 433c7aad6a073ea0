package poison_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/inspect/poison"
)

// Four times the text takes about four times as long, whatever it repeats: an upstream
// writes its definitions to be as dear as they can be.
func TestScanIsLinear(t *testing.T) {
	const size = 16 << 10
	for _, unit := range []string{"a@", "a.", "a-", "a+", "41:", "=41", "eyJ.", "sk-", "a/", "a\\", "~/", "://", "a_", "A", "send to ", "x\n", "\"a\" ", "(", "。", "密码"} {
		t.Run(unit, func(t *testing.T) {
			a := took(t, strings.Repeat(unit, size/len(unit)))
			b := took(t, strings.Repeat(unit, 4*size/len(unit)))
			if b > 12*a+20*time.Millisecond {
				t.Errorf("%d KB take %v, %d KB take %v", size>>10, a, size>>8, b)
			}
		})
	}
}

// took is the shorter of two runs, in CPU time.
func took(t *testing.T, text string) time.Duration {
	best := time.Hour
	for range 2 {
		best = min(best, cputime.Of(t, func() { poison.Scan(text, poison.About{Upstream: "up", Name: "tool"}) }))
	}
	return best
}
