package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
)

// PIN-18: whoever can write the configuration cannot loosen how an approved command is confined:
// it is not started so before somebody approves that, and they are told what is looser.
func TestPIN18_LooserConfinementWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ran, server := filepath.Join(dir, "ran"), filepath.Join(dir, "server.sh")
	if err := os.WriteFile(server, []byte(fmt.Sprintf(": > %q\n%s", ran, echoing)), 0o600); err != nil {
		t.Fatal(err)
	}
	written := func(sandbox string) string {
		return "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nroles: {user: {allow: [{tools: [\"*/*\"]}]}}\n" +
			fmt.Sprintf("upstreams: {up: {command: [sh, %q]%s}}\n", server, sandbox)
	}
	g := gatetest.GatewayAt(t, dir, written(""), nil)
	for _, e := range seenOf(t, g, false) { // this program confines nothing, so it does not run
		if _, err := g.App.Approve(t.Context(), "test", []admin.Ref{{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest}}); err != nil {
			t.Fatal(err)
		}
	}
	if s := states(t, g); s["command "] != "approved" {
		t.Fatalf("before: %v", s)
	}
	c := g.As("alice", "user").Open(eras[0])
	for _, tc := range []struct{ sandbox, want string }{
		{", sandbox: {write: [/srv]}", "It may write what it could not: /srv."},
		{", sandbox: {network: [\"evil.example:443\"]}", "It may reach what it could not: evil.example:443."},
		{", sandbox: {allow_weaker: [landlock, seccomp]}", "It may run without layers of its sandbox: landlock, seccomp."},
		{", allow_launch: [code]", "It may break launch rules: code."},
		{", sandbox: {kind: none}", "It is confined no longer: it has Doorward's own rights."},
	} {
		if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte(written(tc.sandbox)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := g.App.Reload(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
		if r := c.Call("up__echo", `{}`); r.Refusal != "upstream.held" {
			t.Errorf("%s: %s", tc.sandbox, r)
		}
		all := seenOf(t, g, true)
		at := slices.IndexFunc(all, func(e admin.Entry) bool { return e.Kind == "command" })
		if at < 0 || all[at].State != "changed" || all[at].Quick || !slices.Contains(all[at].Reasons, tc.want) {
			t.Errorf("%s: listed is %+v", tc.sandbox, all)
		}
		d, err := g.App.Detail(t.Context(), "up", "command", "")
		if err != nil || len(d.Diff) == 0 || d.Approved == d.Observed || !slices.Contains(d.Reasons, tc.want) {
			t.Errorf("%s: shown is %+v, %v", tc.sandbox, d, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Fatal("a command ran that nobody has approved so")
	}
	g.Approve("up")
	g.Approve("up") // what it offers, now that it may be started
	if r := c.Call("up__echo", `{}`); !r.OK() || !strings.Contains(string(r.Body), "it is") {
		t.Errorf("approved: %s", r)
	}
}

// seenOf is what people are shown of the upstream.
func seenOf(t *testing.T, g *gatetest.GW, refresh bool) []admin.Entry {
	t.Helper()
	all, err := g.App.Entries(t.Context(), admin.Review{Upstream: "up", Refresh: refresh, Shown: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
