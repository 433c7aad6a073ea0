package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
)

// Budgets keeps budgets as its callers see it.
type Budgets interface {
	Take(ctx context.Context, all []gate.Budget, standing []gate.Standing) (ok bool, err error)
	Spend(ctx context.Context, all []gate.Budget) error
	Look(ctx context.Context, all []gate.Budget, standing []gate.Standing) error
}

// BudgetState is one memory of budgets.
type BudgetState struct {
	Open func() Budgets // as one more gateway does
}

// BudgetKind is a kind of memory.
type BudgetKind struct {
	Run func(*testing.T, func(*testing.T)) // runs a case, in a bubble of synctest where the kind allows it
	New func(*testing.T) BudgetState       // begins a memory
}

// TestBudgets holds a kind of memory to the rules of all.
func TestBudgets(t *testing.T, kind BudgetKind) {
	for name, test := range map[string]func(*testing.T, BudgetState){
		"RES-26 spent once by three":    budgetSpentOnce,
		"RES-26 no span has more":       budgetSlides,
		"all or nothing":                budgetAllOrNone,
		"who waits is let pass":         budgetWaits,
		"spending goes below nothing":   budgetSpends,
		"budgets are told apart":        budgetsApart,
		"more than there ever is":       budgetNever,
		"looking takes nothing":         budgetLooks,
		"what is left goes with others": budgetStands,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind.Run(t, func(t *testing.T) { test(t, kind.New(t)) })
		})
	}
}

// budget is one of a caller.
func budget(who string, most int64, per time.Duration) gate.Budget {
	return gate.Budget{Limit: "per_principal", Who: &gate.Principal{Realm: "api_key", Subject: who}, Most: most, Per: per, Cost: 1, Unit: 1}
}

func take(tb testing.TB, m Budgets, all ...gate.Budget) (bool, []gate.Standing) {
	tb.Helper()
	standing := make([]gate.Standing, len(all))
	ok, err := m.Take(tb.Context(), all, standing)
	if err != nil {
		tb.Fatal(err)
	}
	return ok, standing
}

func looked(tb testing.TB, m Budgets, b gate.Budget) gate.Standing {
	tb.Helper()
	standing := make([]gate.Standing, 1)
	if err := m.Look(tb.Context(), []gate.Budget{b}, standing); err != nil {
		tb.Fatal(err)
	}
	return standing[0]
}

// RES-26: three gateways that share the memory give out a budget once, not thrice. A
// round in which one had no answer does not show that all of it is given out, and another
// is run.
func budgetSpentOnce(t *testing.T, s BudgetState) {
	gateways := []Budgets{s.Open(), s.Open(), s.Open()}
	for round := range 20 {
		var passed, failed atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				for range 50 {
					ok, err := gateways[i%3].Take(t.Context(), []gate.Budget{budget(fmt.Sprint("alice ", round), 100, time.Hour)}, make([]gate.Standing, 1))
					if ok {
						passed.Add(1)
					}
					if err != nil {
						failed.Add(1)
					}
				}
			})
		}
		all.Wait()
		switch n := passed.Load(); {
		case n > 100 || n < 100 && failed.Load() == 0:
			t.Fatalf("%d of 300 passed, want 100", n)
		case failed.Load() == 0:
			return
		}
	}
	t.Error("no round had all its answers")
}

// RES-26: in no span, wherever it begins, more passes than the budget; and it is given
// out again.
func budgetSlides(t *testing.T, s BudgetState) {
	const most, per = 10, time.Second
	m := s.Open()
	var before, after []time.Time
	for end := time.Now().Add(patience(3 * per)); len(before) < 2*most+1 && time.Now().Before(end); Until(time.Now().Add(5 * time.Millisecond)) {
		at := time.Now()
		if ok, _ := take(t, m, budget("alice", most, per)); ok {
			before, after = append(before, at), append(after, time.Now())
		}
	}
	for i := range len(before) - most {
		if span := after[i+most].Sub(before[i]); span < per {
			t.Errorf("%d passed within %v, and %d may within %v", most+1, span, most, per)
		}
	}
	if len(before) < 2*most {
		t.Errorf("%d passed within %v, and %d may within %v: what was taken is not given back", len(before), patience(3*per), most, per)
	}
}

func budgetAllOrNone(t *testing.T, s BudgetState) {
	m, wide, narrow := s.Open(), budget("alice", 10, time.Hour), budget("bob", 2, time.Hour)
	for i, want := range []bool{true, true, false, false} {
		ok, standing := take(t, m, wide, narrow)
		if ok != want || (standing[0].Wait > 0) || (standing[1].Wait > 0) == want {
			t.Errorf("decision %d: %v, %+v; want %v", i, ok, standing, want)
		}
	}
	if left := looked(t, m, wide).Left; left != 8 {
		t.Errorf("%d are left of what the others would have passed, want 8: a refusal has cost something", left)
	}
}

// Who waits for as long as it was told is let pass, unless others have come.
func budgetWaits(t *testing.T, s BudgetState) {
	m, b := s.Open(), budget("alice", 3, time.Second)
	ok, standing := take(t, m, b)
	if !ok {
		t.Fatal("refused within the budget")
	}
	for n := 1; ok && n < 1000; n++ { // the fourth, unless the machine takes a second for the others
		ok, standing = take(t, m, b)
	}
	if wait := standing[0].Wait; ok || wait <= 0 || wait > 2*time.Second || standing[0].Left != 0 {
		t.Fatalf("%v, %+v", ok, standing[0])
	}
	Until(time.Now().Add(standing[0].Wait + time.Millisecond))
	if ok, standing = take(t, m, b); !ok {
		t.Errorf("refused after the wait, and told to wait for %v more", standing[0].Wait)
	}
}

func budgetSpends(t *testing.T, s BudgetState) {
	m, b := s.Open(), budget("alice", 5, time.Hour)
	much := b
	much.Cost = 100
	if err := m.Spend(t.Context(), []gate.Budget{much}); err != nil {
		t.Fatal(err)
	}
	if ok, standing := take(t, m, b); ok || standing[0].Left != 0 || standing[0].Wait <= 0 {
		t.Errorf("%v, %+v", ok, standing[0])
	}
	free := b
	free.Cost = 0
	if ok, _ := take(t, m, free); !ok {
		t.Error("what costs nothing is refused")
	}
}

func budgetsApart(t *testing.T, s BudgetState) {
	m, base := s.Open(), budget("alice", 1, time.Hour)
	var all []gate.Budget
	for _, change := range []func(*gate.Budget){
		func(*gate.Budget) {},
		func(b *gate.Budget) { b.Limit = "per_tool files/*" },
		func(b *gate.Budget) { b.Per = time.Minute },
		func(b *gate.Budget) { b.Of = "k1" },
		func(b *gate.Budget) { b.Who = &gate.Principal{Realm: "api_key", Subject: "bob"} },
		func(b *gate.Budget) { b.Who = &gate.Principal{Realm: "api_key", Tenant: "acme", Subject: "alice"} },
		func(b *gate.Budget) { b.Who = &gate.Principal{Realm: "https://id.example.com", Subject: "alice"} },
		func(b *gate.Budget) { b.Who, b.From = nil, netip.MustParsePrefix("192.0.2.1/32") },
		func(b *gate.Budget) { b.Who, b.From = nil, netip.MustParsePrefix("2001:db8::/64") },
		func(b *gate.Budget) { b.Lasting, b.Limit = true, "quota.calls" },
	} {
		b := base
		change(&b)
		all = append(all, b)
	}
	for i := range all {
		if ok, _ := take(t, m, all[i]); !ok {
			t.Errorf("budget %d is another's", i)
		}
	}
	for i := range all {
		if ok, _ := take(t, m, all[i]); ok {
			t.Errorf("budget %d was forgotten", i)
		}
	}
}

func budgetNever(t *testing.T, s BudgetState) {
	m, b := s.Open(), budget("alice", 5, time.Hour)
	b.Cost = 6
	if ok, standing := take(t, m, b); ok || standing[0].Wait < time.Hour || standing[0].Left != 5 {
		t.Errorf("%v, %+v", ok, standing[0])
	}
}

func budgetLooks(t *testing.T, s BudgetState) {
	m, b := s.Open(), budget("alice", 2, time.Hour)
	for range 5 {
		if st := looked(t, m, b); st.Left != 2 || st.Wait != 0 || st.Next != 0 {
			t.Errorf("%+v", st)
		}
	}
}

// What one gateway takes another sees.
func budgetStands(t *testing.T, s BudgetState) {
	one, other := s.Open(), s.Open()
	for n := range 3 {
		_, standing := take(t, one, budget("alice", 10, time.Hour))
		st := looked(t, other, budget("alice", 10, time.Hour))
		if want := int64(9 - n); standing[0].Left != want || st.Left != want || st.Next <= 0 || st.Next > 2*time.Hour {
			t.Errorf("%d are left to one, %+v to the other; want %d", standing[0].Left, st, want)
		}
	}
	if looked(t, one, budget("bob", 10, time.Hour)).Left != 10 {
		t.Error("another's budget is touched")
	}
}
