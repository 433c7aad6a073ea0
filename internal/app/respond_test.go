package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

const responding = `version: 1
data_dir: data
listen: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32]}
identity: {api_keys: true}
upstreams: {up: {url: "${up}"}}
roles: {reader: {allow: [{tools: ["up/**"]}], deny: [{tools: [up/closed]}]}}
monitor:
  repeat: 1s
  contain: {failed_sign_ins: address 15m, canary: principal, denied_calls: key 1h}
`

// incidentsOf are the incidents that a rule has opened, with names.
func incidentsOf(t *testing.T, g *gatetest.GW, rule string) []admin.Incident {
	t.Helper()
	list, err := g.App.ListIncidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []admin.Incident
	for _, one := range list {
		if one.Rule == rule {
			named, err := g.App.RevealIncident(t.Context(), "uid:1", one.ID)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, named)
		}
	}
	return out
}

// RES-35: an agent that goes round in a circle is stopped, and whoever works is not.
func TestRES35_ALoopIsStopped(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "closed")})
	g := gatetest.Gateway(t, strings.Replace(responding, "denied_calls: key 1h", "repeated_calls: principal 1h", 1), map[string]*gatetest.UP{"up": up})
	g.Approve("")
	alice, bob := g.As("alice", "reader").Open(modern), g.As("bob", "reader").Open(modern)
	const work = 200
	for i := range work {
		if r := bob.Call("up__echo", fmt.Sprintf(`{"n":%d}`, i)); !r.OK() {
			t.Fatalf("call %d of one who works: %s", i, r)
		}
	}
	var stopped *gatetest.Reply
	eventually(t, "the loop is stopped", func() bool {
		for range 50 {
			if r := alice.Call("up__echo", `{"n":7}`); !r.OK() {
				stopped = r
				return true
			}
		}
		return false
	})
	if stopped.Refusal != "contained.principal" {
		t.Errorf("stopped by %s", stopped)
	}
	if r := bob.Call("up__echo", `{"n":7}`); !r.OK() {
		t.Errorf("the same call by another: %s", r)
	}
	if all := incidentsOf(t, g, "repeated_calls"); len(all) != 1 || all[0].About[0].Value != "alice" {
		t.Errorf("incidents %+v", all)
	}
}

// Guessing suspends the address that guesses, and no one whose name is guessed; what
// runs on this machine is suspended by no rule.
func TestGuessingContainsTheAddress(t *testing.T) {
	t.Parallel()
	g := gatetest.Gateway(t, responding, map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "closed")})})
	g.Approve("")
	bob := g.As("bob", "reader").Open(modern)
	guess := func(from ...string) string {
		c := g.Client("guesser", "dw_0123456789abcdef0123456789abcdef0123456789a")
		c.Version = modern
		return c.Call("up__echo", `{}`, from...).Refusal
	}
	for range 6 {
		guess("X-Forwarded-For", "203.0.113.9")
		guess()
	}
	eventually(t, "the address is suspended", func() bool { return guess("X-Forwarded-For", "203.0.113.9") == "contained.address" })
	if r := bob.Call("up__echo", `{}`, "X-Forwarded-For", "203.0.113.9"); r.Refusal != "contained.address" {
		t.Errorf("with a good key from there: %s", r)
	}
	for _, from := range [][]string{{"X-Forwarded-For", "203.0.113.10"}, nil} {
		if r := bob.Call("up__echo", `{}`, from...); !r.OK() {
			t.Errorf("from %v: %s", from, r)
		}
	}
	eventually(t, "this machine has an incident", func() bool { return len(incidentsOf(t, g, "failed_sign_ins")) == 2 })
	for _, one := range incidentsOf(t, g, "failed_sign_ins") {
		if own := one.About[0].Value == "127.0.0.1"; own != (one.State == "open") || own != strings.Contains(one.Steps[0].Text, "nothing is suspended") {
			t.Errorf("%+v", one)
		}
		if len(one.Containments) == 1 {
			if c := one.Containments[0]; c.Until.Sub(c.Since).Round(time.Minute) != 15*time.Minute || c.By != "rule:failed_sign_ins" || c.Value != "203.0.113.9" {
				t.Errorf("%+v", c)
			}
		}
	}
	if got := g.Records(audit.Query{Event: "incident.contain"}); len(got) != 1 || got[0].Actor != "rule:failed_sign_ins" || len(got[0].Person) == 0 {
		t.Errorf("on record is %+v", got)
	}
}

// A canary suspends whoever sent it, until somebody releases it; denied calls suspend
// the key; alerts that follow are in the same incident.
func TestRulesContainCallers(t *testing.T) {
	t.Parallel()
	g := gatetest.Gateway(t, responding, map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "closed")})})
	g.Approve("")
	const planted = "canary-value-4242424242"
	g.Plant("vault", planted)
	thief, prober, bob := g.As("thief", "reader").Open(modern), g.As("prober", "reader").Open(modern), g.As("bob", "reader").Open(modern)
	thief.Call("up__echo", fmt.Sprintf(`{"text":%q}`, planted))
	for range 11 {
		prober.Call("up__closed", `{}`)
	}
	for _, tc := range []struct {
		who        *gatetest.Client
		rule, code string
	}{{thief, "canary", "contained.principal"}, {prober, "denied_calls", "contained.key"}} {
		eventually(t, tc.rule+" suspends", func() bool { return tc.who.Call("up__echo", `{}`).Refusal == tc.code })
	}
	if r := bob.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("somebody else: %s", r)
	}
	all := incidentsOf(t, g, "canary")
	if len(all) != 1 || all[0].Severity != "high" || all[0].About[0].Value != "thief" || !all[0].Containments[0].Until.IsZero() || len(all[0].Steps[0].Exchanges) != 1 {
		t.Fatalf("%+v", all)
	}
	if log := g.Log(); !strings.Contains(log, "a canary is on its way out") || strings.Contains(log, "thief") {
		t.Errorf("the log does not tell of it, or says whose it was:\n%s", log)
	}
	letGo(t, g, all[0].ID)
	thief.Call("up__echo", fmt.Sprintf(`{"text":%q}`, planted))
	eventually(t, "it is suspended again, for the same incident", func() bool {
		all = incidentsOf(t, g, "canary")
		return len(all) == 1 && len(all[0].Containments) == 2 && all[0].State == "contained"
	})
	if got := g.Records(audit.Query{Event: "incident.alert"}); !slices.ContainsFunc(got, func(r audit.Record) bool { return strings.HasPrefix(r.Detail, all[0].ID) }) {
		t.Errorf("on record is %+v", got)
	}
}

// Of a hundred addresses that guess at once each is suspended, although people are told
// of eleven alerts, and not with a hundred incidents.
func TestEachOfManyGuessersIsSuspended(t *testing.T) {
	t.Parallel()
	const guessers, told, fits = 100, 10, 64
	yaml := strings.Replace(responding, "  repeat: 1s\n", "", 1)
	g := gatetest.Gateway(t, yaml, map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "closed")})})
	c := g.Client("guesser", "dw_0123456789abcdef0123456789abcdef0123456789a")
	c.Version = modern
	guess := func(n int) string {
		return c.Call("up__echo", `{}`, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n+1)).Refusal
	}
	for n := range guessers {
		for range 5 {
			guess(n)
		}
	}
	suspended := func() (n int) {
		for _, one := range incidentsOf(t, g, "failed_sign_ins") {
			n += len(one.Containments)
		}
		return n
	}
	eventually(t, "all are suspended", func() bool { return suspended() == guessers })
	for n := range guessers {
		if got := guess(n); got != "contained.address" {
			t.Errorf("guesser %d: %s", n, got)
		}
	}
	if n, most := len(incidentsOf(t, g, "failed_sign_ins")), told+(guessers-told+fits-1)/fits; n != most {
		t.Errorf("%d incidents, want %d", n, most)
	}
	if n := len(g.Records(audit.Query{Event: "incident.contain"})); n != guessers {
		t.Errorf("%d containments are on record", n)
	}
}

// What a rule finds while the gateway ends is suspended all the same, and so after a
// restart.
func TestARuleContainsAtTheEnd(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "closed")})}
	g := gatetest.Gateway(t, responding, ups)
	g.Approve("")
	prober := g.As("prober", "reader").Open(modern)
	for range 11 {
		prober.Call("up__closed", `{}`)
	}
	g = gatetest.Again(t, g, responding, ups)
	if all := incidentsOf(t, g, "denied_calls"); len(all) != 1 || len(all[0].Containments) != 1 {
		t.Errorf("there are %+v", all)
	}
}
