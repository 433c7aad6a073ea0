package lock_test

import (
	"path/filepath"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// A server that was another one for a time is not used until a person decides,
// also after a restart; one that only had another version is.
func TestPIN10_ServerThatWasAnotherStaysHeld(t *testing.T) {
	good := item(t, gate.Server, "", `{"name":"notes","version":"1"}`)
	newer := item(t, gate.Server, "", `{"name":"notes","version":"2"}`)
	other := item(t, gate.Server, "", `{"name":"evil","version":"1"}`)
	nameless := item(t, gate.Server, "", `{"version":"1"}`)
	for _, tc := range []struct {
		name string
		seen []gate.Item
		want gate.Effect
	}{
		{"another version", []gate.Item{newer, good}, gate.Continue},
		{"another name", []gate.Item{other, good}, gate.Deny},
		{"no name", []gate.Item{nameless, good}, gate.Deny},
		{"another version and name", []gate.Item{newer, other, newer}, gate.Deny},
		{"both at once", []gate.Item{good, other}, gate.Deny},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			c := lock.Config{Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json")}
			p := open(t, c)
			p.Observe([]gate.Item{good})
			if _, err := p.Approve([]lock.Ref{ref(good)}, "me"); err != nil {
				t.Fatal(err)
			}
			for _, it := range tc.seen {
				p.Observe([]gate.Item{it})
			}
			p.Observe([]gate.Item{good})
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			allowed := func(p *lock.Pins, want gate.Effect) {
				t.Helper()
				for _, it := range []gate.Item{good, newer, {}} {
					v := p.ServerAllowed("files", it.Digest, it.Raw)
					if v.Effect != want || want == gate.Deny && v.Code != gate.CodeUpstreamHeld {
						t.Errorf("%s: %+v", it.Raw, v)
					}
				}
			}
			allowed(p, tc.want)
			if err := p.Reload(); err != nil {
				t.Fatal(err)
			}
			allowed(p, tc.want)
			p = open(t, c)
			allowed(p, tc.want)
			e := only(t, p, good)
			if e.State != gate.Changed {
				t.Errorf("it is %v", e.State)
			}
			if n, err := p.Approve([]lock.Ref{e.Ref()}, "me"); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			p.Observe([]gate.Item{good})
			allowed(p, gate.Continue)
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			allowed(open(t, c), gate.Continue)
		})
	}
}

// A finding that blocks a server withholds it also once another version was seen.
func TestFlaggedServerThatDriftsIsNotUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorward.lock")
	server := item(t, gate.Server, "", `{"name":"steal","version":"1"}`)
	p := open(t, lock.Config{Path: path})
	p.Observe([]gate.Item{server})
	if _, err := p.Approve([]lock.Ref{ref(server)}, "me"); err != nil {
		t.Fatal(err)
	}
	p = open(t, lock.Config{Path: path, Findings: usual, Inspect: words})
	p.Observe([]gate.Item{item(t, gate.Server, "", `{"name":"steal","version":"2"}`)})
	if v := p.ServerAllowed(server.Upstream, server.Digest, server.Raw); v.Code != gate.CodeUpstreamHeld {
		t.Errorf("verdict %+v", v)
	}
}
