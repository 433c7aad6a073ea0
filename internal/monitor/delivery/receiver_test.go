package delivery_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
	"doorward/internal/webhook"
)

const hookSecret = "the-secret-of-the-receiver-0123456789"

// verifier is a receiver's own side of Standard Webhooks: it refuses what is not
// signed, what is old, and what it has had.
type verifier struct {
	mu   sync.Mutex
	seen map[string]bool
	now  func() time.Time
}

func (v *verifier) judge(h http.Header, body []byte) error {
	id, stamp := h.Get("webhook-id"), h.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte(id + "." + stamp + "." + string(body)))
	if !hmac.Equal([]byte(h.Get("webhook-signature")), []byte("v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))) {
		return errors.New("bad signature")
	}
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || math.Abs(v.now().Sub(time.Unix(sec, 0)).Minutes()) > 5 {
		return errors.New("old")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen[id] {
		return errors.New("had it")
	}
	v.seen[id] = true
	return nil
}

// ALR-08: a receiver verifies an alert, and refuses it when it is changed, repeated or
// old.
func TestALR08TheSignature(t *testing.T) {
	type request struct {
		header http.Header
		body   []byte
	}
	got := make(chan request, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- request{r.Header.Clone(), b}
	}))
	defer srv.Close()
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: srv.URL, Secret: func() (gate.Secret, error) { return gate.NewSecret(hookSecret), nil }})
	if err != nil {
		t.Fatal(err)
	}
	a := alert()
	if err := delivery.NewWebhook(target.Host(), srv.URL, target.Post).Send(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	r := <-got
	v := &verifier{seen: map[string]bool{}, now: time.Now}
	if err := v.judge(r.header, r.body); err != nil {
		t.Fatalf("a good alert: %v", err)
	}
	if err := v.judge(r.header, r.body); err == nil || err.Error() != "had it" {
		t.Errorf("the replay: %v", err)
	}
	late := &verifier{seen: map[string]bool{}, now: func() time.Time { return time.Now().Add(6 * time.Minute) }}
	if err := late.judge(r.header, r.body); err == nil || err.Error() != "old" {
		t.Errorf("a replay at somebody else's: %v", err)
	}
	if err := v.judge(r.header, append(r.body, ' ')); err == nil || err.Error() != "bad signature" {
		t.Errorf("a changed body: %v", err)
	}
	moved := r.header.Clone()
	moved.Set("webhook-timestamp", strconv.FormatInt(time.Now().Unix()+1, 10))
	if err := v.judge(moved, r.body); err == nil || err.Error() != "bad signature" {
		t.Errorf("a changed time: %v", err)
	}
	var sent map[string]any
	if err := json.Unmarshal(r.body, &sent); err != nil {
		t.Fatal(err)
	}
	data, _ := sent["data"].(map[string]any)
	if sent["type"] != "alert.raised" || sent["id"] != a.ID || data["rule"] != "denied_calls" || data["window"] != "1m0s" || data["count"] != 10.0 {
		t.Errorf("the body: %s", r.body)
	}
	has(t, fmt.Sprint(data["text"]), "denied_calls: calls are denied, principal alice, 10")
}

// No name can hide in an alert, or be more than a name: not in Slack's markup.
func TestNamesInAlerts(t *testing.T) {
	a := alert()
	a.Subject.Value = "al\u202eice<!channel>&\n*x*"
	a.Tool = "read\u200b"
	var body []byte
	keep := func(_ context.Context, _ string, b []byte) error { body = b; return nil }
	if err := delivery.NewSlack("s", "s", keep).Send(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	var sent struct {
		Text   string
		Mrkdwn *bool
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(sent.Text, "<>\u202e\u200b") || strings.Contains(sent.Text, "\n*") || sent.Mrkdwn == nil || *sent.Mrkdwn {
		t.Errorf("Slack is sent %s", body)
	}
	has(t, sent.Text, "&lt;!channel&gt;&amp;", a.ID, "exchanges: ex1 ex2")
	if err := delivery.NewWebhook("w", "w", keep).Send(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(body), "\u202e\u200b") {
		t.Errorf("a webhook is sent %s", body)
	}
}

func TestExec(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "page")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncat > got\nenv > env\nexit $1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := alert()
	a.Subject.Value = `$(touch evil); "x" `
	run := func(args ...string) error {
		x, err := delivery.NewExec(delivery.ExecConfig{Command: append([]string{script}, args...), Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return x.Send(t.Context(), &a)
	}
	if err := run("0"); err != nil {
		t.Fatal(err)
	}
	has(t, content(t, filepath.Join(dir, "got")), a.ID, `"type":"alert.raised"`)
	for line := range strings.Lines(content(t, filepath.Join(dir, "env"))) {
		if name, _, _ := strings.Cut(line, "="); name != "PATH" && name != "PWD" && name != "_" && name != "SHLVL" && name != "OLDPWD" {
			t.Errorf("the environment has %s", line)
		}
	}
	if err := run("3"); err == nil || err.Error() != "the command ended with 3" {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
		t.Error("a shell has read a name")
	}
	if x, err := delivery.NewExec(delivery.ExecConfig{Command: []string{filepath.Join(dir, "none")}}); err != nil || x.Send(t.Context(), &a) == nil {
		t.Error("a program that is not there takes alerts")
	}
}

// A command that does not end is ended, with what it started.
func TestExecThatHangs(t *testing.T) {
	x, err := delivery.NewExec(delivery.ExecConfig{Command: []string{"/bin/sh", "-c", "sleep 600 & sleep 600"}, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a := alert()
	start := time.Now()
	if err := x.Send(t.Context(), &a); err == nil || err.Error() != "the command did not end within 50ms" {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("it took %v", d)
	}
}

func TestReceiversThatAreNone(t *testing.T) {
	if _, err := delivery.NewExec(delivery.ExecConfig{}); err == nil {
		t.Error("no command is one")
	}
	for _, c := range []delivery.MailConfig{{}, {Server: "x:25", From: "a@b"}, {Server: "x", From: "a@b", To: []string{"c@d"}}} {
		if _, err := delivery.NewMail(c); err == nil {
			t.Errorf("%+v is one", c)
		}
	}
	if _, err := delivery.New(delivery.Config{}); err == nil {
		t.Error("nothing is a deliverer")
	}
	if _, err := monitor.New(monitor.Config{}); err == nil {
		t.Error("nothing is a monitor")
	}
}
