//go:build unix

package upstream_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// What breaks a launch rule is started by nothing: neither for a client nor to look at it.
// The configuration was read before, so its file or the words may be others by now.
func TestPOL32_LaunchIsRefused(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "server")
	if err := os.Symlink("/bin/sh", link); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "srv.sh")
	if err := os.WriteFile(script, []byte("touch "+filepath.Join(dir, "ran")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(script, 0o666); err != nil {
		t.Fatal(err)
	}
	ran := "touch " + filepath.Join(dir, "ran")
	for rule, set := range map[string]upstream.Settings{
		"code":      {Command: []string{"sh", "-c", ran}},
		"disguised": {Command: []string{link, "-c", ran}},
		"writable":  {Command: []string{"sh", script}},
		"variables": {Command: []string{"cat"}, Env: map[string]string{"LD_PRELOAD": "secret"}},
		"bounds":    {Command: append([]string{"cat"}, make([]string, 5000)...)},
		"runs":      {Command: []string{"xargs", "touch", filepath.Join(dir, "ran")}},
	} {
		set.Name, set.Dir = "up", dir
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{set}, Pins: pins{state: gate.Approved, command: gate.Continue}})
		if _, err := p.Observe(t.Context(), "up"); gate.CodeOf(err) != gate.CodeUpstreamDown || !strings.Contains(err.Error(), "refused by launch rule "+rule) {
			t.Errorf("%s: %v", rule, err)
		}
		if why := upstream.Launchable(set); (why == nil) != (rule == "writable") { // of scripts it is seen at the start
			t.Errorf("%s: beforehand %v", rule, why)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "ran")); err == nil {
		t.Error("something was started")
	}
}
