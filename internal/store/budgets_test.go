package store_test

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func TestMemoryBudgets(t *testing.T) {
	storetest.TestBudgets(t, storetest.BudgetKind{
		Run: synctest.Test,
		New: func(*testing.T) storetest.BudgetState {
			m := store.NewMemoryBudgets()
			return storetest.BudgetState{Open: func() storetest.Budgets { return m }}
		},
	})
}

// redisBudgets opens those of one prefix: a server holds many tests' at a time.
func redisBudgets(tb testing.TB, url, prefix string) *store.RedisBudgets {
	tb.Helper()
	r, err := store.OpenRedis(tb.Context(), store.RedisConfig{URL: url, Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	b, err := store.OpenRedisBudgets(tb.Context(), r, [32]byte([]byte("an example of a key, of 32 bytes")))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestRedisBudgets(t *testing.T) {
	s := storetest.Redis(t)
	storetest.TestBudgets(t, storetest.BudgetKind{
		Run: asItIs,
		New: func(t *testing.T) storetest.BudgetState {
			prefix := rand.Text() + ":"
			return storetest.BudgetState{Open: func() storetest.Budgets { return redisBudgets(t, s.URL(), prefix) }}
		},
	})
}

// from is the budget of the nth address of 10.0.0.0/8.
func from(n int, most int64) gate.Budget {
	return fromAddr(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), most)
}

func fromAddr(addr netip.Addr, most int64) gate.Budget {
	return gate.Budget{Limit: "per_address", From: netip.PrefixFrom(addr, addr.BitLen()), Most: most, Per: time.Minute, Cost: 1, Unit: 1}
}

func of(who string, most int64) gate.Budget {
	return gate.Budget{Limit: "per_principal", Who: &gate.Principal{Subject: who}, Most: most, Per: time.Minute, Cost: 1, Unit: 1}
}

func takes(tb testing.TB, m storetest.Budgets, all ...gate.Budget) bool {
	tb.Helper()
	ok, err := m.Take(tb.Context(), all, make([]gate.Standing, len(all)))
	if err != nil {
		tb.Fatal(err)
	}
	return ok
}

// RES-26: more addresses than there is room for. Nobody who was there before is forgotten,
// those without room share one budget with their network, callers have room of their own,
// and what is over makes room again.
func TestRES26AddressesCrowdOutNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room = 65_536
		m := store.NewMemoryBudgets()
		if !takes(t, m, from(0, 1)) {
			t.Fatal("the first is refused")
		}
		for n := 1; n < room; n++ {
			takes(t, m, from(n, 1))
		}
		if takes(t, m, from(0, 1)) {
			t.Error("a flood has made the first forgotten")
		}
		if !takes(t, m, from(room, 2)) || !takes(t, m, from(room+1, 2)) || takes(t, m, from(room+2, 2)) {
			t.Error("those without room do not share one budget of 2")
		}
		strangers := 0 // of other networks, of which one in a thousand shares that budget
		for _, addr := range []string{"192.0.2.55", "198.51.100.7", "203.0.113.9", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "172.16.0.1", "100.64.0.1"} {
			if takes(t, m, fromAddr(netip.MustParseAddr(addr), 2)) {
				strangers++
			}
		}
		if strangers < 6 {
			t.Errorf("of 8 strangers of other networks %d are let in", strangers)
		}
		if !takes(t, m, of("alice", 1)) || takes(t, m, of("alice", 1)) {
			t.Error("a flood of addresses has left callers no room of their own")
		}
		if n := m.Crowded(); n == 0 || m.Held() > room+11 {
			t.Errorf("crowded %d, held %d", n, m.Held())
		}
		storetest.Until(time.Now().Add(2 * time.Minute))
		for n := range 100 {
			if !takes(t, m, from(2*room+n, 1)) {
				t.Fatal("what is over makes no room")
			}
		}
	})
}

// A decision in memory costs no allocation.
func TestBudgetsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m := store.NewMemoryBudgets()
	all := []gate.Budget{of("alice", 1<<40), from(1, 1<<40)}
	standing := make([]gate.Standing, len(all))
	n := testing.AllocsPerRun(1000, func() {
		if ok, err := m.Take(t.Context(), all, standing); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a decision", n)
	}
}

func BenchmarkBudgets(b *testing.B) {
	for _, callers := range []int{1, 10_000} {
		b.Run(fmt.Sprint(callers, " callers"), func(b *testing.B) {
			m := store.NewMemoryBudgets()
			all := make([]gate.Budget, callers)
			for i := range all {
				all[i] = of(fmt.Sprint("caller ", i), 1<<40)
			}
			standing := make([]gate.Standing, 1)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if ok, err := m.Take(b.Context(), all[i%callers:][:1], standing); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
