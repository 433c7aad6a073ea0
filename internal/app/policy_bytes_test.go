package app_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
	"doorward/internal/policy"
)

// TestPOL51JudgedIsForwarded: the upstream gets the arguments byte for byte as
// they were judged, and templates in them mean nothing (POL-53).
func TestPOL51JudgedIsForwarded(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(`{"tools":[{"name":"put","inputSchema":{"type":"object","properties":{"path":{},"z":{},"a":{},"n":{}}}}]}`)))
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}", arguments: {path: path}}}
roles: {user: {allow: [{tools: ["up/*"], where: {path: {under: [/srv/a]}}}]}}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("alice", "user").Open(version)
		for _, args := range []string{
			`{ "path" :  "/srv/a/x" ,"z":1,"a":2 }`,
			"{\"z\":1,\t\"path\":\"\\/srv\\/a\\/\\u0078\",\r\n \"a\":[ ]}",
			`{"p\u0061th":"/srv/a/x","n":9007199254740993}`,
			`{"n":1.0,"a":1e2,"z":-0,"path":"/srv/a/x"}`,
			`{"n":100000000000000000000000000000000000000001,"a":0.1000000000000000055511151231257827}`,
			`{"path":"/srv/a//x"}`, `{"path":"/srv/a/é"}`, "{\"path\":\"/srv/a/e\u0301\"}", `{"path":"/srv/a/日本\ud83d\ude00"}`, `{"z":"\u003cb\u003e&<b>","a":"\u2028"}`,
			`{"z":"{{env.SECRET}}","a":"${HOME}","n":"%{PATH} #{x} $(id) {{7*7}} <%= 1 %>"}`,
		} {
			before := up.Count("tools/call")
			r := c.Call("up__put", args)
			seen := up.Seen("tools/call")[before:]
			switch {
			case len(seen) == 0 && r.Refusal == "arguments.refused": // not judged otherwise and then sent
			case len(seen) != 1 || !didRun(r):
				t.Errorf("%s: %s: %s", version, args, r)
			case !bytes.Contains(seen[0].Raw, []byte(`"arguments":`+args)):
				t.Errorf("%s: sent %s, and the upstream got %s", version, args, seen[0].Raw)
			}
		}
	}
	if n := up.Count("tools/call"); n < 9*len(eras) {
		t.Errorf("only %d calls got through", n)
	}
}

const simulated = `
trust: {flows: []}
upstreams: {up: {url: "${up}", arguments: {path: path, url: url}}}
roles:
  a: {allow: [{tools: ["up/get*"], where: {path: {under: [/srv/a]}}}, {tools: [up/set], when: "args.owner == 'acme'"}]}
  b: {allow: [{tools: ["up/*"], mode: approve, approvers: {roles: [c]}, when: "args.n > 3"}, {tools: [up/get]}], deny: [{tools: [up/drop]}, {tools: ["up/*"], when: "args.owner == 'evil'"}]}
  c: {allow: [{tools: ["up/**"], where: {values: {n: {min: 0, max: 9}}}}], deny: [{tools: [up/set], mode: observe}]}
`

// TestPOL57SimulatedAndEnforced: what the policy says of a question, offline, is
// what the gateway does, with the same rule on record.
func TestPOL57SimulatedAndEnforced(t *testing.T) {
	t.Parallel()
	const calls = 500
	var open gatetest.Script
	for _, name := range []string{"get", "get_all", "set", "drop"} {
		open.Tools = append(open.Tools, fmt.Appendf(nil, `{"name":%q,"inputSchema":{"type":"object","properties":{"path":{},"url":{},"owner":{},"n":{}}}}`, name))
	}
	up := gatetest.Upstream(t, open)
	gw := gatetest.Gateway(t, simulated, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	cfg, err := config.Load(filepath.Join(gw.Dir, "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, faults := policy.Compile(cfg.PolicySource())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rnd := rand.New(rand.NewPCG(57, 1))
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	count := map[string]int{}
	for i := range calls {
		roles := [][]string{{"a"}, {"b"}, {"c"}, {"a", "b"}, {"a", "c"}, {"b", "c"}}[rnd.IntN(6)]
		name := strings.Join(roles, "-")
		c := gw.As(name, roles...).Open(modern)
		tool := pick("get", "get_all", "set", "drop")
		var members []string
		for _, m := range []string{
			`"path":` + pick(`"/srv/a/x"`, `"/etc/x"`, `["/srv/a/x"]`, `7`), `"owner":` + pick(`"acme"`, `"evil"`, `"x"`, `null`), `"n":` + pick("1", "5", "10", `"5"`, "1e400"), `"url":` + pick(`"https://example.com/"`, `"http://127.0.0.1/"`),
		} {
			if rnd.IntN(3) > 0 {
				members = append(members, m)
			}
		}
		args := "{" + strings.Join(members, ",") + "}"
		d := p.Judge(&policy.Question{Who: &gate.Principal{Subject: name, Realm: gate.RealmKeys, Roles: roles}, Kind: gate.Tool, Upstream: "up", Name: tool, Called: true, Args: []byte(args), Now: time.Now()})
		want := ""
		switch {
		case d.Allowed && d.Terms != nil:
			want = "approval.required"
		case !d.Allowed && d.Public != "":
			want = "arguments.refused"
		case !d.Allowed:
			want = "policy.denied"
		}
		r := c.Call("up__"+tool, args)
		if want == "approval.required" && r.Refusal == "approval.limit" {
			want = "approval.limit" // of one principal
		}
		count[want]++
		if r.Refusal != want || didRun(r) != (want == "") {
			t.Errorf("%d: %v %s %s: the policy says %+v, and the gateway %s", i, roles, tool, args, d, r)
		}
		if i%10 != 0 {
			continue
		}
		for _, rec := range gw.Records(audit.Query{Exchange: r.Exchange, Limit: 1}) {
			if d.Allowed && rec.Rule != d.Rule || !d.Allowed && !strings.Contains(rec.Reason, d.Rule) || rec.Policy != p.Version() {
				t.Errorf("%d: the record has rule %q, reason %q, policy %s; want %q, %s", i, rec.Rule, rec.Reason, rec.Policy, d.Rule, p.Version())
			}
		}
	}
	t.Logf("%v", count)
	if count[""] < calls/10 || count["policy.denied"] < calls/10 || count["arguments.refused"] < calls/10 || count["approval.required"] == 0 {
		t.Errorf("the calls say too little: %v", count)
	}
}

// TestPOL60CorruptAtReload: a configuration or a lock that cannot be read changes
// nothing, and the log says so.
func TestPOL60CorruptAtReload(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("get", "drop")})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles: {user: {allow: [{tools: ["up/**"]}], deny: [{tools: [up/drop]}]}}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	path, lock := filepath.Join(gw.Dir, "doorward.yaml"), filepath.Join(gw.Dir, "doorward.lock")
	good := map[string][]byte{}
	for _, file := range []string{path, lock} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		good[file] = b
	}
	c := gw.As("alice", "user").Open(modern)
	stays := func(what string) {
		t.Helper()
		if r := c.Call("up__get", `{}`); !r.OK() {
			t.Errorf("%s: an open tool: %s", what, r)
		}
		before := up.Count("tools/call")
		if r := c.Call("up__drop", `{}`); r.Refusal != "policy.denied" || up.Count("tools/call") != before {
			t.Errorf("%s: a closed tool: %s", what, r)
		}
	}
	stays("before")
	opened := strings.Replace(string(good[path]), ", deny: [{tools: [up/drop]}]", "", 1)
	for file, bad := range map[string][]string{
		path: {"", "\x00", "roles: [", opened + "roles: {}\n", opened + "nonsense: true\n", strings.Replace(opened, "up/**", "up/[", 1), strings.Replace(opened, `{tools: ["up/**"]}`, `{tools: ["up/**"], when: "1 +"}`, 1), opened[:len(opened)-4]},
		lock: {"{", "\x00\x00", string(good[lock][:len(good[lock])/2]), `{"version":99}`},
	} {
		for _, text := range bad {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := gw.App.Reload(t.Context(), "test"); err == nil {
				t.Errorf("%s: %.60q was taken", filepath.Base(file), text)
			}
			stays(fmt.Sprintf("%.30q", text))
		}
		if err := os.WriteFile(file, good[file], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(gw.Log(), "the old one stays") {
		t.Error("the log does not say that the old configuration stays")
	}
	if err := gw.App.Reload(t.Context(), "test"); err != nil {
		t.Errorf("the good files again: %v", err)
	}
	stays("after")
}

// TestPOL60ApprovalsCorrupt: with approvals that cannot be read nothing is held,
// granted or run.
func TestPOL60ApprovalsCorrupt(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("write")})}
	w := waits(t, ups)
	c := w.As("alice", "user").Open(modern)
	wait := w.grants(c.Call("up__write", `{}`))
	files, err := filepath.Glob(filepath.Join(w.Dir, "data", "approvals*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file of approvals: %v", err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() || info.Size() == 0 {
			continue // a lock, or sealed arguments
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{[]byte("{"), []byte("\x00\x01"), b[:len(b)/2], bytes.Replace(b, []byte(`"count":1`), []byte(`"count":`), 1)} {
			if bytes.Equal(text, b) {
				continue
			}
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := c.Call("up__write", `{}`); didRun(r) || r.Refusal != "approval.unavailable" {
				t.Errorf("with %.20q in place of the approvals: %s", text, r)
			}
			if err := decide(t, w.GW, wait.id, w.lead, true); err == nil {
				t.Errorf("with %.20q in place of the approvals somebody granted", text)
			}
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := ups["up"].Count("tools/call"); n != 0 {
		t.Errorf("it ran %d times", n)
	}
	if r := c.Call("up__write", `{}`); !didRun(r) {
		t.Errorf("with the approvals as they were: %s", r)
	}
}
