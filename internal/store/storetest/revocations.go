package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"doorward/internal/store"
)

// Revocations is a list of what was revoked as its callers see it.
type Revocations interface {
	Add(ctx context.Context, what store.Revocation) error
	Check(kind, realm, value string) (revoked bool, err error)
	List(ctx context.Context) ([]store.Revocation, error)
	Healthy() error
	Close() error
}

// RevocationState is one list.
type RevocationState struct {
	Open func() (Revocations, error)      // as one more gateway does
	Fill func(count int, until time.Time) // makes it subjects of Issuer named by their number, from 0
	Down func()                           // the list cannot be read
	Up   func()                           // it can be read again, as it was

	most int
}

// RevocationKind is a kind of list.
type RevocationKind struct {
	Run func(*testing.T, func(*testing.T)) // runs a case, in a bubble of synctest where the kind allows it
	New func(*testing.T) RevocationState   // makes an empty list

	// Quick leaves out the cases that wait for seconds and are decided above the list: how
	// old what is known may be, and when one ends.
	Quick bool

	// Most is how many the list takes; 0 is 100,000, as every list that gateways open does.
	Most int
}

// Issuer is the realm of most revocations here.
const Issuer = "https://idp.example"

const (
	maxRevoked = 100_000         // of the list
	elsewhere  = 2 * time.Second // within which other gateways know
	busy       = time.Minute     // for a full list, with the race detector and in company
	tooOld     = 6 * time.Second // within which a list that cannot be read refuses: 5 s, and a look
)

// TestRevocations holds a kind of list to the rules of all.
func TestRevocations(t *testing.T, kind RevocationKind) {
	// By themselves: they keep the machine busy.
	for name, f := range map[string]func(*testing.T, RevocationState){"bound": bound, "room": room} {
		t.Run(name, func(t *testing.T) {
			kind.Run(t, func(t *testing.T) {
				s := kind.New(t)
				s.most = cmp.Or(kind.Most, maxRevoked)
				f(t, s)
			})
		})
	}
	for name, f := range map[string]func(*testing.T, RevocationState){
		"everywhere":      everywhere,
		"exactly":         exactly,
		"never shortened": neverShortened,
		"nothing is lost": nothingIsLost,
		"faults":          revocationFaults,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind.Run(t, func(t *testing.T) { f(t, kind.New(t)) })
		})
	}
	if kind.Quick {
		return
	}
	for name, f := range map[string]func(*testing.T, RevocationState){
		"until its end": untilItsEnd, "down": down, "after Close": afterClose,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind.Run(t, func(t *testing.T) { f(t, kind.New(t)) })
		})
	}
}

// open is s.Open, closed at the end.
func (s RevocationState) open(t *testing.T) Revocations {
	t.Helper()
	r, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// target is what is revoked or asked about.
type target struct{ kind, realm, value string }

func subject(name string) target { return target{store.RevokedSubject, Issuer, name} }

// add revokes.
func add(t *testing.T, r Revocations, x target, until time.Time) {
	t.Helper()
	if err := r.Add(t.Context(), store.Revocation{Kind: x.kind, Realm: x.realm, Value: x.value, Until: until, By: "ops"}); err != nil {
		t.Fatal(err)
	}
}

// revoked is Check.
func revoked(t *testing.T, r Revocations, x target) bool {
	t.Helper()
	is, err := r.Check(x.kind, x.realm, x.value)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// everywhere: AUT-23, P14. What one gateway revokes holds there at once, on
// another within 2 s, and after a restart.
func everywhere(t *testing.T, s RevocationState) {
	a, b := s.open(t), s.open(t)
	targets := []target{
		{store.RevokedKey, "", "k_0123456789"},
		{store.RevokedSubject, Issuer, "alice"},
		{store.RevokedToken, Issuer, "jti-1"},
		{store.RevokedSubject, Issuer, "a\u0000b\n\"\u202e"},
		{store.RevokedSubject, strings.Repeat("r", 1024), strings.Repeat("v", 1024)},
	}
	for _, x := range targets {
		if revoked(t, a, x) || revoked(t, b, x) {
			t.Errorf("%.40q is revoked before it was", x.value)
		}
		add(t, a, x, time.Now().Add(time.Hour))
		if !revoked(t, a, x) {
			t.Errorf("%.40q is not revoked where it was", x.value)
		}
		Eventually(t, elsewhere, "the other gateway knows", func() bool { return revoked(t, b, x) })
	}
	c := s.open(t)
	for _, x := range targets {
		if !revoked(t, c, x) {
			t.Errorf("%.40q is not revoked after a restart", x.value)
		}
	}
	lists := make([][]store.Revocation, 3)
	for i, r := range []Revocations{a, b, c} {
		var err error
		if lists[i], err = r.List(t.Context()); err != nil || len(lists[i]) != len(targets) {
			t.Fatalf("List has %d, %v; want %d", len(lists[i]), err, len(targets))
		}
	}
	for _, other := range lists[1:] {
		if diff := gocmp.Diff(lists[0], other); diff != "" {
			t.Error(diff)
		}
	}
	if first := lists[0][0]; first.Kind != store.RevokedKey || first.By != "ops" || time.Since(first.At) > time.Minute || first.At.After(time.Now()) {
		t.Errorf("List begins with %+v", first)
	}
}

// exactly: what is revoked is what was named, and nothing that resembles it.
func exactly(t *testing.T, s RevocationState) {
	r := s.open(t)
	add(t, r, subject("alice"), time.Time{})
	add(t, r, target{store.RevokedKey, "", "k_0123456789"}, time.Time{})
	for _, x := range []target{
		{store.RevokedToken, Issuer, "alice"},
		{store.RevokedKey, "", "alice"},
		{store.RevokedSubject, Issuer + "/", "alice"},
		{store.RevokedSubject, "https://idp2.example", "alice"},
		{store.RevokedSubject, Issuer, "Alice"},
		{store.RevokedSubject, Issuer, "alice "},
		{store.RevokedSubject, Issuer, "alic"},
		{store.RevokedSubject, Issuer + "alice", "a"},
		{store.RevokedSubject, Issuer, "k_0123456789"},
		{store.RevokedKey, "", "k_012345678"},
	} {
		if revoked(t, r, x) {
			t.Errorf("%v is revoked", x)
		}
	}
}

func untilItsEnd(t *testing.T, s RevocationState) {
	a, b := s.open(t), s.open(t)
	end := time.Now().Truncate(time.Second).Add(3 * time.Second)
	short := target{store.RevokedToken, Issuer, "short"}
	over := func() bool { return !time.Now().Before(end) }                                                                           // a busy machine may come to it late
	what := store.Revocation{Kind: short.kind, Realm: short.realm, Value: short.value, Until: end.Add(-time.Millisecond), By: "ops"} // rounded up
	if err := a.Add(t.Context(), what); err != nil && !over() {
		t.Fatal(err)
	}
	Eventually(t, elsewhere, "the other gateway knows", func() bool { return revoked(t, b, short) || over() })
	Until(end.Add(-50 * time.Millisecond))
	for _, r := range []Revocations{a, b} {
		if !revoked(t, r, short) && !over() {
			t.Error("ended too early")
		}
	}
	Until(end)
	for _, r := range []Revocations{a, b} {
		if revoked(t, r, short) {
			t.Error("holds after its end")
		}
		if all, err := r.List(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("List has %v, %v after the end", all, err)
		}
	}
}

// neverShortened: revoking again can only make it longer.
func neverShortened(t *testing.T, s RevocationState) {
	a, b := s.open(t), s.open(t)
	now := time.Now().UTC().Truncate(time.Second)
	ends := func() []time.Time {
		t.Helper()
		all, err := b.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ends []time.Time
		for _, r := range all {
			ends = append(ends, r.Until)
		}
		return ends
	}
	for _, c := range []struct{ until, want time.Time }{
		{now.Add(time.Hour), now.Add(time.Hour)},
		{now.Add(time.Minute), now.Add(time.Hour)},
		{now.Add(2 * time.Hour), now.Add(2 * time.Hour)},
		{time.Time{}, time.Time{}},
		{now.Add(time.Hour), time.Time{}},
	} {
		add(t, a, subject("alice"), c.until)
		if diff := gocmp.Diff([]time.Time{c.want}, ends()); diff != "" {
			t.Errorf("after one until %v: %s", c.until, diff)
		}
	}
}

// down: AUT-23. A list that cannot be read refuses everyone, within 5 s of the
// last look, and takes nothing; it recovers by itself.
func down(t *testing.T, s RevocationState) {
	r := s.open(t)
	add(t, r, subject("alice"), time.Time{})
	s.Down()
	Eventually(t, tooOld, "checks are refused", func() bool {
		is, err := r.Check(store.RevokedSubject, Issuer, "bob")
		return is && errors.Is(err, store.ErrRevocations)
	})
	if is, err := r.Check(store.RevokedSubject, Issuer, "alice"); !is || !errors.Is(err, store.ErrRevocations) {
		t.Errorf("Check = %v, %v", is, err)
	}
	if err := r.Healthy(); !errors.Is(err, store.ErrRevocations) {
		t.Errorf("Healthy = %v", err)
	}
	if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: Issuer, Value: "eve"}); err == nil {
		t.Error("Add says that it has revoked")
	}
	if _, err := r.List(t.Context()); err == nil {
		t.Error("List says what is revoked")
	}
	s.Up()
	Eventually(t, tooOld, "it recovers", func() bool { return r.Healthy() == nil })
	if revoked(t, r, subject("bob")) || !revoked(t, r, subject("alice")) {
		t.Error("it has another list than before")
	}
}

// bound: a full list takes no more, and holds what it has.
func bound(t *testing.T, s RevocationState) {
	s.Fill(s.most, time.Now().Add(time.Hour))
	r := s.open(t)
	if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: Issuer, Value: "one more"}); err == nil {
		t.Error("a full list took one more")
	}
	last := subject(fmt.Sprint(s.most - 1))
	holds := func(x target, want bool) bool {
		is, err := r.Check(x.kind, x.realm, x.value)
		return err == nil && is == want
	}
	check := func() {
		t.Helper()
		Eventually(t, busy, "it has the first and the last, and not one more", func() bool {
			return holds(subject("0"), true) && holds(last, true) && holds(subject("one more"), false)
		})
	}
	check()
	Eventually(t, busy, "one is made longer, which is no entry more", func() bool {
		return r.Add(t.Context(), store.Revocation{Kind: last.kind, Realm: last.realm, Value: last.value}) == nil
	})
	check()
}

// room: what has ended makes room.
func room(t *testing.T, s RevocationState) {
	s.Fill(s.most, time.Now().Add(-time.Hour))
	r := s.open(t)
	Eventually(t, busy, "one more is taken", func() bool {
		return r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: Issuer, Value: "one more"}) == nil
	})
	Eventually(t, busy, "it alone is listed", func() bool {
		all, err := r.List(t.Context())
		return err == nil && len(all) == 1 && all[0].Value == "one more"
	})
}

// nothingIsLost: several gateways revoke at once.
func nothingIsLost(t *testing.T, s RevocationState) {
	var all sync.WaitGroup
	for g := range 4 {
		r := s.open(t)
		all.Go(func() {
			for i := range 10 {
				if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedToken, Realm: Issuer, Value: fmt.Sprint(g, "/", i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if list, err := s.open(t).List(t.Context()); err != nil || len(list) != 40 {
		t.Errorf("%d are listed, %v; want 40", len(list), err)
	}
}

// revocationFaults: what names nothing can be neither revoked nor asked about.
func revocationFaults(t *testing.T, s RevocationState) {
	r := s.open(t)
	for name, what := range map[string]store.Revocation{
		"nothing":               {},
		"no kind":               {Realm: Issuer, Value: "a"},
		"unknown kind":          {Kind: "user", Realm: Issuer, Value: "a"},
		"no value":              {Kind: store.RevokedSubject, Realm: Issuer},
		"subject without realm": {Kind: store.RevokedSubject, Value: "a"},
		"token without realm":   {Kind: store.RevokedToken, Value: "a"},
		"key with a realm":      {Kind: store.RevokedKey, Realm: Issuer, Value: "k_0123456789"},
	} {
		if err := r.Add(t.Context(), what); err == nil {
			t.Errorf("%s: Add took it", name)
		}
		if is, err := r.Check(what.Kind, what.Realm, what.Value); !is || err == nil {
			t.Errorf("%s: Check = %v, %v; want true and an error", name, is, err)
		}
	}
	for name, what := range map[string]store.Revocation{
		"long realm":    {Kind: store.RevokedSubject, Realm: strings.Repeat("x", 1025), Value: "a"},
		"long value":    {Kind: store.RevokedSubject, Realm: Issuer, Value: strings.Repeat("x", 1025)},
		"long operator": {Kind: store.RevokedKey, Value: "a", By: strings.Repeat("x", 257)},
		"not UTF-8":     {Kind: store.RevokedSubject, Realm: Issuer, Value: "\xff"},
		"ended":         {Kind: store.RevokedSubject, Realm: Issuer, Value: "a", Until: time.Now().Add(-time.Minute)},
	} {
		if err := r.Add(t.Context(), what); err == nil {
			t.Errorf("%s: Add took it", name)
		}
	}
	if all, err := r.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("List = %v, %v", all, err)
	}
}

// afterClose: nobody keeps the list fresh, and it refuses.
func afterClose(t *testing.T, s RevocationState) {
	r := s.open(t)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	Eventually(t, tooOld, "checks are refused", func() bool {
		is, err := r.Check(store.RevokedSubject, Issuer, "bob")
		return is && errors.Is(err, store.ErrRevocations)
	})
}
