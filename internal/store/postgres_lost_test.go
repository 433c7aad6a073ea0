package store_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

// A database that forgot a change and took another in its place has a list with a number that
// is known and another content: who knows the first refuses it, also after a restart, until
// somebody accepts that.
func forkedRevocations(t *testing.T, h *storetest.Home) {
	seen := map[store.Kept]uint64{}
	ledger := store.NewLedger(nil, func(list store.Kept, generation uint64) error {
		seen[list] = generation
		return nil
	})
	r := openRevokedIn(t, h, ledger)
	revoke(t, r, "alice")
	restore := snapshot(h, "revoked")
	revoke(t, r, "bob")
	restore()
	revoke(t, openRevokedIn(t, h, nil), "carol")
	if _, err := r.List(t.Context()); !errors.Is(err, store.ErrRevocations) || !strings.Contains(err.Error(), "older than it was") {
		t.Fatalf("listed: %v", err)
	}
	if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: storetest.Issuer, Value: "dora"}); err == nil {
		t.Error("revoked in the fork")
	}
	p := openPostgres(t, h)
	var stale *store.StaleError
	if _, err := store.OpenPostgresRevocations(t.Context(), p, revokedKey, store.NewLedger(maps.Clone(seen), nil)); !errors.As(err, &stale) {
		t.Errorf("opened: %v", err)
	}
	if behind, err := p.Behind(t.Context(), store.KeptRevocations, revokedKey, ledger); !behind || err != nil {
		t.Errorf("behind %v, %v", behind, err)
	}
	if err := p.GoOn(t.Context(), store.KeptRevocations, revokedKey, ledger); err != nil {
		t.Fatal(err)
	}
	if list, err := r.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("it does not go on: %v, %v", list, err)
	}
}

// A yes that was used is used, though another change has the number of the use.
func forkedApprovals(t *testing.T, h *storetest.Home) {
	a := openApprovedIn(t, h)
	grantIt(t, a, askFor(t, a, 1).ID)
	restore := snapshot(h, "approvals")
	if !passes(t, a) {
		t.Error("not used")
	}
	restore()
	askFor(t, openApprovedIn(t, h), 2)
	if _, used, err := a.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used twice: %v, %v", used, err)
	}
}

// A list that was never written counts as written once, and one that others write as often
// as it was: the ledger knows both.
func begunAnew(t *testing.T, h *storetest.Home) {
	p := openPostgres(t, h)
	ledger, other := store.NewLedger(nil, nil), store.NewLedger(nil, nil)
	if behind, err := p.Behind(t.Context(), store.KeptRevocations, revokedKey, ledger); behind || err != nil {
		t.Errorf("an empty list is behind nothing: %v, %v", behind, err)
	}
	for _, l := range []*store.Ledger{ledger, ledger, other} {
		if err := p.GoOn(t.Context(), store.KeptRevocations, revokedKey, l); err != nil {
			t.Fatal(err)
		}
		if least := l.Least(store.KeptRevocations); least != 1 {
			t.Errorf("it counts as changed %d times, want 1", least)
		}
	}
	if behind, err := p.Behind(t.Context(), store.KeptRevocations, revokedKey, store.NewLedger(map[store.Kept]uint64{store.KeptRevocations: 2}, nil)); !behind || err != nil {
		t.Errorf("behind %v, %v", behind, err)
	}
	if list, err := openRevokedIn(t, h, ledger).List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// A connection is made with the user and the password of that time; a secret that has none
// is told of, without its text.
func newPassword(t *testing.T, h *storetest.Home) {
	next := "next_" + h.Name
	h.Do("CREATE ROLE " + next + " LOGIN IN ROLE " + h.Name)
	dsn, failed := h.DSN(), errors.New("it is away")
	var away error
	p, err := store.OpenPostgres(t.Context(), store.PostgresConfig{DSN: dsn, Schema: h.Name, Renewed: func() (string, error) { return dsn, away }})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, p)
	ends := func() bool { // a connection that ends while it is used is an error once
		_, err := p.Behind(t.Context(), store.KeptRevocations, revokedKey, store.NewLedger(nil, nil))
		return err == nil
	}
	dsn = strings.Replace(h.DSN(), h.Name, next, 1)
	h.Down()
	storetest.Eventually(t, 5*time.Second, "the new one is used", ends)
	for _, bad := range []func(){func() { dsn = "sesame" }, func() { dsn = "postgres://u:sesame@127.0.0.1:x/d" }, func() { away = failed }} {
		bad()
		h.Do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", next)
		storetest.Eventually(t, 5*time.Second, "it says why", func() bool {
			_, err := p.Behind(t.Context(), store.KeptRevocations, revokedKey, store.NewLedger(nil, nil))
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Error(err)
			}
			return err != nil && strings.Contains(err.Error(), "the secret with its URL")
		})
	}
}

// Arguments of an approval that is gone are dropped by the next gateway, and no others.
func orphanedArguments(t *testing.T, h *storetest.Home) {
	a := openApprovedIn(t, h)
	one := askFor(t, a, 1)
	h.Do("INSERT INTO arguments VALUES ('apr_gone', 'x')")
	openApprovedIn(t, h)
	if ids := h.Do("SELECT id FROM arguments"); !slices.Equal(ids, []string{one.ID}) {
		t.Errorf("there are arguments of %q, want %q", ids, one.ID)
	}
	h.Do("TRUNCATE lists CASCADE")
	if err := openPostgres(t, h).GoOn(t.Context(), store.KeptApprovals, approvalsKey, store.NewLedger(map[store.Kept]uint64{store.KeptApprovals: 1}, nil)); err != nil {
		t.Fatal(err)
	}
	if ids := h.Do("SELECT id FROM arguments"); len(ids) != 0 {
		t.Errorf("a list that began anew has arguments of %q", ids)
	}
}

// A list is neither written nor read beyond its bytes.
func tooManyBytes(t *testing.T, h *storetest.Home) {
	short, err := store.OpenShortPostgresRevocations(t.Context(), openPostgres(t, h), revokedKey, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, short)
	revoke(t, short, "alice")
	revoke(t, short, "bob")
	more := store.Revocation{Kind: store.RevokedSubject, Realm: storetest.Issuer, Value: strings.Repeat("m", 500)}
	if err := short.Add(t.Context(), more); err == nil || !strings.Contains(err.Error(), "more than 600 bytes") {
		t.Errorf("added: %v", err)
	}
	if list, err := short.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if err := openRevokedIn(t, h, nil).Add(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	if _, err := short.List(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 600 bytes") {
		t.Errorf("listed: %v", err)
	}
}

// A pooler turns away who begins a connection with settings that it does not know.
func TestPostgresStartup(t *testing.T) {
	got, err := store.PostgresStartup("postgres://u:sesame@127.0.0.1/d")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"application_name": "doorward"}; !maps.Equal(got, want) {
		t.Errorf("it begins with %q, want %q", got, want)
	}
}
