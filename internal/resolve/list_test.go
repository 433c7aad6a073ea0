package resolve_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
)

// A list is made of what has answered within five seconds, and names what has
// not; what the principal cannot reach is never named.
func TestPartialLists(t *testing.T) {
	for _, tc := range []struct {
		name        string
		down        []string
		blocks      bool
		unavailable []string
		wantErr     bool
		after       time.Duration
	}{
		{"all answer", nil, false, nil, false, 0},
		{"one fails", []string{"b"}, false, []string{"b"}, false, 0},
		{"two fail", []string{"c", "a"}, false, []string{"a", "c"}, false, 0},
		{"one hangs", []string{"a"}, true, []string{"a"}, false, 5 * time.Second},
		{"none answers", []string{"a", "b", "c"}, false, []string{"a", "b", "c"}, true, 0},
		{"all hang", []string{"a", "b", "c"}, true, []string{"a", "b", "c"}, true, 5 * time.Second},
		{"the hidden one fails", []string{"hidden"}, false, nil, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(world).offers("a", "tool x approved").offers("b", "tool x approved").offers("c", "tool x approved").offers("hidden", "tool x approved")
				w.reach = func(u string) bool { return u != "hidden" }
				w.err = map[string]error{}
				for _, u := range tc.down {
					w.err[u] = errDown
				}
				if tc.blocks {
					w.block = make(chan struct{})
				}
				ex, start := exchange("tools", ""), time.Now()
				_, err := w.stage().Judge(t.Context(), ex)
				if (err != nil) != tc.wantErr || time.Since(start) != tc.after {
					t.Errorf("%v after %s, want an error %v after %s", err, time.Since(start), tc.wantErr, tc.after)
				}
				if !slices.Equal(ex.Target.Unavailable, tc.unavailable) {
					t.Errorf("unavailable %v, want %v", ex.Target.Unavailable, tc.unavailable)
				}
				if tc.wantErr {
					if gate.CodeOf(err) != gate.CodeUpstreamDown || !errors.Is(err, errDown) {
						t.Errorf("error %v", err)
					}
				} else if want := 3 - len(tc.unavailable); len(ex.Target.Items) != want {
					t.Errorf("%d items, want %d", len(ex.Target.Items), want)
				}
			})
		})
	}
}

// An upstream that fails is named also where it offered nothing before.
func TestStaleLists(t *testing.T) {
	w := new(world).offers("a", "tool x approved").offers("b", "tool x approved")
	w.items["c"], w.stale = nil, map[string]bool{"b": true, "c": true}
	w.reach = func(u string) bool { return u <= "c" }
	ex := exchange("tools", "")
	if _, err := w.stage().Judge(t.Context(), ex); err != nil || !slices.Equal(ex.Target.Stale, []string{"b", "c"}) || len(ex.Target.Items) != 2 {
		t.Errorf("error %v, stale %v, items %v", err, ex.Target.Stale, ex.Target.Items)
	}
}

// One who reaches nothing gets an empty list, and no refusal.
func TestAListOfNothing(t *testing.T) {
	w := new(world).offers("a", "tool x approved")
	w.reach = func(string) bool { return false }
	w.err = map[string]error{"a": errDown}
	ex := exchange("tools", "")
	if v, err := w.stage().Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue || len(ex.Target.Items)+len(ex.Target.Unavailable) != 0 {
		t.Errorf("%+v, %v, %+v", v, err, ex.Target)
	}
}
