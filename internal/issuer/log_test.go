package issuer_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

// lines is a log in memory.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) read(t *testing.T) (all []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// An issuer that goes is logged once, and once when it is back; what tokens hold never.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, log := serve(t, newIDP()), &lines{}
		s := start(t, network, issuer.Config{Issuers: []issuer.Settings{settings()}, Log: slog.New(slog.NewJSONHandler(log, nil))})
		accepted(t, s, good())
		refused(t, s, good("sub", "a\nb"))
		if all := log.read(t); len(all) > 0 {
			t.Errorf("logged %v", all)
		}
		network.setDown(true)
		time.Sleep(40 * time.Minute)
		network.setDown(false)
		time.Sleep(40 * time.Minute)
		all := log.read(t)
		if len(all) != 2 || all[0]["level"] != "WARN" || all[0]["issuer"] != issuer1 || all[0]["error"] == nil || all[1]["level"] != "INFO" {
			t.Errorf("logged %v", all)
		}
	})
}
