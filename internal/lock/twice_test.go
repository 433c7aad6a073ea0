package lock_test

import (
	"path/filepath"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// A name that an upstream uses twice in one list is not what was approved, in
// whatever order the two come, and stays withheld when the other is gone.
func TestPIN08_SentTwiceIsDrift(t *testing.T) {
	good, bad := item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "a", `{"name":"a","x":1}`)
	for what, list := range map[string][]gate.Item{
		"the other after it": {good, bad}, "the other before it": {bad, good}, "the other alone, twice": {bad, bad},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			c := lock.Config{Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json")}
			p := open(t, c)
			p.Observe([]gate.Item{good})
			if _, err := p.Approve([]lock.Ref{ref(good)}, "me"); err != nil {
				t.Fatal(err)
			}
			p.Observe(list)
			p.Observe([]gate.Item{good})
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			for _, p := range []*lock.Pins{p, open(t, c)} {
				if got := state(p, good); got != gate.Changed {
					t.Errorf("it is %v", got)
				}
			}
		})
	}
}

// Of two definitions of one name first use approves neither.
func TestFirstUseDoesNotChoose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorward.lock")
	one, two, other := item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "a", `{"name":"a","x":1}`), item(t, gate.Tool, "b", `{"name":"b"}`)
	p := open(t, lock.Config{Path: path, FirstUse: lock.ApproveFirst})
	if n := p.Observe([]gate.Item{one, other, two}); n != 1 || state(p, other) != gate.Approved {
		t.Errorf("%d approved, and what came once is %v", n, state(p, other))
	}
	if a, b := state(p, one), state(p, two); a != gate.Held || b != gate.Held {
		t.Errorf("they are %v and %v", a, b)
	}
	if e := only(t, p, one); e.State != gate.Held {
		t.Errorf("for review: %+v", e)
	}
}
