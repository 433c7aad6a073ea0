package upstream

import (
	"log/slog"
	"testing"
	"time"

	"doorward/internal/gate"
)

// An idle process goes sooner than an idle HTTP session, and neither during a call.
func TestExpire(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tc := range []struct {
		set  Settings
		idle time.Duration
		busy int32
		kept bool
	}{
		{Settings{Name: "up", Command: []string{"x"}}, 9 * time.Minute, 0, true},
		{Settings{Name: "up", Command: []string{"x"}}, 11 * time.Minute, 0, false},
		{Settings{Name: "up", Command: []string{"x"}}, time.Hour, 1, true},
		{Settings{Name: "up", URL: "http://x.example/"}, 29 * time.Minute, 0, true},
		{Settings{Name: "up", URL: "http://x.example/"}, 31 * time.Minute, 0, false},
	} {
		p := &Pool{log: slog.New(slog.DiscardHandler)}
		s := p.newServer(tc.set)
		c, err := s.channel(channelKey{era: gate.Stateful, owner: owner{ofSession, "a"}}, &gate.Session{ID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		c.used.Store(now.Add(-tc.idle).UnixNano())
		c.busy.Store(tc.busy)
		s.expire(now)
		p.wg.Wait()
		if kept := len(s.channels) == 1; kept != tc.kept {
			t.Errorf("%+v: kept %v", tc, kept)
		}
	}
}
