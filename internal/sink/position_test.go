package sink_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/sink"
)

// Whoever writes in the sinks' directory cannot make a copy leave records out: what this
// gateway did not write for this sink of this log sends everything again, and is on record;
// an older position sends again what came since.
func TestForgedPositions(t *testing.T) {
	for _, tc := range []struct {
		name string
		// forge is what is put in the place of the position, from the one before the last
		// records, that of another sink at the same record, and that of the end.
		forge func(older, other, last string) string
		want  int // records that are sent before the first new one; -1: all
	}{
		{"as it is", func(_, _, last string) string { return last }, 0},
		{"an older one", func(older, _, _ string) string { return older }, 20},
		{"one without a MAC", func(_, _, last string) string { return last[:strings.LastIndexByte(last, ' ')] + "\n" }, -1},
		{"of another sink", func(_, other, _ string) string { return other }, -1},
		{"a later number", func(_, _, last string) string { return "9" + last }, -1},
		{"another record", func(older, _, last string) string {
			return strings.Fields(last)[0] + " " + strings.Fields(older)[1] + " " + strings.Fields(last)[2] + "\n"
		}, -1},
		{"another MAC", func(older, _, last string) string {
			return last[:strings.LastIndexByte(last, ' ')] + " " + strings.Fields(older)[2] + "\n"
		}, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				m := &memory{}
				path := filepath.Join(h.logDir(), "sinks", "copy")
				h.start(h.sink("copy", m), h.sink("other", &memory{}))
				h.write(10)
				time.Sleep(time.Second)
				older := content(t, path)
				h.write(20)
				time.Sleep(time.Second)
				h.stop(time.Second)
				before := len(m.lines())
				text := tc.forge(older, content(t, filepath.Join(h.logDir(), "sinks", "other")), content(t, path))
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				for range 2 { // what is sent again is said once
					h.start(h.sink("copy", m))
					h.write(5)
					time.Sleep(time.Second)
					h.stop(time.Second)
				}
				want, events := tc.want, 0
				if want < 0 {
					want, events = before, 1
				}
				all := h.lines()
				if got := m.lines()[before:]; !slices.Equal(got, all[before-want:]) {
					t.Errorf("sent since: %d, want %d", len(got), len(all)-before+want)
				}
				if got := h.events("audit.sink_distrusted"); len(got) != events {
					t.Errorf("recorded: %q", got)
				}
				h.close()
			})
		})
	}
}

// What pruning goes by is what the sink goes by: a position that another key, or another
// log, has written says that the copy has nothing.
func TestNextTrustsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.start(h.sink("copy", &memory{}))
		h.write(10)
		time.Sleep(time.Second)
		h.stop(time.Second)
		has := h.log.Stats().Size + 1
		own := sink.Positions{Dir: filepath.Join(h.logDir(), "sinks"), Key: positionsKey, Origin: source{h}.Origin()}
		otherKey, otherLog := own, own
		otherKey.Key = sha256.Sum256([]byte("another"))
		otherLog.Origin += "-2"
		for name, c := range map[string]struct {
			of   sink.Positions
			sink string
			want uint64
		}{
			"its own": {own, "copy", has}, "another key": {otherKey, "copy", 1}, "another log": {otherLog, "copy", 1}, "none": {own, "none", 1},
		} {
			if got, err := c.of.Next(c.sink); err != nil || got != c.want {
				t.Errorf("%s: %d, %v; want %d", name, got, err, c.want)
			}
		}
		h.close()
	})
}

// FuzzPosition: whatever is in the file, a position that counts is one that was written
// with the key, here none.
func FuzzPosition(f *testing.F) {
	head := fmt.Sprintf("%064x", 1)
	for _, seed := range []string{"", "1 \n", "1  ab\n", "2 " + head + "\n", "2 " + head + " " + head + "\n", "2 " + head + " 9 " + head + "\n"} {
		f.Add(seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "copy"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		places := sink.Positions{Dir: dir, Key: positionsKey, Origin: "doorward/test"}
		if next, err := places.Next("copy"); err == nil && next != 1 {
			t.Errorf("%q is taken for position %d", text, next)
		}
	})
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
