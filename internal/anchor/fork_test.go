package anchor_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/anchor"
	"doorward/internal/audit"
	"doorward/internal/cosignature"
)

// A cosignature of a time that cannot be is not taken.
func TestACosignatureOfAnotherTime(t *testing.T) {
	for away, good := range map[time.Duration]bool{
		-30 * time.Minute: true, 30 * time.Minute: true, -2 * time.Hour: false, 2 * time.Hour: false, 100 * 365 * 24 * time.Hour: false,
	} {
		h := newHouse(t)
		s := h.station("witness.example.com/w1")
		s.Away(away)
		h.write(5, "call")
		k := h.keeper(anchor.Config{Witnesses: []*anchor.Witness{s.client(t)}, Quorum: 1})
		if err := k.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Now(t.Context()); err != nil || (h.kept != "") != good {
			t.Errorf("%v away: %v, kept %q", away, err, h.kept)
		}
	}
}

// A witness cosigns what goes on from what it has seen, also after its client has
// forgotten how far that was, and its cosignature is verified with its key alone.
func TestAWitnessCosigns(t *testing.T) {
	h := newHouse(t)
	s := h.station("witness.example.com/w1")
	for i := range 3 {
		h.write(5, "call")
		k := h.keeper(anchor.Config{Witnesses: []*anchor.Witness{s.client(t)}, Quorum: 1})
		if err := k.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.write(7, "call")
		c, err := k.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Seen(c.Origin) != int64(c.Size) || c.Size < uint64(12*(i+1)) || h.kept != c.Note {
			t.Errorf("seen %d of %d, kept %q", s.Seen(c.Origin), c.Size, h.kept)
		}
	}
	again, err := audit.Verify(t.Context(), h.dir(), audit.Options{Witnesses: []*cosignature.Key{s.key}})
	if err != nil || len(again.Witnessed) != 1 || again.Witnessed[0].Records != again.Records || again.Witnessed[0].At.IsZero() {
		t.Errorf("witnessed %+v of %d: %v", again.Witnessed, again.Records, err)
	}
	other := h.station("witness.example.com/w2")
	if _, err := audit.Verify(t.Context(), h.dir(), audit.Options{Witnesses: []*cosignature.Key{other.key}}); err == nil {
		t.Error("DUR-15: a witness that has seen nothing is content")
	}
	if told := h.told(); told != nil {
		t.Errorf("told %v", told)
	}
}

// attacks leave another log in the place of the one that was seen. All begin with a
// log of which a copy was made, and then 40 more records.
func attacks() map[string]func(h *house, back func()) {
	newest := func(h *house) []string {
		all, _ := filepath.Glob(filepath.Join(h.dir(), "audit-*.jsonl")) // its pattern is good
		slices.Sort(all)
		return all
	}
	forget := func(h *house) { // who cuts a log takes its checkpoints with it
		for _, name := range []string{"checkpoint", "cosigned", "tree"} {
			if err := os.Remove(filepath.Join(h.dir(), name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				h.t.Fatal(err)
			}
		}
	}
	return map[string]func(h *house, back func()){
		"the tail is cut": func(h *house, _ func()) {
			all := newest(h)
			text, err := os.ReadFile(all[len(all)-1])
			if err != nil {
				h.t.Fatal(err)
			}
			lines := strings.SplitAfter(string(text), "\n")
			if err := os.WriteFile(all[len(all)-1], []byte(strings.Join(lines[:len(lines)-4], "")), 0o600); err != nil {
				h.t.Fatal(err)
			}
			forget(h)
		},
		"yesterday's copy":                    func(_ *house, back func()) { back() },
		"the newest segment is deleted":       func(h *house, _ func()) { forget(h); remove(h, newest(h)) },
		"yesterday's copy, and it went on":    func(h *house, back func()) { back(); h.open(); h.write(10, "other"); h.close() },
		"yesterday's copy, and it grew past":  func(h *house, back func()) { back(); h.open(); h.write(80, "other"); h.close() },
		"a log that was written anew, longer": func(h *house, _ func()) { removeLog(h); h.open(); h.write(99, "other"); h.close() },
	}
}

func remove(h *house, all []string) {
	if err := os.Remove(all[len(all)-1]); err != nil {
		h.t.Fatal(err)
	}
}

// removeLog leaves the keys.
func removeLog(h *house) {
	if err := os.RemoveAll(h.dir()); err != nil {
		h.t.Fatal(err)
	}
}

// DUR-15, DUR-16: whatever was put in the place of a log that somebody outside has seen
// is found at the next start, on record and told once; and the log is not taken outside
// over what was seen before.
func TestAnotherLogIsFound(t *testing.T) {
	outside := map[string]func(h *house) func() anchor.Config{
		"witness": func(h *house) func() anchor.Config {
			s := h.station("witness.example.com")
			return func() anchor.Config {
				return anchor.Config{Witnesses: []*anchor.Witness{s.client(h.t)}, Quorum: 1}
			}
		},
		"file": func(h *house) func() anchor.Config {
			place, err := anchor.NewFile(filepath.Join(h.t.TempDir(), "checkpoints"))
			return func() anchor.Config { return at(h, place, err) }
		},
		"git": func(h *house) func() anchor.Config {
			place, err := anchor.NewGit(anchor.GitConfig{Dir: filepath.Join(h.t.TempDir(), "repository")})
			return func() anchor.Config { return at(h, place, err) }
		},
	}
	for name, made := range outside {
		for what, attack := range attacks() {
			if name == "git" && what != "yesterday's copy" {
				continue // it compares as a file does, and starts processes
			}
			t.Run(name+": "+what, func(t *testing.T) {
				h := newHouse(t)
				config := made(h)
				h.write(20, "call")
				begin(t, h, config())
				h.close()
				back := h.copyTo()
				h.open()
				h.write(40, "call")
				k := begin(t, h, config())
				if _, err := k.Now(t.Context()); err != nil {
					t.Fatal(err)
				}
				h.close()
				attack(h, back)
				h.open()
				k = h.keeper(config())
				for range 2 {
					err := k.Begin(t.Context())
					if m, ok := errors.AsType[*anchor.Misfit](err); !ok || m.Seen < 60 {
						t.Fatalf("began: %v", err)
					}
				}
				if told := h.told(); !slices.Equal(told, []string{"audit.forked"}) {
					t.Errorf("told %v", told)
				}
				if st := k.Stats()[0]; !st.Forked || !st.Failing {
					t.Errorf("stands %+v", st)
				}
			})
		}
	}
}

func at(h *house, place anchor.Place, err error) anchor.Config {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	return anchor.Config{Anchors: []anchor.Anchor{{Name: "kept", Place: place}}}
}

func begin(t *testing.T, h *house, c anchor.Config) *anchor.Keeper {
	t.Helper()
	k := h.keeper(c)
	if err := k.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// DUR-16: a log that forks while it runs cannot show one of two witnesses that it goes
// on, however many it has on its side.
func TestDUR16_TwoHistoriesForTwoWitnesses(t *testing.T) {
	h := newHouse(t)
	first, second := h.station("first.example.com"), h.station("second.example.com")
	h.write(10, "call")
	begin(t, h, anchor.Config{Witnesses: []*anchor.Witness{first.client(t), second.client(t)}, Quorum: 2})
	h.close()
	back := h.copyTo()
	h.open()
	h.write(10, "for the first")
	begin(t, h, anchor.Config{Witnesses: []*anchor.Witness{first.client(t)}, Quorum: 1})
	h.close()
	back()
	h.open()
	h.write(15, "for the second")
	begin(t, h, anchor.Config{Witnesses: []*anchor.Witness{second.client(t)}, Quorum: 1})
	k := h.keeper(anchor.Config{Witnesses: []*anchor.Witness{first.client(t), second.client(t)}, Quorum: 1})
	m, ok := errors.AsType[*anchor.Misfit](k.Begin(t.Context()))
	if !ok || m.Who != "first.example.com" {
		t.Errorf("found %v", m)
	}
	if want := fmt.Sprintf("first.example.com has seen %d other records", m.Seen); !strings.HasPrefix(h.detail("audit.forked"), want) {
		t.Errorf("on record: %s", h.detail("audit.forked"))
	}
}

// DUR-17: when the key that signs checkpoints is replaced, a witness that does not know
// the new one yet says so, and cosigns again once it does.
func TestDUR17_AWitnessLearnsANewKey(t *testing.T) {
	h := newHouse(t)
	s := h.station("witness.example.com")
	h.write(3, "call")
	k := begin(t, h, anchor.Config{Witnesses: []*anchor.Witness{s.client(t)}, Quorum: 1})
	next, err := h.log.ReplaceKey(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	if detail := h.detail("audit.anchor_failed"); !strings.Contains(detail, "does not know the key") {
		t.Errorf("told %q", detail)
	}
	if err := s.Knows(h.log.Origin(), next); err != nil {
		t.Fatal(err)
	}
	c, err := k.Now(t.Context())
	if err != nil || s.Seen(c.Origin) != int64(c.Size) {
		t.Errorf("seen %d of %d: %v", s.Seen(c.Origin), c.Size, err)
	}
	if told := h.told(); !slices.Equal(told, []string{"audit.anchor_failed", "audit.anchor_resumed"}) {
		t.Errorf("told %v", told)
	}
}
