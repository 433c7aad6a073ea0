package limit_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/limit"
	"doorward/internal/store"
)

// call is a tools/call that is allowed.
func call(who *gate.Principal, tool string) *gate.Exchange {
	return &gate.Exchange{
		Principal: who, Inbound: gate.Inbound{Profile: "review", Remote: netip.MustParseAddr("192.0.2.1")},
		Call: gate.Call{
			Message: &gate.Message{Raw: []byte(`{}`)},
			Route:   gate.Route{Method: "tools/call", Kind: gate.Request, Stages: gate.OnLimit, Action: gate.Relay, Item: gate.Tool, NameAt: "name"},
		},
		Target: gate.Target{Upstream: "github", Item: &gate.Item{Kind: gate.Tool, Upstream: "github", Name: tool}},
		Tally:  gate.Tally{RequestBytes: 100},
	}
}

// list is a tools/list.
func list(who *gate.Principal) *gate.Exchange {
	ex := call(who, "")
	ex.Call.Route = gate.Route{Method: "tools/list", Kind: gate.Request, Stages: gate.OnLimit, Action: gate.Compose, Item: gate.Tool}
	ex.Target = gate.Target{}
	return ex
}

func key(subject, id string) *gate.Principal {
	return &gate.Principal{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: subject, Credential: id}
}

func token(subject, tenant string) *gate.Principal {
	return &gate.Principal{Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: subject, Tenant: tenant, Credential: subject + "'s"}
}

func stage(tb testing.TB, rules limit.Rules) *limit.Stage {
	tb.Helper()
	s, err := limit.New(limit.Config{Rules: rules, Budgets: store.NewMemoryBudgets()})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func judge(tb testing.TB, s *limit.Stage, ex *gate.Exchange) gate.Verdict {
	tb.Helper()
	v, err := s.Judge(tb.Context(), ex)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// Each limit, by whom it counts: how many calls one caller may make, and whether another
// is then refused too.
func TestRES26_Limits(t *testing.T) {
	ten := limit.Rate{Most: 10, Per: time.Minute}
	alice, other := key("alice", "k1"), key("bob", "k3")
	for _, tc := range []struct {
		name    string
		rules   limit.Rules
		who     *gate.Principal
		next    *gate.Principal
		refused bool // next is, once who has spent all
		own     bool // who is told figures
	}{
		{limit.PerPrincipal, limit.Rules{Principal: ten}, alice, other, false, true},
		{limit.PerPrincipal, limit.Rules{Principal: ten}, alice, key("alice", "k2"), true, true}, // another key of one user
		{limit.PerKey, limit.Rules{Key: ten}, alice, key("alice", "k2"), false, true},
		{limit.PerTenant, limit.Rules{Tenant: ten}, token("a", "acme"), token("b", "acme"), true, false},
		{limit.PerTenant, limit.Rules{Tenant: ten}, token("a", "acme"), token("b", "globex"), false, false},
		{limit.PerTool + " github/create_*", limit.Rules{Tools: []limit.For{{Name: "github/create_*", Rate: ten}}}, alice, other, false, true},
		{limit.PerUpstream + " github", limit.Rules{Upstreams: []limit.For{{Name: "github", Rate: ten}}}, alice, other, true, false},
		{limit.PerProfile + " review", limit.Rules{Profiles: []limit.For{{Name: "review", Rate: ten}}}, alice, other, true, false},
		{limit.QuotaCalls, limit.Rules{Calls: []limit.Rate{ten}}, alice, other, false, true},
		{limit.QuotaCost, limit.Rules{Costs: []limit.Rate{{Most: 30, Per: time.Minute}}, Cost: []limit.Cost{{Tools: "github/*", Units: 2}, {Tools: "*/create_*", Units: 3}}}, alice, other, false, true},
		{limit.QuotaBytes, limit.Rules{Bytes: []limit.Rate{{Most: 1000, Per: time.Minute}}}, alice, other, false, true},
	} {
		t.Run(tc.name+" and "+tc.next.Subject, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stage(t, tc.rules)
				for n := range 10 {
					if v := judge(t, s, call(tc.who, "create_issue")); v.Effect != gate.Continue {
						t.Fatalf("call %d: %+v", n+1, v)
					}
				}
				v := judge(t, s, call(tc.who, "create_issue"))
				code := gate.CodeLimitRate
				if tc.rules.Calls != nil || tc.rules.Bytes != nil || tc.rules.Costs != nil {
					code = gate.CodeLimitQuota
				}
				a := v.Allowance
				if v.Effect != gate.Deny || v.Code != code || a == nil || a.Limit != tc.name || a.Wait <= 0 || a.Wait > 63*time.Second {
					t.Fatalf("got %+v, allowance %+v", v, a)
				}
				if told := a.Most > 0; told != tc.own || a.Left != 0 {
					t.Errorf("told %+v", a)
				}
				if v = judge(t, s, call(tc.next, "create_issue")); (v.Effect != gate.Continue) != tc.refused {
					t.Errorf("the other: %+v", v)
				}
				time.Sleep(a.Wait)
				if v = judge(t, s, call(tc.who, "create_issue")); v.Effect != gate.Continue {
					t.Errorf("after the wait: %+v", v)
				}
			})
		})
	}
}

// Of several limits the one that takes longest is told of, and a refusal takes nothing
// from the others.
func TestTheTightestIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, limit.Rules{
			Principal: limit.Rate{Most: 5, Per: time.Minute},
			Tools:     []limit.For{{Name: "github/create_*", Rate: limit.Rate{Most: 2, Per: time.Hour}}},
		})
		ex := call(key("alice", "k1"), "create_issue")
		for range 2 {
			judge(t, s, ex)
		}
		if a := ex.Allowance; a.Limit != "per_tool github/create_*" || a.Left != 0 || a.Most != 2 {
			t.Errorf("told after the second: %+v", a)
		}
		for range 20 {
			if v := judge(t, s, ex); v.Allowance == nil || v.Allowance.Limit != "per_tool github/create_*" || v.Allowance.Wait < time.Hour {
				t.Fatalf("%+v", v)
			}
		}
		read := call(key("alice", "k1"), "read")
		for range 3 {
			if v := judge(t, s, read); v.Effect != gate.Continue {
				t.Fatalf("refusals have cost something: %+v", v)
			}
		}
		if v := judge(t, s, read); v.Allowance == nil || v.Allowance.Limit != limit.PerPrincipal {
			t.Errorf("%+v", v)
		}
	})
}

// A list costs a tenth of a call, and counts against nothing that is about tools.
func TestListsAreCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, limit.Rules{
			Principal: limit.Rate{Most: 2, Per: time.Minute}, Calls: []limit.Rate{{Most: 1, Per: time.Hour}},
			Tools: []limit.For{{Name: "*/*", Rate: limit.Rate{Most: 1, Per: time.Hour}}}, Upstreams: []limit.For{{Name: "github", Rate: limit.Rate{Most: 1, Per: time.Hour}}},
		})
		for n := range 20 {
			if v := judge(t, s, list(key("alice", "k1"))); v.Effect != gate.Continue {
				t.Fatalf("list %d: %+v", n+1, v)
			}
		}
		if v := judge(t, s, list(key("alice", "k1"))); v.Code != gate.CodeLimitRate {
			t.Errorf("%+v", v)
		}
	})
}

// The answers of calls count for the quota of bytes, also beyond it; those of lists do not.
func TestAnswersCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, limit.Rules{Bytes: []limit.Rate{{Most: 1000, Per: time.Hour}}})
		who := key("alice", "k1")
		large := &gate.Message{Raw: make([]byte, 5000)}
		if _, v, err := s.Review(t.Context(), list(who), large); err != nil || v.Effect != gate.Continue {
			t.Fatal(v, err)
		}
		ex := call(who, "read")
		if v := judge(t, s, ex); v.Effect != gate.Continue {
			t.Fatalf("a list has counted: %+v", v)
		}
		if m, v, err := s.Review(t.Context(), ex, large); m != nil || err != nil || v.Effect != gate.Continue {
			t.Fatalf("the answer is withheld: %v %+v %v", m, v, err)
		}
		if v := judge(t, s, ex); v.Code != gate.CodeLimitQuota {
			t.Errorf("%+v", v)
		}
	})
}

func arrive(tb testing.TB, s *limit.Stage, from string) gate.Verdict {
	tb.Helper()
	ex := &gate.Exchange{}
	if from != "" {
		ex.Inbound.Remote = netip.MustParseAddr(from)
	}
	v, err := s.Arrive(tb.Context(), ex)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// RES-26: IPv6 by /64, IPv4 by address, in every spelling; stdio has no address.
func TestRES26_Addresses(t *testing.T) {
	for _, tc := range []struct {
		first, then string
		same        bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"", "", false},
	} {
		t.Run(tc.first+" "+tc.then, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stage(t, limit.Rules{Address: limit.Rate{Most: 1, Per: time.Minute}})
				if v := arrive(t, s, tc.first); v.Effect != gate.Continue {
					t.Fatalf("%+v", v)
				}
				v := arrive(t, s, tc.then)
				if (v.Effect != gate.Continue) != tc.same {
					t.Errorf("%+v", v)
				}
				if tc.same && (v.Code != gate.CodeLimitAddress || v.Allowance.Most != 0) {
					t.Errorf("%+v, %+v", v, v.Allowance)
				}
			})
		})
	}
}

// RES-28: guesses end long before honest requests would.
func TestRES28_FailedSignInsCostMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, limit.Rules{Address: limit.Rate{Most: 100, Per: time.Minute}})
		guesses := 0
		for arrive(t, s, "192.0.2.1").Effect == gate.Continue {
			if err := s.Fail(t.Context(), &gate.Exchange{Inbound: gate.Inbound{Remote: netip.MustParseAddr("192.0.2.1")}}); err != nil {
				t.Fatal(err)
			}
			guesses++
		}
		if guesses != 100/limit.FailedSignIn {
			t.Errorf("%d guesses, want %d", guesses, 100/limit.FailedSignIn)
		}
		if v := arrive(t, s, "192.0.2.2"); v.Effect != gate.Continue {
			t.Errorf("another address: %+v", v)
		}
	})
}

// away is a memory that does not answer.
type away struct{}

func (away) Take(context.Context, []gate.Budget, []gate.Standing) (bool, error) {
	return true, errors.New("away")
}
func (away) Spend(context.Context, []gate.Budget) error { return errors.New("away") }

// What cannot be asked refuses; an answer that was made is not withheld for it.
func TestRES27_NobodyToAsk(t *testing.T) {
	one := limit.Rate{Most: 1, Per: time.Minute}
	s, err := limit.New(limit.Config{Rules: limit.Rules{Address: one, Principal: one, Bytes: []limit.Rate{one}}, Budgets: away{}})
	if err != nil {
		t.Fatal(err)
	}
	ex := call(key("alice", "k1"), "read")
	if _, err := s.Judge(t.Context(), ex); gate.CodeOf(err) != gate.CodeLimitDown {
		t.Error(err)
	}
	if _, err := s.Arrive(t.Context(), ex); gate.CodeOf(err) != gate.CodeLimitDown {
		t.Error(err)
	}
	if err := s.Fail(t.Context(), ex); gate.CodeOf(err) != gate.CodeLimitDown {
		t.Error(err)
	}
	if _, v, err := s.Review(t.Context(), ex, ex.Call.Message); err != nil || v.Effect != gate.Continue {
		t.Error(v, err)
	}
	if _, err := s.Judge(t.Context(), &gate.Exchange{}); err == nil {
		t.Error("an exchange without a principal passes")
	}
}

// Every limit has a name that metrics know.
func TestRefusalsAreCountedByKind(t *testing.T) {
	var told []string
	one := limit.Rate{Most: 1, Per: time.Minute}
	s, err := limit.New(limit.Config{
		Rules:   limit.Rules{Tools: []limit.For{{Name: "github/*", Rate: one}}, Address: one},
		Budgets: store.NewMemoryBudgets(), Refused: func(kind string) { told = append(told, kind) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		judge(t, s, call(key("alice", "k1"), "read"))
		arrive(t, s, "192.0.2.1")
	}
	if want := []string{limit.PerTool, limit.PerAddress}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	for _, kind := range told {
		if !slices.Contains(limit.Kinds(), kind) {
			t.Errorf("%s is among no kinds", kind)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	s := stage(b, limit.Rules{
		Principal: limit.Rate{Most: 1 << 40, Per: time.Minute}, Key: limit.Rate{Most: 1 << 40, Per: time.Minute},
		Profiles: []limit.For{{Name: "review", Rate: limit.Rate{Most: 1 << 40, Per: time.Minute}}}, Upstreams: []limit.For{{Name: "github", Rate: limit.Rate{Most: 1 << 40, Per: time.Minute}}},
	})
	ex := call(key("alice", "k1"), "read")
	b.ReportAllocs()
	for b.Loop() {
		if v, err := s.Judge(b.Context(), ex); err != nil || v.Effect != gate.Continue {
			b.Fatal(v, err)
		}
	}
	if n := ex.Allowance.Limit; n != limit.PerPrincipal && n != limit.PerKey {
		b.Error(n)
	}
}
