package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gatetest"
	"doorward/internal/monitor/figures"
)

// alerted is a house whose alerts go to a mailbox.
func alerted(t *testing.T, m *mailbox) *house {
	t.Helper()
	return alertedBy(t, m.alerts(""))
}

func alertedBy(t *testing.T, settings string) *house {
	t.Helper()
	h := &house{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{loose("echo"), loose("get_weather"), loose("delete_all")}})}
	h.GW = gatetest.Gateway(t, houseRoles+settings, map[string]*gatetest.UP{"up": h.up})
	h.Approve("")
	h.alice = h.As("alice", "reader").Open(modern)
	return h
}

// alerts is the configuration that sends alerts to the mailbox.
func (m *mailbox) alerts(more string) string {
	return fmt.Sprintf("secrets: {hook: {from: %q}}\nmonitor: {alerts: [{kind: webhook, url: %q, secret: hook}]%s}\n", "file:"+m.secret, m.url, more)
}

// raised are the alerts of a rule that the mailbox has.
func (m *mailbox) raised(rule string) []map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []map[string]any
	for _, b := range m.bodies {
		var n map[string]any
		if err := json.Unmarshal([]byte(b), &n); err != nil {
			m.t.Error(err)
		}
		if data, _ := n["data"].(map[string]any); data["rule"] == rule {
			all = append(all, data)
		}
	}
	return all
}

// within waits for an alert of a rule, at most the ten seconds of ALR-01.
func (m *mailbox) within(t *testing.T, rule string) map[string]any {
	t.Helper()
	within(t, 10*time.Second, "ALR-01: an alert of "+rule, func() bool { return len(m.raised(rule)) > 0 })
	return m.raised(rule)[0]
}

// raisedOf are the alerts on record of some rules. A disk that is nearly full, or a log
// that waits for it, raises others.
func raisedOf(g *gatetest.GW, rules ...string) []audit.Record {
	return slices.DeleteFunc(g.Records(audit.Query{Event: "alert.raised"}), func(r audit.Record) bool {
		return !slices.ContainsFunc(rules, func(rule string) bool { return strings.HasPrefix(r.Detail, rule+" ") })
	})
}

// ALR-01 and LOG-19, through the whole gateway: what happens is told within ten
// seconds, once, signed, with ids and without what was said.
func TestALR01AlertsReachPeople(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, nil)
	h := alerted(t, m)
	const spoken, planted = "CANARY-in-the-arguments", "CANARY-that-nobody-sends-4711"
	h.Hide(hookSecret)
	h.Plant("vault", planted)

	var last string
	for range 12 {
		last = h.alice.Call("up__delete_all", `{"x":"`+spoken+`"}`).Exchange
	}
	a := m.within(t, "denied_calls")
	subject := a["subject"].(map[string]any)
	if subject["kind"] != "principal" || subject["value"] != "alice" || subject["realm"] != "api_key" || a["count"].(float64) < 10 || a["code"] != "policy.denied" {
		t.Errorf("the alert: %v", a)
	}
	if ids := a["exchanges"].([]any); len(ids) != 10 {
		t.Errorf("exchanges: %v, the last call was %s", ids, last)
	}

	stranger := h.Client("stranger", "dw_0000000000000000000000000000000000000000000000")
	stranger.Version = modern
	for range 6 {
		stranger.Call("up__echo", `{}`)
	}
	if a := m.within(t, "failed_sign_ins"); a["subject"].(map[string]any)["value"] != "127.0.0.1" {
		t.Errorf("the alert: %v", a)
	}

	if r := h.alice.Call("up__echo", `{"x":"`+planted+`"}`); r.OK() {
		t.Fatalf("the planted value went out: %s", r)
	}
	a = m.within(t, "canary")
	if s := a["subject"].(map[string]any); s["value"] != "alice" || a["tool"] != "echo" || a["upstream"] != "up" || a["event"] != "incident.canary" {
		t.Errorf("the alert: %v", a)
	}

	m.mu.Lock()
	for _, b := range m.bodies {
		if strings.Contains(b, "CANARY") {
			t.Errorf("LOG-19: %s", b)
		}
	}
	m.mu.Unlock()
	var onRecord []audit.Record
	eventually(t, "the three alerts on record", func() bool { // a person is not kept waiting for the record
		onRecord = raisedOf(h.GW, "denied_calls", "failed_sign_ins", "canary")
		return len(onRecord) >= 3
	})
	if len(onRecord) != 3 || !strings.HasPrefix(onRecord[0].Detail, "denied_calls of principal: ") || onRecord[0].Principal.Subject != "alice" || onRecord[0].Exchange == "" {
		t.Errorf("on record: %+v", onRecord)
	}

	h.alice.Post(bytes.Repeat([]byte("x"), 5<<20)) // more than listen.max_body
	f := figuresAgree(t, h.GW)
	if d := f.Detection; d.Alerts < 3 || d.Worst <= 0 || d.Worst > 10_000 {
		t.Errorf("A8, detection: %+v", d)
	}
	if a := f.Authentication; a.Arrivals[figures.Invalid] != 6 || a.Valid < 13 || f.Limits.Codes["message.too_large"] != 1 {
		t.Errorf("A8, authentication and limits: %+v, %+v", a, f.Limits)
	}
	if due, in := sample(t, h.GW, `doorward_rotation_due{kind="api_key"}`), sample(t, h.GW, `doorward_rotation_within{kind="audit_root"}`); due != 1 || in != 1 {
		t.Errorf("A8, rotation: %v keys, %v root", due, in)
	}
}

// ALR-05, through the whole gateway: a principal that was learned uses a tool for the
// first time, and does so once.
func TestALR05AToolThatWasNeverUsed(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, nil)
	h := alertedBy(t, m.alerts(", learn: 0s, min_history: 3"))
	for range 4 {
		if r := h.alice.Call("up__echo", `{}`); !r.OK() {
			t.Fatal(r)
		}
	}
	first := h.alice.Call("up__get_weather", `{}`)
	h.alice.Call("up__get_weather", `{}`)
	a := m.within(t, "unusual_tools")
	if ids := a["exchanges"].([]any); a["tool"] != "get_weather" || a["count"] != 1.0 || len(ids) != 1 || ids[0] != first.Exchange {
		t.Errorf("the alert: %v", a)
	}
	h.Stop()
	if n := len(raisedOf(h.GW, "unusual_tools")); n != 1 {
		t.Errorf("%d alerts on record", n)
	}
}

// ALR-04: a receiver that hangs delays no call and no end, and its alert waits for the
// next start.
func TestALR04AlertsForADeadReceiver(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	h := alerted(t, m)
	for range 10 {
		h.alice.Call("up__delete_all", `{}`)
	}
	m.within(t, "denied_calls")
	watch := gatetest.Start(t)
	if r := h.alice.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("a call while the receiver hangs: %s", r)
	}
	h.Stop()
	if d := watch.Stop(); d > 10*time.Second {
		t.Errorf("a call and the end took %v", d)
	}
	left, err := filepath.Glob(filepath.Join(h.Dir, "data", "alerts", "al_*.json"))
	if err != nil || len(left) == 0 {
		t.Errorf("in the spool: %v, %v", left, err)
	}
}

// Settings and receivers follow the file.
func TestAlertsFollowAReload(t *testing.T) {
	t.Parallel()
	one, two := newMailbox(t, nil), newMailbox(t, nil)
	h := alerted(t, one)
	path := filepath.Join(h.Dir, "doorward.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), one.alerts(""), two.alerts(", rules: {denied_calls: 2/1m}")))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	h.alice.Call("up__delete_all", `{}`)
	h.alice.Call("up__delete_all", `{}`)
	two.within(t, "denied_calls")
	if n := len(one.raised("denied_calls")); n != 0 {
		t.Errorf("the receiver of before has %d", n)
	}
}

// doorward monitor test and list, as the local API has them; the first is on record.
func TestTestAlerts(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, nil)
	h := alerted(t, m)
	client, err := admin.Dial(t.Context(), filepath.Join(h.Dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	tried, err := client.TestAlerts(t.Context(), "")
	if err != nil || len(tried) != 1 || !tried[0].OK || tried[0].Kind != "webhook" || strings.Contains(tried[0].Receiver, "CANARY") {
		t.Errorf("tried: %+v, %v", tried, err)
	}
	if len(m.raised("test")) != 1 || len(h.Records(audit.Query{Event: "monitor.test"})) != 1 {
		t.Errorf("the mailbox has %v", m.bodies)
	}
	h.alice.Call("up__delete_all", `{}`)
	eventually(t, "it is counted", func() bool {
		st, err := client.Standings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range st.Rules {
			if r.Rule == "denied_calls" && len(r.Top) == 1 && r.Top[0].Subject == "alice" && r.Top[0].Count == 1 && r.Limit == 10 {
				return true
			}
		}
		return false
	})
}

// What doorward audit verify found is on record, and a fault is an alert.
func TestAVerificationIsTold(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, nil)
	h := alerted(t, m)
	if err := h.App.Verified(t.Context(), "uid:0", admin.Verification{Dir: h.AuditDir(), Records: 7}); err != nil {
		t.Fatal(err)
	}
	if err := h.App.Verified(t.Context(), "uid:0", admin.Verification{Dir: "/elsewhere", Records: 7}); err == nil {
		t.Error("another log's verification is taken")
	}
	if err := h.App.Verified(t.Context(), "uid:0", admin.Verification{Dir: h.AuditDir(), Fault: "the chain is broken"}); err != nil {
		t.Fatal(err)
	}
	if a := m.within(t, "audit_fault"); a["subject"].(map[string]any)["kind"] != "gateway" {
		t.Errorf("the alert: %v", a)
	}
	if r := h.Records(audit.Query{Event: "audit.verify"}); len(r) != 2 || r[0].Status != "ok" || r[1].Status != "failed" {
		t.Errorf("on record: %+v", r)
	}
}

// ALR-06, through the whole gateway: a log whose file is taken away is told, although
// nothing can be recorded any more.
func TestALR06AGatewayWithoutItsLog(t *testing.T) {
	t.Parallel()
	m := newMailbox(t, nil)
	dir := t.TempDir()
	text := "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\n" + m.alerts("")
	cfg, err := config.Parse(filepath.Join(dir, "doorward.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	ctx := t.Context()
	go func() {
		defer close(ended)
		_ = a.Serve(ctx, func() { close(ready) }) // it may not end well, without a log
	}()
	t.Cleanup(func() { <-ended })
	select {
	case <-ready:
	case <-ended:
		t.Fatal("it does not serve")
	}
	if err := os.Remove(filepath.Join(dir, "data", "audit", "audit-00000001.jsonl")); err != nil {
		t.Fatal(err)
	}
	m.within(t, "audit_silence") // ALR-06 has the same time
}

// A secret that nobody could sign with stops the start.
func TestABadAlertReceiverStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "short"), []byte("CANARY"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nsecrets: {hook: {from: \"file:short\"}}\nmonitor: {alerts: [{kind: webhook, url: \"https://hooks.example.com/x\", secret: hook}]}\n"
	cfg, err := config.Parse(filepath.Join(dir, "doorward.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = a.Serve(t.Context(), func() { t.Error("it serves") })
	if err == nil || !strings.Contains(err.Error(), "monitor.alerts[0]") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("got %v", err)
	}
}
