package app

import (
	"context"
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
)

// What nobody has opened refuses: nothing is fresh, and whoever came with a
// credential may be revoked.
func TestStateThatIsNotOpenRefuses(t *testing.T) {
	var s shared
	now := time.Now()
	if fresh, err := s.Use(t.Context(), "k", now, now.Add(time.Minute)); fresh || err == nil {
		t.Errorf("Use = %v, %v", fresh, err)
	}
	for _, realm := range []string{gate.RealmKeys, gate.RealmMTLS, "https://id.example.com"} {
		if _, err := s.isRevoked(&gate.Principal{Realm: realm, Subject: "x", Credential: "y"}); err == nil {
			t.Errorf("%s: nothing is known, and nobody says so", realm)
		}
	}
	if s.healthy(context.Background()) == nil {
		t.Error("it is healthy")
	}
	if _, err := (suspended{&s}).Origin(netip.Addr{}); gate.CodeOf(err) != gate.CodeContainedDown {
		t.Errorf("it is not known what is suspended, and nobody says so: %v", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestStateInTheDataDirectory(t *testing.T) {
	s := shared{dir: t.TempDir()}
	_, _ = rand.Read(s.incidentKey[:])
	if err := s.connect(t.Context(), config.State{}, nil); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	if err := s.healthy(t.Context()); err != nil {
		t.Error(err)
	}
	for _, p := range []gate.Principal{
		{Realm: gate.RealmKeys, Credential: "k_0123456789"},
		{Realm: "https://id.example.com", Subject: "alice", Credential: "jti"},
		{Realm: gate.RealmAnonymous},
		{Realm: gate.RealmLocal},
	} {
		if gone, err := s.isRevoked(&p); gone || err != nil {
			t.Errorf("%+v: %v, %v", p, gone, err)
		}
	}
	made := time.Now().Add(2 * time.Second)
	for i, want := range []bool{true, false, false} {
		if fresh, err := s.Use(t.Context(), "a", made, made.Add(time.Minute)); fresh != want || err != nil {
			t.Errorf("use %d: %v, %v", i+1, fresh, err)
		}
	}
}
