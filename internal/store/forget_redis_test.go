package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

// everything is all that a server has, by key.
func everything(s *storetest.Server) string {
	var out strings.Builder
	for _, key := range s.Do("KEYS", "*").([]any) { //nolint:forcetypeassert // of KEYS
		content := ""
		switch kind := s.Do("TYPE", key); kind {
		case "hash":
			content = fmt.Sprint(s.Do("HGETALL", key))
		case "string":
			content = fmt.Sprint(s.Do("GET", key))
		default:
			content = fmt.Sprint(s.Do("DUMP", key))
		}
		_, _ = fmt.Fprintln(&out, key, content)
	}
	return out.String()
}

// Whose name is forgotten in Redis stays revoked at every gateway, and no gateway that
// knew the name brings it back, not even when the server has lost everything (GDP-03).
func TestForgottenStayRevokedInRedis(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	a, b := openShared(t, s), openShared(t, s)
	for _, name := range []string{canaryBob, "carol"} {
		revoke(t, a, name)
	}
	storetest.Eventually(t, 5*time.Second, "the other gateway knows", func() bool { return isRevoked(b, canaryBob) && isRevoked(b, "carol") })
	if text := everything(s); !strings.Contains(text, canaryBob) {
		t.Fatalf("redis does not have the name: %s", text)
	}
	if n, err := b.Forget(t.Context(), storetest.Issuer, canaryBob); n != 1 || err != nil {
		t.Fatalf("forgotten in %d, %v", n, err)
	}
	if n, err := a.Forget(t.Context(), "", canaryBob); n != 0 || err != nil {
		t.Errorf("by the other gateway: %d, %v", n, err)
	}
	s.Do("FLUSHALL")
	storetest.Eventually(t, 25*time.Second, "both are published again", func() bool {
		return s.Do("HLEN", "doorward:{revoked}").(int64) == 2 //nolint:forcetypeassert // HLEN is an integer
	})
	for which, r := range map[string]*store.Revocations{"the one": a, "the other": b, "one that is new": openShared(t, s)} {
		if !isRevoked(r, canaryBob) || !isRevoked(r, "carol") || isRevoked(r, "dave") {
			t.Errorf("%s: %v, %v, %v", which, isRevoked(r, canaryBob), isRevoked(r, "carol"), isRevoked(r, "dave"))
		}
	}
	if text := everything(s); strings.Contains(text, canaryBob) || !strings.Contains(text, "carol") {
		t.Errorf("redis has %s", text)
	}
}

// Of somebody who is forgotten nothing is left in approvals that gateways share: every
// gateway sees it at once, and what others asked for stays (GDP-03, GDP-06).
func TestForgottenInApprovalsInRedis(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	a, b := openSharedApprovals(t, s), openSharedApprovals(t, s)
	bob, carol := &gate.Principal{Realm: storetest.Issuer, Subject: canaryBob}, &gate.Principal{Realm: storetest.Issuer, Subject: "carol"}
	for n, who := range []*gate.Principal{bob, carol} {
		one, err := a.Ask(t.Context(), gate.Approval{
			Binding: [32]byte{byte(n + 1)}, Requester: who.Key(), Realm: who.Realm, Subject: who.Subject, Arguments: []byte(`{"to":"` + who.Subject + `"}`),
			Roles: []string{"lead"}, Count: 2, Expires: time.Now().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		if who == carol {
			if _, err := b.Grant(t.Context(), one.ID, gate.Consent{Approver: bob.Key(), Realm: bob.Realm, Subject: bob.Subject}); err != nil {
				t.Fatal(err)
			}
		}
	}
	arguments := s.Do("HLEN", "doorward:{approvals}:arguments")
	if arguments != int64(2) {
		t.Fatalf("%v have arguments", arguments)
	}
	forget := func(_, _, key string) bool { return bob.HasKey(key) }
	if n, err := b.Forget(t.Context(), forget); n != 2 || err != nil {
		t.Fatalf("forgotten in %d, %v", n, err)
	}
	if n, err := a.Forget(t.Context(), forget); n != 0 || err != nil {
		t.Errorf("by the other gateway: %d, %v", n, err)
	}
	for which, one := range map[string]*store.Approvals{"the one": a, "the other": b, "one that is new": openSharedApprovals(t, s)} {
		all, err := one.List(t.Context())
		if err != nil || len(all) != 1 || all[0].Subject != "carol" || len(all[0].Grants) != 0 {
			t.Errorf("%s has %+v, %v", which, all, err)
		}
	}
	if left := s.Do("HLEN", "doorward:{approvals}:arguments"); left != int64(1) {
		t.Errorf("%v have arguments", left)
	}
	if text := everything(s); strings.Contains(text, canaryBob) {
		t.Errorf("redis has %s", text)
	}
}
