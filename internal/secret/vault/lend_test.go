package vault_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/secret/vault"
)

// What is lent is made for one call, given back when it is returned, tried again where Vault does
// not take it, and given back by Close at the latest.
func TestLend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
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
		s.change(func(v *standin) { v.keeps = true })
		two.Return()
		if n := left(); n != 1 {
			t.Errorf("%d leases where Vault keeps them", n)
		}
		s.change(func(v *standin) { v.keeps = false })
		time.Sleep(2 * time.Second)
		if n := left(); n != 0 {
			t.Errorf("%d leases once Vault takes them", n)
		}
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
		s.change(func(v *standin) { v.stuck = "" })
		lend()
		s.close()
		if len(s.vlt.leases) != 0 {
			t.Errorf("left at the end are %v", s.vlt.leases)
		}
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
