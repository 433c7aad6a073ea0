package figures_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/monitor/figures"
)

func TestRead(t *testing.T) {
	const raised = "denied_calls of principal: 10 since 2026-11-27T08:00:00.000Z, alert al_019ac49d5f40k3"
	took := time.UnixMilli(0x019ac49d5f40).Sub(time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC))
	for _, test := range []struct {
		name string
		fact figures.Fact
		want figures.Reading
	}{
		{"a good key", figures.Fact{Method: gate.MethodAPIKey}, figures.Reading{Arrival: figures.Valid}},
		{"a good key, and too little scope", figures.Fact{Method: gate.MethodJWT, Code: gate.CodeScope}, figures.Reading{Arrival: figures.Valid}},
		{"a key that was revoked", figures.Fact{Method: gate.MethodAPIKey, Code: gate.CodeBadCredential}, figures.Reading{Arrival: figures.Invalid}},
		{"an old token", figures.Fact{Method: gate.MethodJWT, Code: gate.CodeExpiredCredential}, figures.Reading{Arrival: figures.Invalid}},
		{"a token over somebody's session", figures.Fact{Method: gate.MethodJWT, Code: gate.CodeIdentityConflict}, figures.Reading{Arrival: figures.Invalid}},
		{"no credential", figures.Fact{Code: gate.CodeUnauthenticated}, figures.Reading{Arrival: figures.Missing}},
		{"an issuer that is down", figures.Fact{Method: gate.MethodJWT, Code: gate.CodeIdentityDown}, figures.Reading{Arrival: figures.Unproven}},
		{"a good key that is suspended", figures.Fact{Code: gate.CodeContainedKey}, figures.Reading{Arrival: figures.Valid}},
		{"an address that is suspended", figures.Fact{Code: gate.CodeContainedAddress}, figures.Reading{Arrival: figures.Unproven}},
		{"anonymous", figures.Fact{Method: gate.MethodAnonymous}, figures.Reading{Arrival: figures.Anonymous}},
		{"stdio", figures.Fact{Method: gate.MethodLocal}, figures.Reading{Arrival: figures.Local}},
		{"turned away", figures.Fact{Event: "request.turned_away", Detail: `http.host: "POST" "/mcp" host "x" origin ""`}, figures.Reading{Arrival: figures.Unproven}},
		{"turned away for its size", figures.Fact{Event: "request.turned_away", Detail: "message.too_large: x"}, figures.Reading{Arrival: figures.Unproven, Violated: gate.CodeTooLarge}},
		{"a command that took too much", figures.Fact{Event: "upstream.limit", Detail: "memory: 10 bytes of memory are more than 5"}, figures.Reading{Violated: "command.memory"}},
		{"a limit that is none", figures.Fact{Event: "upstream.limit", Detail: "anything: x"}, figures.Reading{}},
		{"too many sessions", figures.Fact{Method: gate.MethodAPIKey, Code: gate.CodeSessionLimit}, figures.Reading{Arrival: figures.Valid, Violated: gate.CodeSessionLimit}},
		{"an alert", figures.Fact{Event: "alert.raised", Detail: raised}, figures.Reading{Rule: "denied_calls", Detection: max(0, took)}},
		{"an alert of an old log", figures.Fact{Event: "alert.raised", Detail: "denied_calls of principal: 10, alert al_x"}, figures.Reading{}},
		{"another event", figures.Fact{Event: "key.create", Detail: raised, Method: gate.MethodAPIKey}, figures.Reading{}},
	} {
		if got := figures.Read(&test.fact); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// alert is one that was raised so long after the first that led to it.
func alert(at time.Time, took time.Duration) figures.Fact {
	return figures.Fact{At: at, Event: "alert.raised", Detail: fmt.Sprintf(
		"failed_sign_ins of address: 5 since %s, alert al_%012xk3", at.Add(-took).UTC().Format("2006-01-02T15:04:05.000Z"), at.UnixMilli())}
}

func TestSummary(t *testing.T) {
	day := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)
	var g figures.Figures
	take := func(n int, f figures.Fact) {
		for range n {
			g.Take(&f)
		}
	}
	take(96, figures.Fact{At: day, Method: gate.MethodAPIKey})
	take(3, figures.Fact{At: day, Code: gate.CodeBadCredential, Method: gate.MethodAPIKey})
	take(1, figures.Fact{At: day, Code: gate.CodeUnauthenticated})
	take(7, figures.Fact{At: day, Method: gate.MethodAnonymous})
	take(4, figures.Fact{At: day.Add(2 * time.Hour), Method: gate.MethodAPIKey, Code: gate.CodeUpstreamBusy}) // of the next day
	for i := range 20 {
		take(1, alert(day, time.Duration(i+1)*time.Second))
	}
	s := g.Summary(time.Time{}, time.Time{})
	if d := s.Detection; d.Alerts != 20 || d.Mean != 10500 || d.P50 != 10000 || d.P95 != 19000 || d.Worst != 20000 || d.Rules["failed_sign_ins"] != 20 {
		t.Errorf("detection: %+v", d)
	}
	if a := s.Authentication; a.Valid != 100 || a.Asked != 104 || math.Abs(*a.Share-100.0/104) > 1e-9 || a.Arrivals[figures.Anonymous] != 7 {
		t.Errorf("authentication: %+v", a)
	}
	if l := s.Limits; l.Violations != 4 || l.PerDay != 2 || l.WorstDay != "2026-11-26" || l.Codes["upstream.busy"] != 4 {
		t.Errorf("limits: %+v", l)
	}
	now := day.AddDate(0, 0, 1)
	s.Rotate([]figures.Age{
		{Kind: figures.KindSecret, Name: "young", Since: now.Add(-time.Hour), Most: time.Hour},
		{Kind: figures.KindSecret, Name: "old", Since: now.Add(-2 * time.Hour), Most: time.Hour},
		{Kind: figures.KindSecret, Name: "gone", Most: time.Hour, Fault: "is not there"},
		{Kind: figures.KindSecret, Name: "ageless", Since: now.AddDate(-9, 0, 0)},
		{Kind: figures.KindAPIKey, Name: "k_1", Since: now, Most: time.Hour},
	}, now)
	r := s.Rotation
	if r.Within != 2 || r.Due != 4 || *r.Share != 0.5 || r.Kinds["secret"] != (figures.KindShare{Within: 1, Due: 3}) || len(r.Overdue) != 2 {
		t.Errorf("rotation: %+v", r)
	}
	want := [][2]string{
		{"Time to detect unauthorised access", "mean 10.5s, p50 10s, p95 19s, worst 20s (20 alerts)"},
		{"Requests with valid authentication", "96.2 % (100 of 104; 1 without a credential, 3 with a bad one, 0 refused before); apart: 7 anonymous, 0 local"},
		{"Limit violations per day", "2.0 (4; most on 2026-11-26: 4)"},
		{"Secrets and keys within their age", "50.0 % (2 of 4); overdue: secret old, secret gone"},
	}
	if diff := cmp.Diff(want, s.Lines()); diff != "" {
		t.Error(diff)
	}
}

// Nothing on record is no figure, and no fault.
func TestSummaryOfNothing(t *testing.T) {
	s := new(figures.Figures).Summary(time.Time{}, time.Time{})
	if s.Authentication.Share != nil || s.Limits.PerDay != 0 || s.Detection.Alerts != 0 || s.Rotation != nil {
		t.Errorf("%+v", s)
	}
	for _, line := range s.Lines() {
		if line[1] == "" {
			t.Errorf("%s says nothing", line[0])
		}
	}
}
