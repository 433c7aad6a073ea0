package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/durable"
	"doorward/internal/gatetest"
)

const tightened = `
upstreams: {up: {url: "${up}"}}
roles: {user: {allow: [{tools: ["up/**"]}], deny: [{tools: [up/drop]}]}}
`

// TestDUR31_BadConfigurations reads configurations that cannot be. Each is refused whole and
// on record with the reason, somebody is told, and calls are judged as before.
func TestDUR31_BadConfigurations(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("get", "drop")})}
	gw := gatetest.Gateway(t, tightened, ups)
	gw.Approve("")
	c := gw.As("alice", "user").Open(modern)
	path := filepath.Join(gw.Dir, "doorward.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opened := strings.Replace(string(text), ", deny: [{tools: [up/drop]}]", "", 1)
	large := opened + "#" + strings.Repeat(strings.Repeat("x", 1023)+"\n#", 50<<10)
	for _, bad := range []struct{ what, text, says string }{
		{"syntax", opened + "profiles: {all: [\n", "this is not YAML"},
		{"an unknown key", opened + "limit: {per_principal: 1/1s}\n", "limit"},
		{"a key twice", opened + "roles: {}\n", "roles"},
		{"a secret that is not there", opened + "secrets: {token: {from: \"env:DOORWARD_NONE\"}}\n", "DOORWARD_NONE"},
		{"an upstream that is not there", opened + "profiles: {all: {upstreams: [up, gone]}}\n", "gone"},
		{"a role that is not there", opened + "identity: {anonymous: {roles: [gone]}}\n", "gone"},
		{"50 MiB", large, "larger than"},
		{"what needs a restart", strings.Replace(opened, "data_dir: data", "data_dir: other", 1), "data_dir cannot change"},
	} {
		if err := durable.Replace(path, []byte(bad.text)); err != nil { // whole at once: the file is watched
			t.Fatal(err)
		}
		had := len(gw.Records(audit.Query{Event: "config.refused"}))
		if err := gw.App.Reload(t.Context(), "uid:7"); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: %v, want something of %q", bad.what, err, bad.says)
			continue
		}
		told := false
		for _, r := range gw.Records(audit.Query{Event: "config.refused"})[had:] {
			told = told || r.Actor == "uid:7" && r.Status == "refused" && strings.Contains(r.Detail, bad.says)
		}
		if !told {
			t.Errorf("%s: the reason is not on record", bad.what)
		}
		if r := c.Call("up__get", `{}`); !r.OK() {
			t.Errorf("%s: what was allowed: %s", bad.what, r)
		}
		if r := c.Call("up__drop", `{}`); r.Refusal != "policy.denied" {
			t.Errorf("%s: what was denied: %s", bad.what, r)
		}
	}
	if n := len(gw.Records(audit.Query{Event: "config.reload"})); n != 0 {
		t.Errorf("%d came into force", n)
	}
	eventually(t, "somebody is told", func() bool {
		for _, r := range gw.Records(audit.Query{Event: "alert.raised"}) {
			if strings.HasPrefix(r.Detail, "security_events") {
				return true
			}
		}
		return false
	})
}

// TestDUR34_DUR35_TightenedWhileCallsRun takes a tool and then its upstream out of the file
// while a call of it runs and streams are open. As soon as clients hear that their
// tools are others, nobody can call it; what runs ends under the policy that let it in, or
// with its upstream; and what changed, and when, and back again, is on record.
func TestDUR34_DUR35_TightenedWhileCallsRun(t *testing.T) {
	t.Parallel()
	up := talking(t, true, gatetest.Script{Tools: rawTools("get", "drop")})
	gw := gatetest.Gateway(t, strings.NewReplacer(", deny: [{tools: [up/drop]}]", "", "${up}", up.URL()).Replace(tightened), nil)
	gw.Approve("")
	alice, bob := gw.As("alice", "user").Open("2025-11-25"), gw.As("bob", "user").Open(modern)
	streams := []<-chan heard{watch(t, gw, alice, "", ""), watch(t, gw, bob, "1", `{"toolsListChanged":true}`)}
	next(t, streams[1]) // that it is acknowledged
	path := filepath.Join(gw.Dir, "doorward.yaml")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	denied := strings.Replace(string(before), `["up/**"]}]`, `["up/**"]}], deny: [{tools: [up/drop]}]`, 1)
	none := strings.Replace(denied, string(before[strings.Index(string(before), "upstreams:"):strings.Index(string(before), "roles:")]), "", 1)
	for i, change := range []struct {
		text, refusal string
		ends          bool // what runs ends as it would have
	}{{denied, "policy.denied", true}, {none, "tool.unknown", false}} {
		if i > 0 { // else it stands as it is: a write of the same is one change with what follows, or one of its own
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, events := range streams {
				for next(t, events).Method != toolsChanged { // that it may be called again
				}
			}
		}
		eventually(t, "it may be called", func() bool { return alice.Call("up__drop", `{}`).OK() })
		started, release := up.Hold("drop")
		running := make(chan *gatetest.Reply, 1)
		go func() { running <- bob.Call("up__drop", `{}`) }()
		<-started
		for _, events := range streams {
			for len(events) > 0 {
				<-events
			}
		}
		if err := os.WriteFile(path, []byte(change.text), 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for _, events := range streams {
			for next(t, events).Method != toolsChanged { // the other lists have changed too
			}
		}
		calls := up.Count("tools/call")
		if r := alice.Call("up__drop", `{}`); r.OK() || r.Refusal != change.refusal {
			t.Errorf("%s: after it was told: %s", change.refusal, r)
		}
		t.Logf("%s after %s", change.refusal, time.Since(began).Round(time.Millisecond))
		if n := up.Count("tools/call"); n != calls {
			t.Errorf("%d calls reached the upstream", n-calls)
		}
		release()
		r := <-running
		outcomes := gw.Records(audit.Query{Exchange: r.Exchange})
		if r.OK() != change.ends || len(outcomes) != 2 || (outcomes[1].Status == "ok") != change.ends || outcomes[1].Policy != outcomes[0].Policy {
			t.Errorf("%s: the call that ran: %s; on record %+v", change.refusal, r, outcomes)
		}
	}
	history(t, gw)
}

// history holds the record to say of each configuration which it is, which came before, and
// what is different: back to the first is a change too.
func history(t *testing.T, gw *gatetest.GW) {
	t.Helper()
	start := gw.Records(audit.Query{Event: "config.start"})
	if len(start) != 1 {
		t.Fatalf("%d records of the start", len(start))
	}
	digest, policy, _ := strings.Cut(start[0].Detail, ", policy ")
	last := digest
	changes := []string{"roles.user", "roles.user", "upstreams.up"}
	var seen []string
	for i, r := range gw.Records(audit.Query{Event: "config.reload"}) {
		is, rest, _ := strings.Cut(r.Detail, ", policy ")
		version, rest, _ := strings.Cut(rest, ", before ")
		was, changed, _ := strings.Cut(rest, "; changed: ")
		if was != last || r.Actor != "file" || r.Status != "begun" || i < len(changes) && !strings.Contains(changed, changes[i]) {
			t.Errorf("reload %d, after %s: %s %s %s", i, last, r.Actor, r.Status, r.Detail)
		}
		if is == digest && version != policy {
			t.Errorf("the first configuration has the policy %s, and had %s", version, policy)
		}
		last = is
		seen = append(seen, is)
	}
	if len(seen) != 3 || seen[1] != digest {
		t.Errorf("in force were %s and then %v", digest, seen)
	}
}
