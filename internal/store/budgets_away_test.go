package store_test

import (
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store/storetest"
)

// RES-27: while Redis is away a gateway gives out its part of a budget and no more, or
// refuses; when Redis is back the budget is shared again, without hands.
func TestRES27_RedisAway(t *testing.T) {
	s := storetest.Redis(t)
	one, other := redisBudgets(t, s.URL(), "a:"), redisBudgets(t, s.URL(), "a:")
	strict := redisBudgets(t, s.URL(), "b:")
	one.Fallback(500)
	other.Fallback(500)
	b := budgetOf("alice")
	takes(t, one, b)
	s.Stop()
	passed := 0
	for range 20 {
		if ok, err := one.Take(t.Context(), []gate.Budget{b}, make([]gate.Standing, 1)); err == nil && ok {
			passed++
		}
	}
	if passed != 5 || !one.Away() || one.Alone() != 20 {
		t.Errorf("%d of 10 passed alone, away %v, decided alone %d; want 5, true, 20", passed, one.Away(), one.Alone())
	}
	if ok, err := strict.Take(t.Context(), []gate.Budget{b}, make([]gate.Standing, 1)); ok || err == nil {
		t.Errorf("without a part: %v, %v", ok, err)
	}
	s.Start()
	storetest.Eventually(t, 30*time.Second, "Redis is asked again", func() bool {
		_, _ = one.Take(t.Context(), []gate.Budget{b}, make([]gate.Standing, 1))
		return !one.Away()
	})
	left := leftOf(t, one, b)
	if !takes(t, other, b) || leftOf(t, one, b) != left-1 {
		t.Errorf("after Redis is back the budget is not shared: %d were left, now %d", left, leftOf(t, one, b))
	}
}

func budgetOf(who string) gate.Budget {
	b := of(who, 10)
	b.Per = time.Hour
	return b
}
