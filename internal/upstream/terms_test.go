package upstream_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// PIN-18: a command that is confined otherwise, may break other rules or is handed another
// secret is another one; order, spelling and what bounds it alone make no other.
func TestPIN18_ConfinementIsOfTheIdentity(t *testing.T) {
	program := filepath.Join(programs(t, "server"), "server")
	with := func(change func(*upstream.Settings, *upstream.Confinement)) upstream.Settings {
		c := &upstream.Confinement{}
		set := upstream.Settings{Command: []string{program}, Sandbox: c}
		change(&set, c)
		return set
	}
	strict := identityOf(t, with(func(*upstream.Settings, *upstream.Confinement) {}))
	if strings.Contains(string(strict.Raw), "confinement") {
		t.Errorf("what is as strict as where nothing is written has a member of its own: %s", strict.Raw)
	}
	seen := map[gate.Digest]string{strict.Digest: "nothing"}
	for what, change := range map[string]func(*upstream.Settings, *upstream.Confinement){
		"not confined":  func(s *upstream.Settings, _ *upstream.Confinement) { s.Sandbox = nil },
		"a container":   func(_ *upstream.Settings, c *upstream.Confinement) { c.Kind, c.Image = "docker", image },
		"another's":     func(_ *upstream.Settings, c *upstream.Confinement) { c.Kind, c.Image = "podman", image },
		"gVisor":        func(_ *upstream.Settings, c *upstream.Confinement) { c.Runsc = true },
		"read":          func(_ *upstream.Settings, c *upstream.Confinement) { c.Read = []string{"/srv"} },
		"write":         func(_ *upstream.Settings, c *upstream.Confinement) { c.Write = []string{"/srv"} },
		"more to write": func(_ *upstream.Settings, c *upstream.Confinement) { c.Write = []string{"/srv", "/var"} },
		"network":       func(_ *upstream.Settings, c *upstream.Confinement) { c.Allow = []string{"a.example:443"} },
		"more network": func(_ *upstream.Settings, c *upstream.Confinement) {
			c.Allow = []string{"a.example:443", "b.example:443"}
		},
		"weaker":         func(_ *upstream.Settings, c *upstream.Confinement) { c.Weaker = []string{sandbox.Landlock} },
		"launch rule":    func(s *upstream.Settings, _ *upstream.Confinement) { s.AllowLaunch = []string{"code"} },
		"shared":         func(s *upstream.Settings, _ *upstream.Confinement) { s.Shared = true },
		"for each call":  func(s *upstream.Settings, _ *upstream.Confinement) { s.PerCall = true },
		"a secret":       func(s *upstream.Settings, _ *upstream.Confinement) { s.Env = map[string]string{"TOKEN": "reader"} },
		"another secret": func(s *upstream.Settings, _ *upstream.Confinement) { s.Env = map[string]string{"TOKEN": "admin"} },
		"a client's key": func(s *upstream.Settings, _ *upstream.Confinement) {
			s.PerCall, s.Env = true, map[string]string{"TOKEN": "request:X-Key"}
		},
	} {
		it := identityOf(t, with(change))
		if before, ok := seen[it.Digest]; ok {
			t.Errorf("%s is %s: %s", what, before, it.Raw)
		}
		seen[it.Digest] = what
	}
	for what, pair := range map[string][2]func(*upstream.Settings, *upstream.Confinement){
		"order": {
			func(s *upstream.Settings, c *upstream.Confinement) {
				c.Write, c.Allow, s.AllowLaunch = []string{"/a", "/b"}, []string{"a:1", "b:1"}, []string{"code", "runs"}
			},
			func(s *upstream.Settings, c *upstream.Confinement) {
				c.Write, c.Allow, s.AllowLaunch = []string{"/b/", "/a/x/..", "/a"}, []string{"b:1", "a:1", "a:1"}, []string{"runs", "code"}
			},
		},
		"limits": {
			func(*upstream.Settings, *upstream.Confinement) {},
			func(_ *upstream.Settings, c *upstream.Confinement) { c.Limits.Memory, c.Limits.Tasks = 1<<30, 7 },
		},
		"where a leased secret is kept": {
			func(s *upstream.Settings, _ *upstream.Confinement) {
				s.PerCall, s.Env = true, map[string]string{"TOKEN": "lease:db#0011"}
			},
			func(s *upstream.Settings, _ *upstream.Confinement) {
				s.PerCall, s.Env = true, map[string]string{"TOKEN": "lease:db#2233"}
			},
		},
	} {
		one, other := identityOf(t, with(pair[0])), identityOf(t, with(pair[1]))
		if one.Digest != other.Digest {
			t.Errorf("%s makes another: %s, %s", what, one.Raw, other.Raw)
		}
	}
	p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{with(func(s *upstream.Settings, c *upstream.Confinement) {
		s.Name, c.Write = "up", []string{"/a\xff"}
	})}})
	if seen, err := p.Observe(t.Context(), "up"); err == nil || slices.ContainsFunc(seen.Items, func(it gate.Item) bool { return it.Kind == gate.Command }) {
		t.Error("a path that is no UTF-8 looks like another")
	}
}
