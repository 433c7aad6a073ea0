package sink_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/sink"
)

// A copy whose position is not believed may have what was pruned: that is said once, also over
// a restart before it has everything again, and is no gap. What is pruned later is one.
func TestADistrustedPositionOverAPrunedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		path := filepath.Join(h.logDir(), "sinks", "copy")
		prune := func() {
			h.write(600)
			time.Sleep(3 * time.Hour)
			gone, err := h.log.Prune(t.Context(), audit.Retention{Keep: map[audit.Class]time.Duration{audit.Events: time.Hour}})
			if err != nil || len(gone) == 0 {
				t.Fatalf("pruned: %+v, %v", gone, err)
			}
		}
		prune()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("2 "+strings.Repeat("0", 64)+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		doubt := h.log.Stats().Size
		m := &memory{}
		m.do(down)
		for range 2 {
			h.start(h.sink("copy", m))
			time.Sleep(time.Minute)
			h.stop(time.Second)
		}
		m.do(nil)
		h.start(h.sink("copy", m))
		time.Sleep(2 * time.Minute)
		h.stop(time.Second)
		if got := h.events("audit.sink_gap"); len(got) != 0 {
			t.Errorf("gaps: %q", got)
		}
		if got := h.events("audit.sink_distrusted"); len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf("which records before %d it has", doubt+1)) {
			t.Errorf("distrusted: %q", got)
		}
		if fields := strings.Fields(content(t, path)); len(m.lines()) == 0 || len(fields) != 3 {
			t.Errorf("%d were delivered, the position is %q", len(m.lines()), fields)
		}
		prune()
		h.start(h.sink("copy", m))
		time.Sleep(2 * time.Minute)
		if got := h.events("audit.sink_gap"); len(got) != 1 {
			t.Errorf("gaps since: %q", got)
		}
		h.close()
	})
}

// A position that is not believed stays until that is on record.
func TestADistrustedPositionIsOnRecordFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.write(10)
		dir := filepath.Join(h.logDir(), "sinks")
		forged := "2 " + strings.Repeat("0", 64) + "\n"
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "copy"), []byte(forged), 0o600)); err != nil {
			t.Fatal(err)
		}
		m := &memory{}
		set, err := sink.NewSet(sink.SetConfig{
			Dir: dir, Key: positionsKey, Source: source{h}, Sinks: []sink.Config{h.sink("copy", m)}, Log: discard(),
			Record: func(context.Context, gate.Event) error { return errDown },
		})
		if err != nil {
			t.Fatal(err)
		}
		set.Start(t.Context())
		time.Sleep(time.Minute)
		set.Close(t.Context())
		if got := content(t, filepath.Join(dir, "copy")); got != forged || len(m.lines()) > 0 {
			t.Errorf("the position is %q, %d were delivered", got, len(m.lines()))
		}
		h.start(h.sink("copy", m))
		time.Sleep(time.Minute)
		if got := h.events("audit.sink_distrusted"); len(got) != 1 || len(m.lines()) < 10 {
			t.Errorf("distrusted: %q, %d were delivered", got, len(m.lines()))
		}
		h.close()
	})
}
