package sandbox_test

import (
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/sandbox"
)

// A file that was changed just now is waited for until a change would show; another is not.
func TestSettle(t *testing.T) {
	for name, c := range map[string]struct{ changed, want time.Duration }{ // from now, which is a whole second
		"long ago":                            {-time.Hour - time.Millisecond, 0},
		"long ago, in whole seconds":          {-time.Hour, 0},
		"a tick ago":                          {-20 * time.Millisecond, 0},
		"just now":                            {-time.Millisecond, 19 * time.Millisecond},
		"just now, in whole seconds":          {0, 2 * time.Second},
		"a second ago, in whole seconds":      {-time.Second, time.Second},
		"by a clock that is ahead":            {time.Second + time.Millisecond, time.Second + 21*time.Millisecond},
		"by one that is ahead, whole seconds": {2 * time.Second, 4 * time.Second},
		"by one that is far ahead":            {time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				sandbox.File{Changed: began.Add(c.changed).UnixNano()}.Settle()
				if took := time.Since(began); took != c.want {
					t.Errorf("waited for %v, want %v", took, c.want)
				}
			})
		})
	}
}
