package app_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// matrixRoles are the rules of security.md §4.d, one tool for each type.
const matrixRoles = `
trust: {flows: []}
upstreams:
  files:
    url: "%s"
    arguments: {path: path, statement: sql, word: command, url: url, host: host, to: email, id: identifier, options: json}
roles:
  reader:
    allow:
      - tools: [files/read]
        where: {path: {under: [/srv/a]}}
      - tools: [files/query]
        where: {sql: {tables: [public.t1, public.t2]}}
      - tools: [files/git]
        where: {command: {programs: [git, status, log]}}
      - tools: [files/fetch, files/lookup]
      - tools: [files/mail]
        where: {email: {domains: [ok.test]}}
`

const matrixTools = `{"tools":[
{"name":"read","inputSchema":{"type":"object","properties":{"path":{},"options":{}}}},
{"name":"query","inputSchema":{"type":"object","properties":{"statement":{}}}},
{"name":"git","inputSchema":{"type":"object","properties":{"word":{}}}},
{"name":"fetch","inputSchema":{"type":"object","properties":{"url":{},"host":{}}}},
{"name":"mail","inputSchema":{"type":"object","properties":{"to":{}}}},
{"name":"lookup","inputSchema":{"type":"object","properties":{"id":{}}}}]}`

// hostile is a call that no entrance may let through.
type hostile struct{ id, tool, args string }

func hostiles() []hostile {
	text := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	all := []hostile{
		{"POL-16 array", "read", `{"path":["/srv/a/x","/etc/passwd"]}`},
		{"POL-16 nested", "read", `{"options":"{\"path\":\"/etc/passwd\"}"}`},
		{"POL-16 number", "read", `{"path":7}`},
		{"POL-16 other case", "read", `{"path":"/srv/a/x","PATH":"/etc/passwd"}`},
		{"POL-31 an option", "git", `{"word":["git","--output=/tmp/x"]}`},
		{"POL-31 -c", "git", `{"word":["git","-c","core.sshCommand=id"]}`},
	}
	for _, one := range []struct{ id, tool, name, value string }{
		{"POL-01", "read", "path", "../../../etc/passwd"},
		{"POL-01 dots", "read", "path", "/srv/a/../b"},
		{"POL-03", "read", "path", "/srv/a-evil/x"},
		{"POL-06", "read", "path", `/srv/a/x"`},
		{"POL-08", "read", "path", "/srv/a/ok.txt\x00/../../etc/passwd"},
		{"POL-12", "read", "path", "file://localhost/etc/passwd"},
		{"POL-17", "query", "statement", "SELECT 1; COMMIT; DROP SCHEMA public CASCADE"},
		{"POL-19", "query", "statement", "WITH x AS (DELETE FROM t1 RETURNING *) SELECT * FROM x"},
		{"POL-28", "query", "statement", "SELECT * FROM public.t1 JOIN public.secret USING (id)"},
		{"POL-30", "lookup", "id", "x$(id)"},
		{"POL-36", "fetch", "url", "http://127.1/"},
		{"POL-36 host", "fetch", "host", "2130706433"},
		{"POL-37", "fetch", "url", "http://[::ffff:127.0.0.1]/"},
		{"POL-37 metadata", "fetch", "url", "http://169.254.169.254/latest/meta-data"},
		{"POL-55", "mail", "to", "a@ok.test,b@evil.test"},
		{"POL-55 header", "mail", "to", "a@ok.test\nBcc: b@evil.test"},
	} {
		all = append(all, hostile{one.id, one.tool, fmt.Sprintf(`{%q:%s}`, one.name, text(one.value))})
	}
	return all
}

// harmless are calls that every entrance lets through.
func harmless() []hostile {
	return []hostile{
		{"POL-01", "read", `{"path":"/srv/a/x.md"}`},
		{"POL-17", "query", `{"statement":"SELECT a FROM public.t1;"}`},
		{"POL-30", "lookup", `{"id":"main"}`},
		{"POL-31", "git", `{"word":["git","status"]}`},
		{"POL-36", "fetch", `{"url":"https://example.com/"}`},
		{"POL-55", "mail", `{"to":"a@ok.test"}`},
	}
}

// TestPOL01To55OnEveryEntrance: what the arguments mean is judged alike in every
// revision and on every transport (P5): refused with one code, with a status of
// its own where the answer has one, on record once with the rule, and never seen
// by the upstream.
func TestPOL01To55OnEveryEntrance(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(matrixTools)))
	roles := fmt.Sprintf(matrixRoles, up.URL())
	gw := gatetest.Gateway(t, "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\", legacy_sse: true, websocket: true}\n"+roles, nil)
	gw.Approve("")
	key := gw.Key("alice", "reader")
	for name, open := range map[string]func(*testing.T, opening) (voice, told){
		"http": openHTTP(gw), "sse": openSSE(gw), "websocket": openSocket(gw), "stdio": nil,
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range revisions {
				if name == "sse" && version == modern { // it ended with the era that had it
					continue
				}
				t.Run(version, func(t *testing.T) {
					dir, open := gw.AuditDir(), open
					if open == nil {
						s := overStdio(t, gw, roles)
						open, dir = s.open, s.dir
					}
					v, refused := open(t, opening{key: key, version: version})
					if v == nil {
						t.Fatalf("opening: %+v", refused)
					}
					if version != modern {
						shake(t, v, version)
					}
					m := matrix{t: t, up: up, voice: v, version: version, dir: dir}
					m.refuses()
					m.passes()
				})
			}
		})
	}
}

// matrix is one connection of the matrix.
type matrix struct {
	t       *testing.T
	up      *gatetest.UP
	voice   voice
	version string
	dir     string // of the audit log
	id      int    // of the last request
}

func (m *matrix) call(h hostile) []byte {
	m.id++
	body := asks(m.version, "tools/call", fmt.Sprintf(`"name":"files__%s","arguments":%s`, h.tool, h.args))
	return []byte(strings.Replace(body, `"id":2`, fmt.Sprintf(`"id":%d`, 100+m.id), 1))
}

// outcomes are those of tool calls, oldest first.
func (m *matrix) outcomes() []audit.Record {
	m.t.Helper()
	ring, err := audit.OpenKeyring(m.dir, filepath.Join(filepath.Dir(m.dir), "audit.key"))
	if err != nil {
		m.t.Fatal(err)
	}
	var all []audit.Record
	err = audit.Read(m.t.Context(), m.dir, audit.Query{Kind: audit.KindOutcome}, func(r *audit.Record) error {
		if r.Method != "tools/call" {
			return nil
		}
		all = append(all, *r)
		return ring.Reveal(&all[len(all)-1])
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

func (m *matrix) refuses() {
	t := m.t
	t.Helper()
	// A handshake reaches the upstream when the first call of a session does.
	if got := m.voice.say(t, m.call(harmless()[0])); !strings.Contains(got.raw, `"ok"`) {
		t.Fatalf("an ordinary call: %+v", got)
	}
	before, posts := len(m.outcomes()), m.up.Posts()
	tried := hostiles()
	for _, h := range tried {
		got := m.voice.say(t, m.call(h))
		if got.code != 4030 || got.refusal != "arguments.refused" {
			t.Errorf("%s: %s: got %+v, want arguments.refused", h.id, h.args, got)
		}
		for _, word := range []string{"passwd", "DROP", "DELETE", "evil", "meta-data", "tmp", "roles.reader"} {
			if strings.Contains(got.raw, word) {
				t.Errorf("%s: the answer repeats %q: %s", h.id, word, got.raw)
			}
		}
	}
	if n := m.up.Posts() - posts; n != 0 {
		t.Errorf("U0: %d requests reached the upstream", n)
	}
	records := m.outcomes()[before:]
	if len(records) != len(tried) {
		t.Fatalf("A1: %d records of %d calls", len(records), len(tried))
	}
	for i, r := range records {
		if r.Code != "arguments.refused" || r.Effect != "deny" || r.Status != "refused" || r.Stage != "authorize" || r.Item != tried[i].tool ||
			r.Upstream != "files" || r.Policy == "" || r.Principal.Subject == "" || !strings.Contains(r.Reason, "roles.reader.allow[") || strings.Contains(r.Reason, "passwd") {
			t.Errorf("A1: %s: the record is %+v", tried[i].id, r)
		}
	}
	if h, ok := m.voice.(overHTTP); ok {
		if r := h.client.Post(m.call(tried[0])); r.Status != 400 {
			t.Errorf("the status of a refusal is %d: %s", r.Status, r)
		}
	}
}

func (m *matrix) passes() {
	t := m.t
	t.Helper()
	for _, h := range harmless() {
		calls := m.up.Count("tools/call")
		if got := m.voice.say(t, m.call(h)); got.refusal != "" || got.code != 0 || !strings.Contains(got.raw, `"ok"`) {
			t.Errorf("%s: %s: got %+v", h.id, h.args, got)
		}
		if n := m.up.Count("tools/call") - calls; n != 1 {
			t.Errorf("%s: %d calls reached the upstream", h.id, n)
		}
	}
}

// TestPOL01InABatch: each item of a batch (2025-03-26 alone) is judged for itself.
func TestPOL01InABatch(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(matrixTools)))
	gw := gatetest.Gateway(t, fmt.Sprintf(matrixRoles, up.URL()), nil)
	gw.Approve("")
	c := gw.As("alice", "reader").Open("2025-03-26")
	var items []string
	for i, h := range append(hostiles(), harmless()...) {
		items = append(items, string(c.Request(fmt.Sprint(i), "tools/call", fmt.Sprintf(`"name":"files__%s","arguments":%s`, h.tool, h.args))))
	}
	r := c.Post([]byte("[" + strings.Join(items, ",") + "]"))
	if n := strings.Count(string(r.Body), `"arguments.refused"`); n != len(hostiles()) {
		t.Errorf("%d of %d items were refused: %s", n, len(hostiles()), r)
	}
	if n := up.Count("tools/call"); n != len(harmless()) {
		t.Errorf("%d calls reached the upstream, want %d", n, len(harmless()))
	}
	n := 0
	for _, rec := range gw.Records(audit.Query{Kind: audit.KindOutcome, Code: "arguments.refused"}) {
		if rec.Status == "refused" && strings.Contains(rec.Exchange, ".") {
			n++
		}
	}
	if n != len(hostiles()) {
		t.Errorf("A1: %d records, want %d", n, len(hostiles()))
	}
}
