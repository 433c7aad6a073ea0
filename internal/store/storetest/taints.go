package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
)

// Taints is a memory of taints as its callers see it.
type Taints interface {
	Look(ctx context.Context, conversation string, labels []string) (taints []gate.Taint, since time.Time, err error)
	Add(ctx context.Context, conversation string, taints []gate.Taint) error
	Healthy(ctx context.Context) error
}

// TaintState is one memory.
type TaintState struct {
	Open func() Taints // as one more gateway does
}

// TaintKind is a kind of memory.
type TaintKind struct {
	Run func(*testing.T, func(*testing.T)) // runs a case, in a bubble of synctest where the kind allows it
	New func(*testing.T) TaintState        // begins a memory
}

var taintLabels = []string{"private", "untrusted"} //nolint:gochecknoglobals // a table; read-only

// TestTaints holds a kind of memory to the rules of all.
func TestTaints(t *testing.T, kind TaintKind) {
	for name, test := range map[string]func(*testing.T, TaintState){
		"what was read stays":            taintStays,
		"conversations are told apart":   taintsApart,
		"until its end":                  taintEnds,
		"a later end stays":              taintGrows,
		"at the same time":               taintsAtOnce,
		"what cannot be asked":           taintFaults,
		"a long name is cut":             taintCut,
		"who comes back is who he was":   taintReopened,
		"labels do not replace another":  taintLabelsApart,
		"what brought it last is named":  taintNamesTheLast,
		"nothing is known of a stranger": taintStranger,
	} {
		t.Run(name, func(t *testing.T) {
			kind.Run(t, func(t *testing.T) { test(t, kind.New(t)) })
		})
	}
}

func taint(label string, life time.Duration) gate.Taint {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return gate.Taint{Label: label, Upstream: "files", Name: "read", Exchange: "x1", At: now, Until: now.Add(life)}
}

func addTaint(tb testing.TB, m Taints, conversation string, list ...gate.Taint) {
	tb.Helper()
	if err := m.Add(tb.Context(), conversation, list); err != nil {
		tb.Fatal(err)
	}
}

// looks is the labels of a conversation.
func looks(tb testing.TB, m Taints, conversation string) []string {
	tb.Helper()
	list, since, err := m.Look(tb.Context(), conversation, taintLabels)
	if err != nil || !since.IsZero() {
		tb.Fatalf("looking: %v, forgotten %v", err, since)
	}
	var out []string
	for i := range list {
		out = append(out, list[i].Label)
	}
	slices.Sort(out)
	return out
}

func wantTaints(tb testing.TB, m Taints, conversation string, want ...string) {
	tb.Helper()
	if got := looks(tb, m, conversation); !slices.Equal(got, want) {
		tb.Errorf("%.40q has %v, want %v", conversation, got, want)
	}
}

func taintStays(t *testing.T, s TaintState) {
	m, want := s.Open(), taint("private", time.Hour)
	addTaint(t, m, "alice", want)
	got, _, err := m.Look(t.Context(), "alice", taintLabels)
	if err != nil || len(got) != 1 || !got[0].Until.Equal(want.Until) || !got[0].At.Equal(want.At) ||
		got[0].Label != want.Label || got[0].Upstream != want.Upstream || got[0].Name != want.Name || got[0].Exchange != want.Exchange {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if err := m.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
}

func taintReopened(t *testing.T, s TaintState) {
	addTaint(t, s.Open(), "alice", taint("private", time.Hour), taint("untrusted", time.Hour))
	wantTaints(t, s.Open(), "alice", "private", "untrusted")
}

func taintLabelsApart(t *testing.T, s TaintState) {
	m := s.Open()
	addTaint(t, m, "alice", taint("private", time.Hour))
	addTaint(t, m, "alice", taint("untrusted", time.Hour))
	wantTaints(t, m, "alice", "private", "untrusted")
}

func taintStranger(t *testing.T, s TaintState) {
	m := s.Open()
	wantTaints(t, m, "alice")
	addTaint(t, m, "alice")
	wantTaints(t, m, "alice")
}

func taintNamesTheLast(t *testing.T, s TaintState) {
	m, later := s.Open(), taint("private", 2*time.Hour)
	later.Name = "read_all"
	addTaint(t, m, "alice", taint("private", time.Hour))
	addTaint(t, m, "alice", later)
	if got, _, err := m.Look(t.Context(), "alice", taintLabels); err != nil || len(got) != 1 || got[0].Name != "read_all" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func taintsApart(t *testing.T, s TaintState) {
	m := s.Open()
	names := []string{
		"alice", "Alice", "alice ", " alice", "alice\x00", "alic", "7:private", "{a}", "*", "\xff", "\u00e4", "a\u0308",
		strings.Repeat("x", 10<<10), strings.Repeat("x", 10<<10) + "y", "aliceprivate",
	}
	for i, name := range names {
		for _, other := range names[i:] {
			wantTaints(t, m, other)
		}
		addTaint(t, m, name, taint("private", time.Hour))
	}
}

func taintEnds(t *testing.T, s TaintState) {
	m, a := s.Open(), taint("private", 2*time.Second)
	addTaint(t, m, "alice", a, taint("untrusted", time.Hour))
	for _, at := range []time.Time{a.At, a.Until.Add(-500 * time.Millisecond)} {
		Until(at)
		if got := looks(t, m, "alice"); !slices.Equal(got, []string{"private", "untrusted"}) && time.Now().Before(a.Until) {
			t.Errorf("before its end alice has %v", got)
		}
	}
	Until(a.Until.Add(10 * time.Millisecond))
	wantTaints(t, m, "alice", "untrusted")
	addTaint(t, m, "alice", taint("private", time.Hour))
	wantTaints(t, s.Open(), "alice", "private", "untrusted")
}

// An earlier end never replaces a later one, whoever writes it.
func taintGrows(t *testing.T, s TaintState) {
	a, b := s.Open(), s.Open()
	addTaint(t, a, "alice", taint("private", time.Hour))
	short := taint("private", time.Second)
	addTaint(t, b, "alice", short)
	Until(short.Until.Add(10 * time.Millisecond))
	wantTaints(t, a, "alice", "private")
	wantTaints(t, b, "alice", "private")
}

func taintsAtOnce(t *testing.T, s TaintState) {
	a, b := s.Open(), s.Open()
	var wg sync.WaitGroup
	for i, m := range []Taints{a, b, a, b} {
		wg.Go(func() {
			for n := range 5 {
				if err := m.Add(t.Context(), fmt.Sprint("user ", i, n), []gate.Taint{taint(taintLabels[n%2], time.Hour)}); err != nil {
					t.Error(err)
				}
				if err := m.Add(t.Context(), "alice", []gate.Taint{taint(taintLabels[(i+n)%2], time.Hour)}); err != nil {
					t.Error(err)
				}
				if _, _, err := m.Look(t.Context(), "alice", taintLabels); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		for n := range 5 {
			wantTaints(t, a, fmt.Sprint("user ", i, n), taintLabels[n%2])
			wantTaints(t, b, fmt.Sprint("user ", i, n), taintLabels[n%2])
		}
	}
	wantTaints(t, a, "alice", "private", "untrusted")
}

func taintFaults(t *testing.T, s TaintState) {
	m := s.Open()
	if _, _, err := m.Look(t.Context(), "", taintLabels); err == nil {
		t.Error("a conversation without a name was looked at")
	}
	for name, bad := range map[string]gate.Taint{
		"without a label": {Until: time.Now().Add(time.Hour)},
		"for a year":      taint("private", 365*24*time.Hour),
	} {
		if err := m.Add(t.Context(), "alice", []gate.Taint{bad}); err == nil {
			t.Errorf("%s: was added", name)
		}
	}
	if err := m.Add(t.Context(), "", []gate.Taint{taint("private", time.Hour)}); err == nil {
		t.Error("a conversation without a name was written")
	}
	wantTaints(t, m, "alice")
}

func taintCut(t *testing.T, s TaintState) {
	m, a := s.Open(), taint("private", time.Hour)
	a.Name = strings.Repeat("\u00e4", 4000)
	addTaint(t, m, "alice", a)
	got, _, err := m.Look(t.Context(), "alice", taintLabels)
	if err != nil || len(got) != 1 || len(got[0].Name) > 256 || !strings.HasPrefix(a.Name, got[0].Name) || got[0].Name == "" {
		t.Errorf("got %+v, %v", got, err)
	}
}
