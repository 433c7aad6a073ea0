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

// A script that is another one when its interpreter reads it has said nothing that counts:
// it is looked at again when the command has answered. Its interpreter is pinned with it.
func TestSBX28_ScriptSwappedAtItsStart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, line := range map[string]string{"honest": "", "swapped": "cp $0 $0.new && mv $0.new $0\n", "rewritten": "echo '#' >> $0\n"} {
		script := filepath.Join(dir, name)
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+line+"exec "+self+" -child legacy2\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: []string{script}}}, Pins: approveAll()})
		seen, err := p.Observe(t.Context(), "up")
		if honest := name == "honest"; honest != (err == nil) || !honest && !strings.Contains(err.Error(), "was changed while the command started") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "honest" && (len(seen.Items) == 0 || !strings.Contains(string(seen.Items[0].Raw), `"loads":[{"digest"`)) {
			t.Errorf("the interpreter is not pinned: %v", seen.Items)
		}
	}
}
