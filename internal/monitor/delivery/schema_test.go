package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
)

// published is the schema that receivers are given.
func published(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("../../../docs/reference/alert.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range append(monitor.Rules(), monitor.RuleTest) {
		if !bytes.Contains(text, []byte(`"`+rule+`"`)) {
			t.Errorf("the schema has no rule %s", rule)
		}
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("alert", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("alert")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// crafted are names that try to be more than one: lines of a log (LOG-01), terminal
// sequences (LOG-03), separators of CEF and syslog, bidi and invisible characters.
func crafted() []string {
	return []string{
		"alice", "a\r\nlevel=INFO msg=fine", "a\x1b[2J\x1b]0;x\x07", `a|b=c\|d\=e`, "a\u202egnp.exe\u202c", "a\u200b\ufeff", "a\u2028b\u2029c\u0085d", "\xff\xfe",
		`","rule":"test`, "<14>1 - -", strings.Repeat("\u200b", 5000), strings.Repeat("x", 70_000), "\U000e0041\U000e007f",
	}
}

// ALR-07: whatever names there are, every alert is valid by the schema, and each is one
// line for people.
func TestALR07EveryAlertIsValid(t *testing.T) {
	schema := published(t)
	var raised []monitor.Alert
	for _, name := range crafted() {
		raised = append(raised, raisedAbout(name)...)
	}
	rules := map[string]bool{}
	for i := range raised {
		a := &raised[i]
		rules[a.Rule] = true
		a.ID = monitor.Test(time.Now()).ID
		var sent []byte
		post := func(_ context.Context, _ string, b []byte) error { sent = slices.Clone(b); return nil }
		if err := delivery.NewWebhook("w", "w", post).Send(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(sent))
		if err == nil {
			err = schema.Validate(doc)
		}
		if err != nil {
			t.Errorf("%v\n%.600s", err, sent)
		}
		if len(sent) > 64<<10 {
			t.Errorf("%d bytes of %s", len(sent), a.Rule)
		}
		if err := delivery.NewSlack("s", "s", post).Send(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		var slack struct{ Text string }
		if err := json.Unmarshal(sent, &slack); err != nil || strings.Count(slack.Text, "\n") > 2 {
			t.Errorf("Slack: %v\n%.600s", err, sent)
		}
	}
	if len(rules) < 8 {
		t.Errorf("only %d rules have raised anything", len(rules))
	}
}

// raisedAbout are alerts in which every name is the given one.
func raisedAbout(name string) []monitor.Alert {
	start := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	set := monitor.Settings{
		FailedSignIns: monitor.Limit{N: 2, Per: time.Minute}, DeniedCalls: monitor.Limit{N: 2, Per: time.Minute},
		LimitViolations: monitor.Limit{N: 2, Per: time.Minute}, SecretsSent: monitor.Limit{N: 1, Per: time.Minute}, DataVolume: monitor.Limit{N: 100, Per: time.Minute},
		Canary: true, SecurityEvents: true, AuditSilence: time.Second, VerifiedWithin: time.Minute, Repeat: time.Minute,
		CountBy: []string{monitor.OfAddress, monitor.OfTool, monitor.OfTenant}, UnusualTools: true, ScopeGrowth: true,
	}
	w := monitor.NewWatch(&set, start, monitor.Key{})
	who := &gate.Principal{Realm: name, Subject: name, Tenant: name, Credential: name, Roles: []string{name}}
	for range 3 {
		for _, e := range []monitor.Event{
			{Code: gate.CodeBadCredential, Status: "refused"},
			{Who: who, Code: gate.CodeDenied, Status: "refused"},
			{Who: who, Code: gate.CodeTooLarge, Status: "failed"},
			{Who: who, Secret: true, Status: "refused"},
			{Who: who, Status: "ok", Bytes: 1000},
			{Kind: "incident.canary", Who: who, Status: "refused"},
			{Kind: "trust.changed", Status: "refused"},
			{Kind: "audit.verify", Status: "failed"},
		} {
			e.At, e.Exchange, e.Upstream, e.Tool = start, name, name, name
			w.Take(&e)
		}
	}
	w.Missed(3, start)
	w.Tick(start.Add(2*time.Minute), monitor.Pulse{Tried: 1})
	w.Tick(start.Add(3*time.Minute), monitor.Pulse{Tried: 1})
	w.Flush()
	return w.Alerts()
}
