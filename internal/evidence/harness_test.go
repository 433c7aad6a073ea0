package evidence_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/evidence"
	"doorward/internal/gatetest"
	"doorward/internal/monitor/figures"
)

// hostile is what somebody writes who hopes that a person reads it as something else.
const hostile = "<img src=x onerror=alert(1)> | [click](http://evil.example) \u202e`x`\n# Closed"

// scene is a gateway with an incident about alice that is over.
type scene struct {
	*gatetest.GW
	incident string
	key      note.Verifier
	desk     evidence.Desk
}

const secretText = "CANARY-in-the-arguments-of-alice"

func newScene(t *testing.T) *scene {
	t.Helper()
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{json.RawMessage(`{"name":"echo","inputSchema":{"type":"object"}}`)}})
	g := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles: {user: {allow: [{tools: ["up/echo"]}]}}
monitor: {rules: {denied_calls: 3/1m}, contain: {denied_calls: nothing}}
`, map[string]*gatetest.UP{"up": up})
	g.Approve("")
	ctx := t.Context()
	alice := g.Client("alice", g.Key("alice", "user"))
	alice.Version = "2026-07-28"
	bob := g.Client("bob", g.Key("bob", "user"))
	bob.Version = "2026-07-28"
	if r := bob.Call("up__echo", `{}`); !r.OK() {
		t.Fatal(r)
	}
	if r := alice.Call("up__echo", `{"x":"`+secretText+`"}`); !r.OK() {
		t.Fatal(r)
	}
	for range 4 {
		alice.Call("up__<script>|x", `{}`)
	}
	s := &scene{GW: g, desk: evidence.Desk{Op: g.App, Actor: "uid:0"}}
	s.incident = s.opened(t)
	s.act(t)
	for _, r := range g.Records(audit.Query{Kind: audit.KindStart}) {
		if r.Signer != "" {
			v, err := note.NewVerifier(r.Signer)
			if err != nil {
				t.Fatal(err)
			}
			s.key = v
		}
	}
	if _, err := g.App.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// opened waits for the incident that the rule opens.
func (s *scene) opened(t *testing.T) string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		all, err := s.App.ListIncidents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) > 0 && len(s.Records(audit.Query{Event: "alert.raised"})) > 0 {
			return all[0].ID
		}
		select {
		case <-deadline:
			t.Fatal("no incident")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// act is what is done about it, to its end.
func (s *scene) act(t *testing.T) {
	t.Helper()
	ctx, op, by := t.Context(), s.App, "uid:0"
	about := admin.IncidentSubject{Kind: "principal", Realm: "api_key", Value: "alice"}
	_, err := op.Contain(ctx, by, admin.ContainRequest{Incident: s.incident, IncidentSubject: about, Reason: hostile})
	for _, n := range []admin.IncidentNote{{Text: "the key was on a forum " + hostile}, {Text: "by mail", To: "authority " + hostile}} {
		if err == nil {
			n.Incident = s.incident
			_, err = op.NoteIncident(ctx, by, n)
		}
	}
	if err == nil {
		_, err = op.Release(ctx, by, admin.IncidentAct{Incident: s.incident, Reason: "new key"})
	}
	if err == nil {
		_, err = op.CloseIncident(ctx, by, admin.IncidentAct{Incident: s.incident, Reason: "explained"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *scene) gather(t *testing.T, open bool) *evidence.Case {
	t.Helper()
	c, err := evidence.Gather(t.Context(), s.desk, &evidence.Request{
		Query: admin.IncidentQuery{Incident: s.incident}, Open: open, Dirs: []string{s.AuditDir()}, Version: "test",
		Figures: func(ctx context.Context, since, until time.Time) (*figures.Summary, error) {
			g, err := app.Figures(ctx, []string{s.AuditDir()}, since, until)
			if err != nil {
				return nil, err
			}
			f := g.Summary(since, until)
			return &f, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *scene) pack(t *testing.T, c *evidence.Case) *evidence.Bundle {
	t.Helper()
	b, err := evidence.Pack(t.Context(), s.desk, c, []evidence.Extra{{Name: "configuration.yaml", Content: []byte("version: 1\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// speaks tells whether a text says a word.
func speaks(text []byte, word string) bool { return strings.Contains(string(text), word) }
