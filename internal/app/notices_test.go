package app_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/gatetest"
)

const hookSecret = "CANARY-of-the-webhook-7d1f-0123456789"

// mailbox is a receiver of notices.
type mailbox struct {
	url    string
	secret string // the file

	mu     sync.Mutex
	bodies []string
	t      *testing.T
}

func newMailbox(t *testing.T, handle http.HandlerFunc) *mailbox {
	t.Helper()
	m := &mailbox{t: t, secret: filepath.Join(t.TempDir(), "hook")}
	if err := os.WriteFile(m.secret, []byte(hookSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the gateway has given up
		}
		mac := hmac.New(sha256.New, []byte(hookSecret))
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		if r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Error("a notice with a bad signature")
		}
		m.mu.Lock()
		m.bodies = append(m.bodies, string(body))
		m.mu.Unlock()
		if handle != nil {
			handle(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	m.url = srv.URL + "/CANARY-in-the-path-of-the-hook"
	return m
}

func (m *mailbox) config() string {
	return fmt.Sprintf("secrets: {hook: {from: %q}}\napprovals: {webhook: {url: %q, secret: hook}}\n", "file:"+m.secret, m.url)
}

// told are the notices so far, of one approval.
func (m *mailbox) told(id string) []map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []map[string]any
	for _, b := range m.bodies {
		var n map[string]any
		if err := json.Unmarshal([]byte(b), &n); err != nil {
			m.t.Error(err)
		}
		if data, _ := n["data"].(map[string]any); data["approval"] == id {
			all = append(all, n)
		}
	}
	return all
}

// People are told of a call that waits and of each decision, and where to decide;
// never of its arguments (LOG-19).
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			m := newMailbox(t, nil)
			peopleAreTold(t, m, newCourt(t, version, m.config()))
		})
	}
}

func peopleAreTold(t *testing.T, m *mailbox, c *court) {
	t.Helper()
	c.Hide(hookSecret, "CANARY-in-the-arguments")
	const arguments = `{"whom":"CANARY-in-the-arguments"}`
	id := c.held("up__delete_all", arguments)
	c.held("up__delete_all", arguments) // it waits already
	for _, who := range []string{"lead-1", "lead-2"} {
		if s := c.ask(who, "POST", "/"+id, grant); s.status != 200 {
			t.Errorf("%s: %s", who, s)
		}
	}
	denied := c.held("up__move", arguments)
	if s := c.ask("chief-1", "POST", "/"+denied, deny); s.status != 200 {
		t.Errorf("the no: %s", s)
	}
	eventually(t, "all are told", func() bool { return len(m.told(id)) == 3 && len(m.told(denied)) == 2 })
	var kinds []string
	for _, n := range slices.Concat(m.told(id), m.told(denied)) {
		kinds = append(kinds, fmt.Sprint(n["type"]))
	}
	if diff := cmp.Diff([]string{"approval.waiting", "approval.agreed", "approval.granted", "approval.waiting", "approval.denied"}, kinds); diff != "" {
		t.Error(diff)
	}
	data := m.told(id)[2]["data"].(map[string]any)
	for _, volatile := range []string{"expires", "exchange"} {
		if data[volatile] == "" {
			t.Errorf("%s is empty", volatile)
		}
		delete(data, volatile)
	}
	if diff := cmp.Diff(map[string]any{
		"approval": id, "who": map[string]any{"subject": "alice", "realm": "api_key"}, "by": map[string]any{"subject": "lead-2", "realm": "api_key"},
		"upstream": "up", "name": "delete_all", "method": "tools/call", "rule": "roles.caller.allow[1].tools[0]: up/delete_all",
		"needed": 2.0, "approved": 2.0, "decide": "http://" + c.Address() + "/approvals/" + id,
	}, data); diff != "" {
		t.Error(diff)
	}
	eventually(t, "all are on record", func() bool { return len(c.on("webhook.sent")) == 5 })
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bodies {
		if strings.Contains(b, "CANARY") {
			t.Errorf("LOG-19: %s", b)
		}
	}
	if strings.Contains(c.Log(), "CANARY-in-the-path") {
		t.Error("the path of the receiver's URL is in the log")
	}
}

// A receiver that hangs delays no call, no decision and no end.
func TestALR04ADeadReceiver(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := newCourt(t, modern, m.config())
	id := c.held("up__move", `{}`)
	eventually(t, "the receiver hangs", func() bool { return len(m.told(id)) > 0 })
	if s := c.ask("chief-1", "POST", "/"+id, grant); s.status != 200 {
		t.Errorf("the decision: %s", s)
	}
	if r := c.alice.Call("up__move", `{}`); !r.OK() || c.up.Count("tools/call") != 1 {
		t.Errorf("the call: %s", r)
	}
	c.Stop()
	if r := c.on("webhook.failed"); len(r) != 1 || r[0].Status != "failed" || !strings.Contains(r[0].Detail, "2 not sent") {
		t.Errorf("on record: %+v", r)
	}
}

// A resource that a template was filled in for is told by its scheme alone.
func TestLOG19ATemplateIsAnArgument(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, nil)
	up := gatetest.Upstream(t, gatetest.Script{Templates: []json.RawMessage{[]byte(`{"uriTemplate":"docs://{who}","name":"docs"}`)}})
	c := &court{t: t, up: up}
	c.GW = gatetest.Gateway(t, m.config()+`
upstreams: {up: {url: "${up}"}}
roles:
  caller: {allow: [{resources: ["docs://*"], mode: approve, approvers: {roles: [lead]}}]}
  lead: {}
`, map[string]*gatetest.UP{"up": up})
	c.Approve("")
	alice := c.As("alice", "caller").Open(modern)
	r := alice.Post(alice.Request("1", "resources/read", `"uri":"docs://CANARY-of-a-person"`))
	if r.Refusal != "approval.required" {
		t.Fatalf("the read: %s", r)
	}
	eventually(t, "somebody is told", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.bodies) == 1 })
	if b := m.bodies[0]; strings.Contains(b, "CANARY") || !strings.Contains(b, `"name":"docs:…"`) {
		t.Errorf("the notice: %s", b)
	}
}

// A secret that nobody could sign with, or a file of authorities that is none, stops
// the start.
func TestABadReceiverStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"short": "CANARY", "bad": "whsec_CANARY!!", "ca": strings.Repeat("no PEM ", 10)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, hook := range map[string]string{"short": "", "bad": "", "ca": ", ca: ca"} {
		text := fmt.Sprintf("version: 1\ndata_dir: data-%s\nlisten: {address: \"127.0.0.1:0\"}\nsecrets: {hook: {from: \"file:%s\"}}\napprovals: {webhook: {url: \"https://hooks.example.com/x\", secret: hook%s}}\n", name, name, hook)
		cfg, err := config.Parse(filepath.Join(dir, "doorward.yaml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.New(app.Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		err = a.Serve(t.Context(), func() { t.Errorf("%s: it serves", name) })
		if err == nil || !strings.Contains(err.Error(), "approvals.webhook") || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
