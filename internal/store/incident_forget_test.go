package store_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

const canaryBob = "canary-bob"

// Whoever is forgotten in incidents is named in none, stays suspended where they were,
// and the timeline is as long as before; nobody else is touched, and another gateway
// brings nothing back, in a file and in Redis (GDP-03).
func TestForgottenInIncidents(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) func() *store.Incidents{
		"file": func(t *testing.T) func() *store.Incidents {
			t.Helper()
			dir := t.TempDir()
			return func() *store.Incidents { return openIncidents(t, dir) }
		},
		"redis": func(t *testing.T) func() *store.Incidents {
			t.Helper()
			server := storetest.Redis(t)
			return func() *store.Incidents { return openSharedIncidents(t, server) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			again := open(t)
			a, b := again(), again()
			one := suspended(t, "uid:1", principalOf(canaryBob), 0)
			one.Title = "what CANARY-BOB did"
			for _, text := range []string{"198.51.100.7", "2001:db8:1:2::/64", "203.0.113.0/24"} {
				if err := one.Contain(store.Containment{IncidentSubject: addressOf(text), Since: time.Now(), By: "uid:1", Reason: canaryBob + " from " + text}); err != nil {
					t.Fatal(err)
				}
			}
			kept := keep(t, a, one)
			keep(t, a, suspended(t, "uid:1", principalOf("carol"), 0))
			ended := keep(t, a, suspended(t, "rule:denied_calls", principalOf(canaryBob), 0))
			release(t, a, ended.ID)
			grown(t, a, ended.ID, func(i *store.Incident) error {
				return i.Close("uid:1", "it was "+canaryBob+", not canary-bobby", time.Now())
			})
			storetest.Eventually(t, 5*time.Second, "the other knows", func() bool {
				got, err := b.Get(t.Context(), ended.ID)
				return err == nil && !got.Closed.IsZero()
			})
			bob := store.Forgotten{Name: canaryBob, Is: func(s store.IncidentSubject) bool {
				return s.Value == canaryBob || s.Kind == store.OfAddress
			}}
			if n, err := a.Forget(t.Context(), bob); n != 2 || err != nil {
				t.Fatalf("forgotten in %d, %v", n, err)
			}
			if n, err := b.Forget(t.Context(), bob); n != 0 || err != nil {
				t.Errorf("again: %d, %v", n, err)
			}
			grown(t, b, kept.ID, func(i *store.Incident) error {
				return i.Note(store.Step{At: time.Now(), Actor: "uid:1", Kind: store.StepNote, Text: "gone on with"})
			})
			for which, s := range map[string]*store.Incidents{"the one": a, "the other": b, "one that is new": again()} {
				namesNobody(t, which, s)
				stillSuspended(t, which, s)
				got, err := s.Get(t.Context(), kept.ID)
				if err != nil || len(got.Steps) != len(one.Steps)+1 || len(got.About) != 4 {
					t.Errorf("%s: %d steps about %v, %v", which, len(got.Steps), got.About, err)
				}
			}
		})
	}
}

func addressOf(text string) store.IncidentSubject {
	return store.IncidentSubject{Kind: store.OfAddress, Value: text}
}

func grown(t *testing.T, s *store.Incidents, id string, do func(*store.Incident) error) {
	t.Helper()
	if _, err := s.Grow(t.Context(), id, do); err != nil {
		t.Fatal(err)
	}
}

// namesNobody holds a list to say nothing of who was forgotten, and all else.
func namesNobody(t *testing.T, which string, s *store.Incidents) {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%s: %d incidents, %v", which, len(all), err)
	}
	content, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToLower(string(content))
	for _, name := range []string{canaryBob + " ", canaryBob + ",", `"` + canaryBob + `"`, "198.51.100.7", "2001:db8:1:2"} {
		if strings.Contains(text, name) {
			t.Errorf("%s has %q in %s", which, name, text)
		}
	}
	for _, other := range []string{`"carol"`, "203.0.113.0/24", "it was (erased), not canary-bobby", "what (erased) did", "(erased) from (erased)"} {
		if !strings.Contains(text, other) {
			t.Errorf("%s has no %q in %s", which, other, text)
		}
	}
}

func stillSuspended(t *testing.T, which string, s *store.Incidents) {
	t.Helper()
	for name, want := range map[string]bool{canaryBob: true, "carol": true, "dave": false} {
		if isContained(s, principalOf(name)) != want {
			t.Errorf("%s: %s is suspended: %v", which, name, !want)
		}
	}
	for text, want := range map[string]bool{"198.51.100.7": true, "198.51.100.8": false, "2001:db8:1:2::9": true, "2001:db8:1:3::9": false, "203.0.113.5": true} {
		if is, err := s.ContainedAddress(netip.MustParseAddr(text)); is != want || err != nil {
			t.Errorf("%s: %s is suspended: %v, %v", which, text, is, err)
		}
	}
}

// A release lets go of somebody who was forgotten.
func TestForgottenAreReleased(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIncidents(t, dir)
	one := keep(t, s, suspended(t, "uid:1", principalOf(canaryBob), 0))
	if _, err := s.Forget(t.Context(), store.Forgotten{Is: func(store.IncidentSubject) bool { return true }}); err != nil {
		t.Fatal(err)
	}
	release(t, s, one.ID)
	if isContained(s, principalOf(canaryBob)) {
		t.Error("they are suspended")
	}
	before, err := os.ReadFile(filepath.Join(dir, "incidents.json"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Forget(t.Context(), store.Forgotten{Is: func(store.IncidentSubject) bool { return true }, Name: "nobody"}); n != 0 || err != nil {
		t.Errorf("of nobody: %d, %v", n, err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "incidents.json")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is another, %v", err)
	}
}
