package store_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
)

// revokedKey hashes names that were forgotten, in Redis.
var revokedKey = [32]byte([]byte("0123456789abcdefghijklmnopqrstuv"))

const (
	idp      = "https://idp.example"
	otherIDP = "https://other.example"
)

// Whose name is forgotten stays revoked, also when it is revoked again, and at no
// other issuer; nothing in the file has the name (GDP-03, GDP-07).
func TestForgottenStayRevoked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, err := store.OpenFileRevocations(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, r)
	for _, realm := range []string{idp, otherIDP} {
		if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: realm, Value: "canary-alice"}); err != nil {
			t.Fatal(err)
		}
	}
	text := func() []byte {
		b, err := os.ReadFile(filepath.Join(dir, "revoked.json"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if n, err := r.Forget(t.Context(), idp, "canary-alice"); n != 1 || err != nil {
		t.Fatalf("of one issuer: %d, %v", n, err)
	}
	if n := bytes.Count(text(), []byte("canary-alice")); n != 1 {
		t.Errorf("the name is there %d times, once of the other issuer it should be", n)
	}
	if n, err := r.Forget(t.Context(), "", "canary-alice"); n != 1 || err != nil {
		t.Fatalf("of every issuer: %d, %v", n, err)
	}
	if n, err := r.Forget(t.Context(), "", "canary-alice"); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	until := time.Now().Add(time.Hour)
	if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: idp, Value: "canary-alice", Until: until}); err != nil {
		t.Errorf("revoked again: %v", err)
	}
	if bytes.Contains(text(), []byte("canary-alice")) {
		t.Errorf("the file has the name:\n%s", text())
	}
	again, err := store.OpenFileRevocations(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, again)
	for _, list := range []*store.Revocations{r, again} {
		for _, tc := range []struct {
			realm, subject string
			want           bool
		}{{idp, "canary-alice", true}, {otherIDP, "canary-alice", true}, {"https://third.example", "canary-alice", false}, {idp, "canary-bob", false}} {
			if got, err := list.Check(store.RevokedSubject, tc.realm, tc.subject); got != tc.want || err != nil {
				t.Errorf("%s of %s: %v, %v", tc.subject, tc.realm, got, err)
			}
		}
	}
}

// Of somebody who is forgotten nothing is left in approvals that they asked for or
// decided about, and their yes to what waits counts no more (GDP-06).
func TestForgottenInApprovals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.OpenFileApprovals(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { closing(t, s) }()
	alice, bob, carol := &gate.Principal{Realm: idp, Subject: "alice"}, &gate.Principal{Realm: idp, Subject: "bob"}, &gate.Principal{Realm: idp, Subject: "carol"}
	ask := func(n byte, who *gate.Principal) string {
		a, err := s.Ask(t.Context(), gate.Approval{
			Binding: [32]byte{n}, Requester: who.Key(), Realm: who.Realm, Subject: who.Subject,
			Arguments: []byte(`{"to":"me"}`), Roles: []string{"boss"}, Count: 2, Expires: time.Now().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	yes := func(id string, who *gate.Principal) {
		if _, err := s.Grant(t.Context(), id, gate.Consent{Approver: who.Key(), Realm: who.Realm, Subject: who.Subject}); err != nil {
			t.Fatal(err)
		}
	}
	own, waiting, used, denied := ask(1, alice), ask(2, bob), ask(3, bob), ask(4, bob)
	yes(waiting, alice)
	yes(used, alice)
	yes(used, carol)
	if _, ok, err := s.Use(t.Context(), [32]byte{3}); !ok || err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deny(t.Context(), denied, gate.Consent{Approver: alice.Key(), Subject: "alice"}); err != nil {
		t.Fatal(err)
	}
	forget := func(_, _, key string) bool { return alice.HasKey(key) }
	if n, err := s.Forget(t.Context(), forget); n != 4 || err != nil {
		t.Fatalf("forgotten in %d, %v", n, err)
	}
	if n, err := s.Forget(t.Context(), forget); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.OpenFileApprovals(dir); err != nil {
		t.Fatalf("what is left does not open: %v", err)
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%d are left, %v", len(all), err)
	}
	for i := range all {
		a := &all[i]
		switch {
		case a.ID == own:
			t.Error("what she asked for is there")
		case a.ID == waiting && len(a.Grants) != 0:
			t.Errorf("her yes counts: %+v", a.Grants)
		case a.ID == used && (len(a.Grants) != 2 || a.Grants[0].Subject != "erased" || a.Grants[1].Subject != "carol"):
			t.Errorf("who agreed was %+v", a.Grants)
		case a.ID == denied && (a.Denial == nil || a.Denial.Subject != "erased"):
			t.Errorf("who said no was %+v", a.Denial)
		}
	}
	if files, err := os.ReadDir(filepath.Join(dir, "approvals")); err != nil || len(files) != 3 {
		t.Errorf("%d files of arguments, %v", len(files), err)
	}
}

// A key that is good no more loses its name; one that lets somebody in keeps it.
func TestForgottenKeys(t *testing.T) {
	t.Parallel()
	k, err := store.Open(store.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, k)
	if n, live, err := k.Forget("alice"); n != 0 || live != nil || err != nil {
		t.Errorf("of nobody: %d, %v, %v", n, live, err)
	}
	if _, _, err := k.Create(store.CreateOptions{Name: "alice", Roles: []string{"reader"}}); err != nil {
		t.Fatal(err)
	}
	_, now, err := k.Rotate("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, live, err := k.Forget("alice"); n != 1 || len(live) != 1 || live[0] != now.ID || err != nil {
		t.Errorf("of one that was rotated: %d, %v, %v", n, live, err)
	}
	if err := k.Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	if n, live, err := k.Forget("alice"); n != 1 || live != nil || err != nil {
		t.Errorf("of one that was revoked: %d, %v, %v", n, live, err)
	}
	all, err := k.List()
	if err != nil || len(all) != 2 || all[0].Name == "alice" || all[1].Name == "alice" || all[0].Name == all[1].Name {
		t.Errorf("left are %+v, %v", all, err)
	}
}
