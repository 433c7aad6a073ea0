package store_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

const lasting = time.Minute

// asked is what a process is told about a session.
func askedAbout(t *testing.T, s *store.RedisSessions, id string, alone bool) bool {
	t.Helper()
	ok, err := s.Use(t.Context(), id, lasting, alone)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func beginSession(t *testing.T, s *store.RedisSessions, id string, keep time.Duration) {
	t.Helper()
	if err := s.Begin(t.Context(), id, keep); err != nil {
		t.Fatal(err)
	}
}

func TestRedisSessions(t *testing.T) {
	t.Parallel()
	server := storetest.Redis(t)
	a, b := store.NewRedisSessions(openRedis(t, server.URL())), store.NewRedisSessions(openRedis(t, server.URL()))
	if askedAbout(t, a, "unknown", false) || askedAbout(t, a, "unknown", true) {
		t.Error("a session is known that never began")
	}
	beginSession(t, a, "one", lasting)
	if !askedAbout(t, b, "one", false) || !askedAbout(t, a, "one", false) {
		t.Error("a session is not anybody's")
	}
	if !askedAbout(t, b, "one", true) || askedAbout(t, a, "one", false) || askedAbout(t, a, "one", true) || !askedAbout(t, b, "one", false) {
		t.Error("a session that one process has alone is not its own")
	}
	beginSession(t, a, "two", lasting)
	for range 2 {
		if err := b.End(t.Context(), "two"); err != nil {
			t.Fatal(err)
		}
	}
	if askedAbout(t, a, "two", false) || askedAbout(t, b, "two", true) {
		t.Error("a session goes on that has ended")
	}
	if n := len(server.Do("KEYS", "doorward:{sessions}:*").([]any)); n != 1 { //nolint:forcetypeassert // of KEYS
		t.Errorf("%d entries of one session that goes on", n)
	}
	if err := a.End(t.Context(), "unknown"); err != nil || askedAbout(t, a, "unknown", false) {
		t.Errorf("the end of what never began: %v", err)
	}
	beginSession(t, a, "three", 20*time.Millisecond)
	storetest.Eventually(t, 5*time.Second, "an entry ends by itself", func() bool {
		return len(server.Do("KEYS", "doorward:{sessions}:*").([]any)) == 1 //nolint:forcetypeassert // of KEYS
	})
	for _, key := range server.Do("KEYS", "*").([]any) { //nolint:forcetypeassert // of KEYS
		name := key.(string)                                                                                                                          //nolint:forcetypeassert // of KEYS
		if strings.HasPrefix(name, "doorward:{sessions}:") && (len(name) != len("doorward:{sessions}:")+64 || server.Do("PTTL", name).(int64) <= 0) { //nolint:forcetypeassert // of PTTL
			t.Errorf("%s is no digest, or has no end", name)
		}
	}
}

// DUR-23: what cannot be asked is an error, and a memory that was lost knows nothing.
func TestDUR23_RedisSessionsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	server := storetest.Redis(t)
	s := store.NewRedisSessions(openRedis(t, server.URL()))
	beginSession(t, s, "one", lasting)
	server.Stop()
	if ok, err := s.Use(t.Context(), "one", lasting, false); ok || err == nil || strings.Contains(err.Error(), server.Password) {
		t.Errorf("Use = %v, %v", ok, err)
	}
	for _, err := range []error{s.Begin(t.Context(), "two", lasting), s.End(t.Context(), "one")} {
		if err == nil {
			t.Error("nobody was told, and that is no error")
		}
	}
	for _, err := range []error{s.Begin(t.Context(), "", lasting), s.Begin(t.Context(), "two", 0)} {
		if err == nil || !strings.Contains(err.Error(), "no id, or no time") {
			t.Errorf("what is no session: %v", err)
		}
	}
	server.Start()
	storetest.Eventually(t, 10*time.Second, "it is asked again", func() bool {
		ok, err := s.Use(t.Context(), "one", lasting, false)
		return !ok && err == nil
	})
}
