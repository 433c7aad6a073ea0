package vault_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/secret/vault"
)

// What is lent is made for one call, given back when it is returned, tried again where Vault does
// not take it, and given back by Close at the latest.
func TestLend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var telling sync.Mutex
		fates := map[string][]vault.Fate{} // by tag
		s := newStage(t, func(c *vault.Config, _ *standin) {
			c.Lent = func(l *vault.Loan, f vault.Fate) {
				telling.Lock()
				defer telling.Unlock()
				fates[l.Path+" "+l.Tag()] = append(fates[l.Path+" "+l.Tag()], f)
			}
		})
		became := func(l *vault.Loan, want ...vault.Fate) {
			t.Helper()
			telling.Lock()
			defer telling.Unlock()
			if got := fates["database/creds/app "+l.Tag()]; !slices.Equal(got, want) {
				t.Errorf("of lease %s it was told %v, want %v", l.Tag(), got, want)
			}
		}
		left := func() (n int) {
			synctest.Wait()
			s.change(func(v *standin) { n = len(v.leases) })
			return n
		}
		lend := func() *vault.Loan {
			t.Helper()
			l, err := s.Lend(t.Context(), "database/creds/app")
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		one, two := lend(), lend()
		user, err := one.Field("username")
		password, err2 := one.Field("password")
		if err != nil || err2 != nil || strings.TrimPrefix(user, "user-") != strings.TrimPrefix(password, "password-") {
			t.Errorf("%s has %s, %v, %v", user, password, err, err2)
		}
		if other, err := two.Field("password"); err != nil || other == password {
			t.Errorf("two calls have %s, %v", other, err)
		}
		if _, err := one.Field("none"); !errors.Is(err, vault.ErrAbsent) {
			t.Errorf("a field that is not there: %v", err)
		}
		one.Return()
		one.Return()
		if n := left(); n != 1 {
			t.Errorf("%d leases after one of two was returned", n)
		}
		became(one, vault.Returned)
		s.change(func(v *standin) { v.keeps = true })
		two.Return()
		if n := left(); n != 1 {
			t.Errorf("%d leases where Vault keeps them", n)
		}
		became(two, vault.Unreturned)
		s.change(func(v *standin) { v.keeps = false })
		time.Sleep(2 * time.Second)
		if n := left(); n != 0 {
			t.Errorf("%d leases once Vault takes them", n)
		}
		became(two, vault.Unreturned, vault.Returned)
		one = lend()
		s.change(func(v *standin) {
			for id := range v.leases {
				v.stuck = id
			}
		})
		one.Return()
		lend().Return()
		time.Sleep(2 * time.Second)
		if n := left(); n != 1 {
			t.Errorf("%d leases behind one that Vault does not end", n)
		}
		became(one, vault.Unreturned)
		s.change(func(v *standin) { v.stuck = "" })
		last := lend()
		s.close()
		became(one, vault.Unreturned, vault.Returned)
		became(last, vault.Returned)
		if len(s.vlt.leases) != 0 {
			t.Errorf("left at the end are %v", s.vlt.leases)
		}
	})
}

// A lease whose time is over before Vault took it back has ended, also where nobody looked since.
func TestALeaseOfACallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fates := make(chan vault.Fate, 8)
		s := newStage(t, func(c *vault.Config, v *standin) {
			c.Lent = func(_ *vault.Loan, f vault.Fate) { fates <- f }
			v.life, v.keeps = 10*time.Second, true
		})
		told := func(want ...vault.Fate) {
			t.Helper()
			synctest.Wait()
			for _, one := range want {
				select {
				case got := <-fates:
					if got != one {
						t.Errorf("it was told that it is %s, want %s", got, one)
					}
				default:
					t.Errorf("it was not told that it is %s", one)
				}
			}
			if len(fates) != 0 {
				t.Errorf("it was told %d times more", len(fates))
			}
		}
		lend := func() *vault.Loan {
			t.Helper()
			l, err := s.Lend(t.Context(), "database/creds/app")
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		lend().Return()
		told(vault.Unreturned)
		time.Sleep(15 * time.Second)
		told(vault.Ended)
		lend()
		time.Sleep(15 * time.Second)
		told()
		s.close()
		told(vault.Ended)
	})
}

// Nothing is lent without a lease, to a call that is over, while Vault is away, or beyond the bound.
func TestLendRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		refused := func(ctx context.Context, path, want string) {
			t.Helper()
			if l, err := s.Lend(ctx, path); err == nil || l != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%s: %v; want an error with %q", path, err, want)
			}
			time.Sleep(2 * time.Second)
		}
		for range 300 { // more than may be out: a refusal takes no place
			if _, err := s.Lend(t.Context(), "kv/data/app"); err == nil || !strings.Contains(err.Error(), "has no lease") {
				t.Fatalf("a value without a lease: %v", err)
			}
		}
		refused(over, "database/creds/app", "context canceled")
		refused(t.Context(), "database/creds/odd", "cannot be read")
		s.change(func(v *standin) { v.down = true })
		refused(t.Context(), "database/creds/app", "no answer")
		s.change(func(v *standin) { v.down = false })
		if len(s.vlt.leases) != 0 {
			t.Errorf("left are %v", s.vlt.leases)
		}
		var all []*vault.Loan
		for range 256 {
			l, err := s.Lend(t.Context(), "database/creds/app")
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, l)
		}
		refused(t.Context(), "database/creds/app", "256 leases are out")
		for _, l := range all {
			l.Return()
		}
		synctest.Wait()
		if _, err := s.Lend(t.Context(), "database/creds/app"); err != nil {
			t.Errorf("after all were returned: %v", err)
		}
		s.close()
	})
}
