package lock_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// flapped is a store in which one item was approved, offered differently, and
// offered as approved again.
func flapped(t *testing.T, c lock.Config, good, bad gate.Item) *lock.Pins {
	t.Helper()
	p := open(t, c)
	p.Observe([]gate.Item{good})
	if _, err := p.Approve([]lock.Ref{ref(good)}, "me"); err != nil {
		t.Fatal(err)
	}
	p.Observe([]gate.Item{good})
	if s := state(p, good); s != gate.Approved {
		t.Fatalf("the approved one is %v", s)
	}
	p.Observe([]gate.Item{bad})
	p.Observe([]gate.Item{good})
	return p
}

// pairs are two definitions of an item of every kind that flaps alike.
func pairs(t *testing.T) map[gate.ItemKind][2]gate.Item {
	t.Helper()
	all := map[gate.ItemKind][2]gate.Item{}
	for kind, raw := range map[gate.ItemKind][2]string{
		gate.Tool:         {`{"name":"a"}`, `{"name":"a","x":1}`},
		gate.Prompt:       {`{"name":"a"}`, `{"name":"a","x":1}`},
		gate.Resource:     {`{"uri":"a"}`, `{"uri":"a","x":1}`},
		gate.Template:     {`{"uriTemplate":"a"}`, `{"uriTemplate":"a","x":1}`},
		gate.Instructions: {`"be kind"`, `"be evil"`},
		gate.Server:       {`{"name":"a","version":"1"}`, `{"name":"a","version":"2"}`},
	} {
		name := "a"
		if kind == gate.Instructions || kind == gate.Server {
			name = ""
		}
		all[kind] = [2]gate.Item{item(t, kind, name, raw[0]), item(t, kind, name, raw[1])}
	}
	return all
}

func TestPIN08_DriftStaysUntilAPersonDecides(t *testing.T) {
	for kind, pair := range pairs(t) {
		t.Run(kind.String(), func(t *testing.T) {
			good, bad := pair[0], pair[1]
			dir := t.TempDir()
			c := lock.Config{Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json"), FirstUse: lock.ApproveFirst}
			p := flapped(t, c, good, bad)
			check := func(p *lock.Pins) {
				t.Helper()
				for _, it := range pair {
					if s := state(p, it); s != gate.Changed {
						t.Errorf("%s is %v", it.Raw, s)
					}
				}
				l := p.List(lock.Filter{})
				if len(l) != 1 || l[0].State != gate.Changed || l[0].Digest != good.Digest || l[0].PinnedDigest != good.Digest {
					t.Fatalf("got %+v", l)
				}
				if lines, err := p.Diff(l[0]); err != nil || len(lines) != 0 {
					t.Errorf("differs in %v, %v", lines, err)
				}
				for name := range p.Approved("files", kind) {
					t.Errorf("%q counts as approved", name)
				}
				if pinned, offered := p.Show("files", kind, good.Name); offered == nil || !bytes.Equal(pinned, offered) {
					t.Errorf("shows %s and %s", pinned, offered)
				}
				if d := p.Verify([]gate.Item{good}); len(d) != 1 || d[0].State != gate.Changed || d[0].Missing {
					t.Errorf("verifying finds %+v", d)
				}
			}
			check(p)
			if err := p.Reload(); err != nil {
				t.Fatal(err)
			}
			check(p)
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			p = open(t, c)
			check(p)
			before := p.List(lock.Filter{})[0]
			if n, err := p.Approve([]lock.Ref{before.Ref()}, "somebody else"); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			p.Observe([]gate.Item{good})
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			for _, p := range []*lock.Pins{p, open(t, c)} {
				l := p.List(lock.Filter{})
				if state(p, good) != gate.Approved || len(l) != 1 || l[0].State != gate.Approved || l[0].By != "somebody else" || !l[0].At.After(before.At) {
					t.Errorf("after approving: %+v", l)
				}
			}
			p.Observe([]gate.Item{bad})
			if s := state(p, good); s != gate.Changed {
				t.Errorf("the second drift leaves it %v", s)
			}
		})
	}
}

func TestDriftEndsWithTheDecision(t *testing.T) {
	good, bad := item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "a", `{"name":"a","x":1}`)
	dir := t.TempDir()
	c := lock.Config{Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json")}
	p := flapped(t, c, good, bad)
	if _, err := p.Approve([]lock.Ref{ref(bad)}, "me"); err == nil {
		t.Error("what is no longer offered was approved")
	}
	p.Observe([]gate.Item{bad})
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	// A colleague's decision arrives with the lock file.
	other := open(t, lock.Config{Path: c.Path})
	other.Observe([]gate.Item{bad})
	if _, err := other.Approve([]lock.Ref{ref(bad)}, "colleague"); err != nil {
		t.Fatal(err)
	}
	stopped := open(t, c)
	if err := p.Reload(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*lock.Pins{p, stopped} {
		if s := state(p, bad); s != gate.Approved {
			t.Errorf("what the colleague approved is %v", s)
		}
	}
	p.Observe([]gate.Item{good})
	if n, err := p.Reject([]lock.Ref{ref(good)}, "me"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if state(p, good) != gate.Rejected || state(p, bad) != gate.Changed {
		t.Errorf("after rejecting: %v and %v", state(p, good), state(p, bad))
	}
}

func TestPIN08_FlappingIsCheapAndQuiet(t *testing.T) {
	good, bad := item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "a", `{"name":"a","x":1}`)
	var log bytes.Buffer
	p := flapped(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), Log: slog.New(slog.NewTextHandler(&log, nil))}, good, bad)
	for range 100 {
		p.Observe([]gate.Item{bad})
		p.Observe([]gate.Item{good})
	}
	if n := strings.Count(log.String(), "\n"); n != 1 { // the first change; that it was offered at all is for debugging
		t.Errorf("%d lines logged: %s", n, log.String())
	}
	items := []gate.Item{good}
	if n := testing.AllocsPerRun(100, func() {
		if state(p, good) != gate.Changed || p.Observe(items) != 0 {
			t.Fatal("not changed")
		}
	}); n != 0 {
		t.Errorf("State and Observe of a drifted item allocate %v times", n)
	}
}

func TestDriftToWhatCannotBeRecorded(t *testing.T) {
	good, bad := item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "a", `{"name":"a","x":1}`)
	bad.Raw = []byte(`{"deep":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`)
	p := flapped(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock")}, good, bad)
	if l := p.List(lock.Filter{}); state(p, good) != gate.Changed || len(l) != 1 || l[0].State != gate.Changed {
		t.Errorf("it is %v, list %+v", state(p, good), l)
	}
}

func TestCommandThatFlapsIsNotStarted(t *testing.T) {
	p := open(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), FirstUse: lock.ApproveFirst})
	good, bad := []string{"server"}, []string{"server", "--evil"}
	for i, tc := range []struct {
		argv []string
		want gate.Effect
	}{{good, gate.Continue}, {good, gate.Continue}, {bad, gate.Deny}, {good, gate.Deny}} {
		if v := p.ReachAllowed(command(t, "files", tc.argv, gate.Digest{1})); v.Effect != tc.want {
			t.Errorf("start %d: %+v", i, v)
		}
	}
	if _, err := p.Approve([]lock.Ref{p.List(lock.Filter{})[0].Ref()}, "me"); err != nil {
		t.Fatal(err)
	}
	if v := p.ReachAllowed(command(t, "files", good, gate.Digest{1})); v.Effect != gate.Continue {
		t.Errorf("after approving: %+v", v)
	}
}

func TestServerAllowed(t *testing.T) {
	p := open(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock")})
	good := item(t, gate.Server, "", `{"name":"notes","version":"1"}`)
	newer := item(t, gate.Server, "", `{"name":"notes","version":"2","title":"N"}`)
	other := item(t, gate.Server, "", `{"name":"evil","version":"1"}`)
	cased := item(t, gate.Server, "", `{"name":"evil","Name":"notes","version":"1"}`)
	allowed := func(want gate.Effect, items ...gate.Item) {
		t.Helper()
		for _, it := range items {
			v := p.ServerAllowed("files", it.Digest, it.Raw)
			if v.Effect != want || want == gate.Deny && (v.Code != gate.CodeUpstreamHeld ||
				v.Public != "upstream files is not the server that was approved: doorward trust diff files") {
				t.Errorf("%s: %+v", it.Raw, v)
			}
		}
	}
	allowed(gate.Continue, good, other, gate.Item{})
	p.Observe([]gate.Item{good})
	allowed(gate.Continue, good, other)
	if _, err := p.Approve([]lock.Ref{ref(good)}, "me"); err != nil {
		t.Fatal(err)
	}
	allowed(gate.Continue, good, newer, gate.Item{})
	allowed(gate.Deny, other, cased, gate.Item{Raw: []byte(`{}`)}, gate.Item{Raw: []byte(`{"name":1}`)})
	if n := testing.AllocsPerRun(100, func() { p.ServerAllowed("files", good.Digest, good.Raw) }); n != 0 {
		t.Errorf("asking about the approved server allocates %v times", n)
	}
	p.Observe([]gate.Item{other})
	if _, err := p.Reject([]lock.Ref{ref(other)}, "me"); err != nil {
		t.Fatal(err)
	}
	allowed(gate.Deny, other, good, newer, gate.Item{})
	p.Observe([]gate.Item{newer})
	if _, err := p.Approve([]lock.Ref{ref(newer)}, "me"); err != nil {
		t.Fatal(err)
	}
	allowed(gate.Continue, newer, good)
	allowed(gate.Deny, other)
}
