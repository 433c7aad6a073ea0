package approve_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"doorward/internal/approve"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// shelf is a store with one approval, or a fault.
type shelf struct {
	approval gate.Approval
	used     bool
	err      error
	asked    bool // somebody was asked
}

func (s *shelf) Ask(_ context.Context, a gate.Approval) (gate.Approval, error) {
	s.asked = true
	if s.err == nil && s.approval.ID == "" {
		a.ID, a.Created = "apr_1", time.Now()
		return a, nil
	}
	return s.approval, s.err
}

func (s *shelf) Grant(context.Context, string, gate.Consent) (gate.Approval, error) {
	return s.approval, s.err
}

func (s *shelf) Deny(context.Context, string, gate.Consent) (gate.Approval, error) {
	return s.approval, s.err
}

func (s *shelf) Use(context.Context, [32]byte) (gate.Approval, bool, error) {
	return s.approval, s.used, s.err
}

// rounds seals nothing, unless it fails; once is what an answer to the upstream
// is told apart by.
type rounds struct {
	once string
	err  error
}

func (r rounds) SealHold(_ *gate.Exchange, id string) (string, error) { return "sealed " + id, r.err }
func (r rounds) OpenHold(*gate.Exchange) (string, bool)               { return "", false }
func (r rounds) Resumes(*gate.Exchange) (string, time.Time, bool) {
	return r.once, time.Now(), r.once != ""
}

type once struct {
	fresh bool
	err   error
}

func (o once) Use(context.Context, string, time.Time, time.Time) (bool, error) { return o.fresh, o.err }

func exchange(t *testing.T, version string, terms *gate.Terms) *gate.Exchange {
	t.Helper()
	m, err := mcp.ParseClient([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"a":1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	route, _ := mcp.Lookup("tools/call")
	ex := &gate.Exchange{ID: "x", Principal: &gate.Principal{Realm: gate.RealmKeys, Subject: "alice"}}
	ex.Call = gate.Call{Message: m, Route: route, Era: gate.Stateful, Version: version}
	if version >= mcp.V20260728 {
		ex.Call.Era = gate.Stateless
	}
	ex.Target.Item = &gate.Item{Kind: gate.Tool, Upstream: "files", Name: "write"}
	ex.Grant.Approval = terms
	return ex
}

// quiet is a judge that has nothing against a call; strict objects to every one.
type (
	quiet  struct{}
	strict struct{}
)

func (quiet) Objects(context.Context, *gate.Exchange) (string, bool)  { return "", false }
func (strict) Objects(context.Context, *gate.Exchange) (string, bool) { return "no", true }

// A judge can refuse what would wait, whoever would be asked; he is not asked
// again about what people have approved, and never lets anything pass.
func TestAJudgeOnlyTightens(t *testing.T) {
	leads := &gate.Terms{Roles: []string{"lead"}, Count: 2, Expires: time.Hour}
	self := &gate.Terms{Self: true, Count: 1, Expires: time.Hour}
	for _, terms := range []*gate.Terms{leads, self} {
		s := &shelf{}
		v, err := approve.New(s, rounds{}, once{}, strict{}).Judge(t.Context(), exchange(t, mcp.V20251125, terms))
		if err != nil || v.Effect != gate.Deny || v.Code != gate.CodeJudge || s.asked {
			t.Errorf("%+v, %v, people were asked: %v", v, err, s.asked)
		}
	}
	v, err := approve.New(&shelf{used: true}, rounds{}, once{}, strict{}).Judge(t.Context(), exchange(t, mcp.V20251125, leads))
	if err != nil || v.Effect != gate.Continue {
		t.Errorf("an approved call: %+v, %v", v, err)
	}
	v, err = approve.New(&shelf{}, rounds{}, once{}, strict{}).Judge(t.Context(), exchange(t, mcp.V20251125, nil))
	if err != nil || v.Effect != gate.Continue {
		t.Errorf("a call that nobody need approve: %+v, %v", v, err)
	}
}

// TestJudge is the table of what the stage refuses: whatever does not answer, or
// answers too little, lets nothing pass.
func TestJudge(t *testing.T) {
	down := errors.New("the store is down")
	leads := &gate.Terms{Roles: []string{"lead"}, Count: 2, Expires: time.Hour}
	self := &gate.Terms{Self: true, Count: 1, Expires: time.Hour}
	at := func(grants int, expires time.Duration) gate.Approval {
		return gate.Approval{ID: "apr_1", Count: 2, Grants: make([]gate.Consent, grants), Expires: time.Now().Add(expires)}
	}
	denied := at(1, time.Hour)
	denied.Denial = &gate.Consent{}
	for _, tc := range []struct {
		name    string
		version string
		terms   *gate.Terms
		shelf   shelf
		rounds  rounds
		once    once
		effect  gate.Effect
		code    gate.Code
		fails   bool
	}{
		{"nobody need approve", mcp.V20251125, nil, shelf{err: down}, rounds{}, once{}, gate.Continue, "", false},
		{"approved", mcp.V20251125, leads, shelf{used: true, approval: at(2, time.Hour)}, rounds{}, once{}, gate.Continue, "", false},
		{"not asked yet", mcp.V20251125, leads, shelf{}, rounds{}, once{}, gate.Hold, gate.CodeApproval, false},
		{"one yes of two", mcp.V20251125, leads, shelf{approval: at(1, time.Hour)}, rounds{}, once{}, gate.Hold, gate.CodeApproval, false},
		{"granted, and another call was faster", mcp.V20251125, leads, shelf{approval: at(2, time.Hour)}, rounds{}, once{}, gate.Deny, gate.CodeApprovalDenied, false},
		{"expired", mcp.V20251125, leads, shelf{approval: at(2, -time.Hour)}, rounds{}, once{}, gate.Deny, gate.CodeApprovalDenied, false},
		{"denied", mcp.V20251125, leads, shelf{approval: denied}, rounds{}, once{}, gate.Deny, gate.CodeApprovalDenied, false},
		{"the store is down", mcp.V20251125, leads, shelf{err: down}, rounds{}, once{}, gate.Deny, gate.CodeApprovalDown, true},
		{"the state cannot be sealed", mcp.V20260728, leads, shelf{}, rounds{err: down}, once{}, gate.Deny, "", true},
		{"the next round of a call", mcp.V20260728, leads, shelf{err: down}, rounds{once: "o"}, once{fresh: true}, gate.Continue, "", false},
		{"the same round again", mcp.V20260728, leads, shelf{used: true}, rounds{once: "o"}, once{}, gate.Deny, gate.CodeApprovalDenied, false},
		{"nobody can tell about the round", mcp.V20260728, leads, shelf{used: true}, rounds{once: "o"}, once{err: down}, gate.Deny, gate.CodeApprovalDown, true},
		{"a client that cannot ask its user", mcp.V20260728, self, shelf{}, rounds{}, once{}, gate.Deny, gate.CodeApproval, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := exchange(t, tc.version, tc.terms)
			v, err := approve.New(&tc.shelf, tc.rounds, tc.once, quiet{}).Judge(t.Context(), ex)
			if err != nil && tc.fails {
				if tc.code != "" && gate.CodeOf(err) != tc.code {
					t.Errorf("fails with %s, want %s", gate.CodeOf(err), tc.code)
				}
				return
			}
			if err != nil || tc.fails || v.Effect != tc.effect || v.Code != tc.code {
				t.Errorf("got %+v, %v", v, err)
			}
			if v.Effect == gate.Hold && v.Approval == nil {
				t.Error("a hold without its approval")
			}
		})
	}
	bare := exchange(t, mcp.V20251125, leads)
	bare.Target.Item = nil
	if v, err := approve.New(&shelf{used: true}, rounds{}, once{}, quiet{}).Judge(t.Context(), bare); err == nil {
		t.Errorf("a call without a definition: %+v", v)
	}
}

// TestUnaskedSaysWhatToDo: whose client cannot ask is told what was held, why, and
// what helps.
func TestUnaskedSaysWhatToDo(t *testing.T) {
	self := &gate.Terms{Self: true, Count: 1, Expires: time.Hour}
	byPolicy := exchange(t, mcp.V20260728, self)
	byFlow := exchange(t, mcp.V20260728, nil)
	byFlow.Flow = gate.Flow{Terms: self, Rule: "trust.flows[1]: untrusted \u2192 acts", Why: "Text came from up/read\u202e."}
	for name, tc := range map[string]struct {
		ex    *gate.Exchange
		parts []string
	}{
		"a rule of a role": {byPolicy, []string{"in the approvers of the rule,"}},
		"a flow": {byFlow, []string{
			"Why: Text came from up/read\u27e8U+202E\u27e9. The rule is trust.flows[1]: untrusted \u2192 acts.", "in the approvers of trust.flows[1],",
			"labels of the tool in upstreams." + byFlow.Target.Item.Upstream + ".labels",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := approve.New(&shelf{}, rounds{}, once{}, quiet{}).Judge(t.Context(), tc.ex)
			if err != nil || v.Code != gate.CodeApproval {
				t.Fatalf("got %+v, %v", v, err)
			}
			called := "tools/call " + tc.ex.Target.Item.Upstream + "/" + tc.ex.Target.Item.Name
			for _, part := range append(tc.parts, called, "not declared elicitation", "doorward approve grant") {
				if !strings.Contains(v.Public, part) {
					t.Errorf("%q does not say %q", v.Public, part)
				}
			}
		})
	}
}

// TestBinding: whatever of a call differs, its approval is another.
func TestBinding(t *testing.T) {
	leads := &gate.Terms{Roles: []string{"lead"}, Count: 1, Expires: time.Hour}
	binding := func(change func(*gate.Exchange)) [32]byte {
		ex := exchange(t, mcp.V20251125, leads)
		change(ex)
		s := &shelf{}
		v, err := approve.New(s, rounds{}, once{}, quiet{}).Judge(t.Context(), ex)
		if err != nil || v.Approval == nil {
			t.Fatalf("%+v, %v", v, err)
		}
		return v.Approval.Binding
	}
	seen := map[[32]byte]string{binding(func(*gate.Exchange) {}): "nothing"}
	for what, change := range map[string]func(*gate.Exchange){
		"subject":   func(ex *gate.Exchange) { ex.Principal.Subject = "bob" },
		"tenant":    func(ex *gate.Exchange) { ex.Principal.Tenant = "acme" },
		"realm":     func(ex *gate.Exchange) { ex.Principal.Realm = "https://id.example.com" },
		"upstream":  func(ex *gate.Exchange) { ex.Target.Item.Upstream = "file" },
		"tool":      func(ex *gate.Exchange) { ex.Target.Item.Name = "swrite" },
		"pin":       func(ex *gate.Exchange) { ex.Target.Item.Digest[0] = 1 },
		"policy":    func(ex *gate.Exchange) { ex.Grant.Policy = "other" },
		"rule":      func(ex *gate.Exchange) { ex.Grant.Rule = "other" },
		"arguments": func(ex *gate.Exchange) { ex.Call.Message = exchangeWith(t, `{"a":2}`) },
		"a task":    func(ex *gate.Exchange) { ex.Call.Message = exchangeWith(t, `{"a":1},"task":{"ttl":60000}`) },
		"spacing":   func(ex *gate.Exchange) { ex.Call.Message = exchangeWith(t, `{"a": 1}`) },
	} {
		b := binding(change)
		if other, taken := seen[b]; taken {
			t.Errorf("%s and %s share an approval", what, other)
		}
		seen[b] = what
	}
}

func exchangeWith(t *testing.T, args string) *gate.Message {
	t.Helper()
	m, err := mcp.ParseClient([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":` + args + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
