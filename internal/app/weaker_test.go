package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// SBX-20: a command that is not confined because the configuration says so is told of at the
// start, raises an alert, is counted, and every record of a call to it says so; one of a URL does
// not.
func TestSBX20_AnOptOutIsLoud(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := filepath.Join(dir, "server.sh")
	if err := os.WriteFile(server, []byte(echoing), 0o600); err != nil {
		t.Fatal(err)
	}
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	const written = "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nroles: {user: {allow: [{tools: [\"*/echo\"]}]}}\n" +
		"upstreams: {web: {url: %q}, cmd: {command: [sh, %q], sandbox: {kind: none}}%s}\n"
	g := gatetest.GatewayAt(t, dir, fmt.Sprintf(written, up.URL(), server, ""), nil)
	told := func() (of []string) {
		for _, r := range g.Records(audit.Query{Event: "sandbox.weaker"}) {
			of = append(of, r.Upstream+": "+r.Detail)
		}
		return of
	}
	if got := told(); !slices.Equal(got, []string{"cmd: its command is not confined: it has Doorward's own rights"}) {
		t.Errorf("on record is %q", got)
	}
	eventually(t, "an alert", func() bool {
		return slices.ContainsFunc(g.Records(audit.Query{Event: "alert.raised"}), func(r audit.Record) bool { return strings.Contains(r.Detail, "security_events") })
	})
	if !strings.Contains(g.Log(), "a sandbox is weaker than it could be") {
		t.Error("the log says nothing")
	}
	g.Approve("")
	g.Approve("") // what the command offers, once it may be started
	c := g.As("alice", "user").Open(eras[0])
	for _, tool := range []string{"cmd__echo", "cmd__boast", "web__echo", "web__none"} {
		c.Call(tool, `{}`)
	}
	for _, r := range g.Records(audit.Query{}) {
		if r.Kind != audit.KindIntent && r.Kind != audit.KindOutcome || r.Upstream == "" {
			continue
		}
		want := []string(nil)
		if r.Upstream == "cmd" {
			want = []string{"sandbox"}
		}
		if !slices.Equal(r.Weaker, want) {
			t.Errorf("the %s of %s/%s says %q", r.Kind, r.Upstream, r.Item, r.Weaker)
		}
	}
	if n := len(g.Records(audit.Query{Weaker: true})); n < 3 { // intent and outcome of one call, the refusal of another
		t.Errorf("%d records are found by it", n)
	}
	entries, err := g.App.Entries(t.Context(), admin.Review{})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, e := range entries {
		shown[e.Upstream] = true
		if want := map[string][]string{"cmd": {"sandbox"}}[e.Upstream]; !slices.Equal(e.Weaker, want) {
			t.Errorf("%s %s/%s is listed as without %q", e.Kind, e.Upstream, e.Name, e.Weaker)
		}
	}
	if !shown["cmd"] || !shown["web"] {
		t.Errorf("listed are %v", shown)
	}
	scrape := httptest.NewRecorder()
	g.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for _, want := range []string{`doorward_upstreams_weaker{layer="sandbox"} 1`, `kind="child_weaker",upstream="cmd"`} {
		if !strings.Contains(scrape.Body.String(), want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	more := `, other: {command: [sh, "/srv/x.sh"], sandbox: {allow_weaker: [seccomp, landlock]}}`
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), fmt.Appendf(nil, written, up.URL(), server, more), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if got := told(); len(got) != 2 || got[1] != "other: its command may run without landlock, seccomp" {
		t.Errorf("after a reload, on record is %q", got)
	}
}

// What the configuration says and should not is told at the start, and at a reload.
func TestWarningsAreTold(t *testing.T) {
	t.Parallel()
	gw := gatetest.Gateway(t, "upstreams: {}\naudit: {retain: 30d}\n", nil)
	told := func(class string) int {
		return strings.Count(gw.Log(), "the configuration says what it should not") * min(1, strings.Count(gw.Log(), "audit.retain."+class))
	}
	at := told("calls")
	if at == 0 {
		t.Error("not told at the start")
	}
	rewrite(t, gw, "retain: 30d", "retain: {events: 31d}")
	if got := told("events"); got != at+1 {
		t.Errorf("told %d times at the reload, want once", got-at)
	}
}
