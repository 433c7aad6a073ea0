package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

var incidentKey = [32]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}

func openIncidents(tb testing.TB, dir string) *store.Incidents {
	tb.Helper()
	s, err := store.OpenFileIncidents(dir, incidentKey, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, s) })
	return s
}

func openSharedIncidents(tb testing.TB, s *storetest.Server) *store.Incidents {
	tb.Helper()
	i, err := store.OpenRedisIncidents(tb.Context(), openRedis(tb, s.URL()), incidentKey)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, i) })
	return i
}

func principalOf(name string) store.IncidentSubject {
	return store.IncidentSubject{Kind: store.OfPrincipal, Realm: storetest.Issuer, Value: name}
}

// suspended is an incident that suspends something for so long, 0 for ever.
func suspended(tb testing.TB, by string, what store.IncidentSubject, long time.Duration) store.Incident {
	tb.Helper()
	now := time.Now()
	i := store.Incident{Opened: now, By: by, Severity: "high", Title: "a test"}
	if rule, ok := strings.CutPrefix(by, "rule:"); ok {
		i.Rule, i.About = rule, []store.IncidentSubject{what}
	}
	i.Begin(store.Step{Alert: "al_1", Count: 1})
	c := store.Containment{IncidentSubject: what, Since: now, By: by, Reason: "a test"}
	if long > 0 {
		c.Until = now.Add(long)
	}
	if err := i.Contain(c); err != nil {
		tb.Fatal(err)
	}
	return i
}

func keep(tb testing.TB, s *store.Incidents, i store.Incident) store.Incident {
	tb.Helper()
	kept, err := s.Open(tb.Context(), i)
	if err != nil {
		tb.Fatal(err)
	}
	return kept
}

func release(tb testing.TB, s *store.Incidents, id string) store.Incident {
	tb.Helper()
	kept, err := s.Grow(tb.Context(), id, func(i *store.Incident) error {
		_, err := i.Release("", "uid:1", "over", time.Now())
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return kept
}

// sessionTag is how the audit log names a session.
func sessionTag(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

func isContained(s *store.Incidents, what store.IncidentSubject) bool {
	is, err := s.Contained(what)
	return is && err == nil
}

// Every kind is suspended by its incident and by nothing else, until it is released.
func TestEveryKindOfContainment(t *testing.T) {
	t.Parallel()
	s := openIncidents(t, t.TempDir())
	session := "an id of a session"
	ask := func(what store.IncidentSubject) func() (bool, error) {
		return func() (bool, error) { return s.Contained(what) }
	}
	address := func(text string) func() (bool, error) {
		return func() (bool, error) { return s.ContainedAddress(netip.MustParseAddr(text)) }
	}
	for _, tc := range []struct {
		what       store.IncidentSubject
		held, free func() (bool, error)
	}{
		{store.IncidentSubject{Kind: store.OfEverything}, ask(store.IncidentSubject{Kind: store.OfEverything}), ask(principalOf("bob"))},
		{principalOf("bob"), ask(principalOf("bob")), ask(store.IncidentSubject{Kind: store.OfPrincipal, Realm: "mtls", Value: "bob"})},
		{store.IncidentSubject{Kind: store.OfKey, Value: "k_1"}, ask(store.IncidentSubject{Kind: store.OfKey, Value: "k_1"}), ask(store.IncidentSubject{Kind: store.OfKey, Value: "k_2"})},
		{store.IncidentSubject{Kind: store.OfUpstream, Value: "up"}, ask(store.IncidentSubject{Kind: store.OfUpstream, Value: "up"}), ask(store.IncidentSubject{Kind: store.OfTenant, Value: "up"})},
		{store.IncidentSubject{Kind: store.OfTool, Realm: "up", Value: "rm"}, ask(store.IncidentSubject{Kind: store.OfTool, Realm: "up", Value: "rm"}), ask(store.IncidentSubject{Kind: store.OfTool, Realm: "ups", Value: "rm"})},
		{store.IncidentSubject{Kind: store.OfTenant, Value: "t"}, ask(store.IncidentSubject{Kind: store.OfTenant, Value: "t"}), ask(store.IncidentSubject{Kind: store.OfTenant, Value: "T"})},
		{store.IncidentSubject{Kind: store.OfAddress, Value: "192.0.2.0/24"}, address("192.0.2.77"), address("192.0.3.1")},
		{store.IncidentSubject{Kind: store.OfAddress, Value: "192.0.2.7"}, address("::ffff:192.0.2.7"), address("192.0.2.8")},
		{store.IncidentSubject{Kind: store.OfAddress, Value: "2001:db8::/64"}, address("2001:db8::1%eth0"), address("2001:db8:0:1::1")},
		{store.IncidentSubject{Kind: store.OfSession, Value: sessionTag(session)}, func() (bool, error) { return s.ContainedSession(session) }, func() (bool, error) { return s.ContainedSession("another") }},
	} {
		t.Run(tc.what.Kind+" "+tc.what.Value, func(t *testing.T) {
			want := func(when string, held bool) {
				t.Helper()
				for _, one := range []struct {
					ask func() (bool, error)
					is  bool
				}{{tc.held, held}, {tc.free, false}} {
					if got, err := one.ask(); got != one.is || err != nil {
						t.Errorf("%s: %v, %v; want %v", when, got, err, one.is)
					}
				}
			}
			want("before", false)
			kept := keep(t, s, suspended(t, "uid:1", tc.what, 0))
			want("suspended", true)
			if kept.State(time.Now()) != store.IncidentContained {
				t.Errorf("it is %s", kept.State(time.Now()))
			}
			if kept = release(t, s, kept.ID); kept.State(time.Now()) != store.IncidentRecovered {
				t.Errorf("released, it is %s", kept.State(time.Now()))
			}
			want("released", false)
		})
	}
}

// What has its time ends with it, everywhere and without anybody's doing.
func TestContainmentsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.OpenFileIncidents(dir, incidentKey, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer closing(t, s)
		keep(t, s, suspended(t, "uid:1", principalOf("bob"), time.Minute))
		forEver := keep(t, s, suspended(t, "uid:1", principalOf("carol"), 0))
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if !isContained(s, principalOf("bob")) {
			t.Error("it ended early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if isContained(s, principalOf("bob")) || !isContained(s, principalOf("carol")) {
			t.Error("after its time, or before it")
		}
		if _, err := s.Grow(t.Context(), forEver.ID, func(i *store.Incident) error { return i.Close("uid:1", "", time.Now()) }); err == nil {
			t.Error("closed with something suspended")
		}
	})
}

// Another process sees it at once, a restart keeps it, and the file names nobody.
func TestIncidentsInAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := openIncidents(t, dir), openIncidents(t, dir)
	one := keep(t, a, suspended(t, "uid:1", principalOf("bob@example.com"), 0))
	select {
	case <-b.Changed():
	case <-time.After(time.Minute):
		t.Fatal("the other was not told")
	}
	if !isContained(b, principalOf("bob@example.com")) {
		t.Error("the other process does not know")
	}
	content, err := os.ReadFile(filepath.Join(dir, "incidents.json"))
	if err != nil || strings.Contains(string(content), "bob@example") || strings.Contains(string(content), "idp.example") {
		t.Errorf("the file names somebody: %s, %v", content, err)
	}
	if c := openIncidents(t, dir); !isContained(c, principalOf("bob@example.com")) {
		t.Error("a restart has forgotten it")
	}
	release(t, b, one.ID)
	storetest.Eventually(t, 5*time.Second, "released everywhere", func() bool { return !isContained(a, principalOf("bob@example.com")) })
	if _, err := store.OpenFileIncidents(dir, [32]byte{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13, 14, 15, 16, 17}, nil, nil); err == nil || !strings.Contains(err.Error(), "state.key") {
		t.Errorf("opened with another key: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "incidents.json"), []byte(`{"version":1,"incidents":[{"id":"`+one.ID+`","sealed":"AAAA"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, 5*time.Second, "an altered file refuses everything", func() bool {
		is, err := a.Contained(principalOf("carol"))
		return is && errors.Is(err, store.ErrIncidents)
	})
}

// A rule has one incident about one subject: what follows is in its timeline.
func TestOneIncidentForARule(t *testing.T) {
	t.Parallel()
	s := openIncidents(t, t.TempDir())
	first := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("bob"), 0))
	again := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("bob"), 0))
	other := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("carol"), 0))
	if again.ID != first.ID || other.ID == first.ID {
		t.Errorf("%s, %s, %s", first.ID, again.ID, other.ID)
	}
	if len(again.Containments) != 1 || len(again.Steps) != 3 || again.Steps[2].Kind != store.StepAlert {
		t.Errorf("%+v", again)
	}
	release(t, s, first.ID)
	if third := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("bob"), 0)); third.ID != first.ID || len(third.Containments) != 2 {
		t.Errorf("it is not suspended anew: %+v", third)
	}
	release(t, s, first.ID)
	if _, err := s.Grow(t.Context(), first.ID, func(i *store.Incident) error { return i.Close("uid:1", "", time.Now()) }); err != nil {
		t.Fatal(err)
	}
	if fourth := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("bob"), 0)); fourth.ID == first.ID {
		t.Error("a closed one was opened again")
	}
}

// An incident that has suspended so much that it has no room does not keep a rule from
// suspending: another takes it.
func TestAFullIncidentKeepsNothingFromBeingSuspended(t *testing.T) {
	t.Parallel()
	s := openIncidents(t, t.TempDir())
	full := suspended(t, "rule:failed_sign_ins", principalOf("bob"), time.Hour)
	for more := true; more; {
		more = full.Contain(store.Containment{IncidentSubject: principalOf("bob"), Since: time.Now(), By: "rule:failed_sign_ins"}) == nil
	}
	if _, err := full.Release("", "uid:1", "over", time.Now()); err != nil {
		t.Fatal(err)
	}
	first := keep(t, s, full)
	next := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("bob"), time.Hour))
	if next.ID == first.ID || !isContained(s, principalOf("bob")) {
		t.Errorf("%s after %s, suspended: %v", next.ID, first.ID, isContained(s, principalOf("bob")))
	}
	if last := keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf("bob"), time.Hour)); last.ID != next.ID {
		t.Errorf("%s and %s stand for the same", next.ID, last.ID)
	}
}

// What one gateway suspends in Redis every other does, and releases too; a server that
// lost it gets it back, merged with what came since.
func TestIncidentsInRedis(t *testing.T) {
	t.Parallel()
	server := storetest.Redis(t)
	a, b := openSharedIncidents(t, server), openSharedIncidents(t, server)
	one := keep(t, a, suspended(t, "uid:1", principalOf("bob"), 0))
	storetest.Eventually(t, 2*time.Second, "the other gateway knows", func() bool { return isContained(b, principalOf("bob")) })
	note := func(s *store.Incidents, text string) {
		t.Helper()
		if _, err := s.Grow(t.Context(), one.ID, func(i *store.Incident) error {
			return i.Note(store.Step{At: time.Now(), Actor: "uid:1", Kind: store.StepNote, Text: text})
		}); err != nil {
			t.Fatal(err)
		}
	}
	note(a, "from a")
	note(b, "from b")
	server.Do("DEL", "doorward:{incidents}")
	server.Do("SET", "doorward:{incidents}:version", "another")
	storetest.Eventually(t, 3*time.Second, "it is published again", func() bool {
		return server.Do("HLEN", "doorward:{incidents}").(int64) == 1 //nolint:forcetypeassert // HLEN is an integer
	})
	// Whoever sees the loss first publishes what it knows, and the other adds its own.
	fresh := openSharedIncidents(t, server)
	storetest.Eventually(t, 3*time.Second, "what both know is there", func() bool {
		got, err := fresh.Get(t.Context(), one.ID)
		return err == nil && len(got.Steps) == 4
	})
	release(t, b, one.ID)
	storetest.Eventually(t, 2*time.Second, "released everywhere", func() bool { return !isContained(a, principalOf("bob")) })
	other := incidentKey
	other[0]++
	if _, err := store.OpenRedisIncidents(t.Context(), openRedis(t, server.URL()), other); err == nil || !strings.Contains(err.Error(), "state.key") {
		t.Errorf("opened with another key: %v", err)
	}
	server.Do("HSET", "doorward:{incidents}", one.ID, "x")
	server.Do("SET", "doorward:{incidents}:version", "corrupt")
	storetest.Eventually(t, 7*time.Second, "what does not open refuses everything", func() bool {
		is, err := a.Contained(principalOf("carol"))
		return is && errors.Is(err, store.ErrIncidents)
	})
}

func TestIncidentsAreCounted(t *testing.T) {
	t.Parallel()
	s := openIncidents(t, t.TempDir())
	for n := range 3 {
		keep(t, s, suspended(t, "rule:failed_sign_ins", principalOf(strings.Repeat("x", n+1)), 0))
	}
	one := keep(t, s, suspended(t, "uid:1", store.IncidentSubject{Kind: store.OfUpstream, Value: "up"}, 0))
	release(t, s, one.ID)
	unclosed, contained := s.Counts()
	if unclosed != 4 || contained[store.OfPrincipal] != 3 || contained[store.OfUpstream] != 0 {
		t.Errorf("%d, %v", unclosed, contained)
	}
}

// Rules have 750 places, and take nobody's: the oldest that nobody has touched, and that
// suspends nothing, makes room; where none is, people still open theirs, up to 1,000.
func TestRulesTakeNobodysPlace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var all []*store.Incident
	for n := range 750 {
		one := suspended(t, "rule:canary", principalOf(fmt.Sprint(n)), 0)
		all = append(all, &one)
	}
	next, ours := suspended(t, "rule:canary", principalOf("next"), 0), suspended(t, "uid:1", principalOf("bob"), 0)
	room := func(one *store.Incident, goes *store.Incident, refused bool) {
		t.Helper()
		if got, err := store.Room(slices.Values(all), one, now); got != goes || (err != nil) != refused {
			t.Errorf("%v, %v; want %v, refused: %v", got, err, goes, refused)
		}
	}
	room(&next, nil, true)
	room(&ours, nil, false)
	for n, actor := range map[int]string{3: "uid:1", 5: "rule:canary", 4: "rule:canary"} {
		if _, err := all[n].Release("", actor, "over", now); err != nil {
			t.Fatal(err)
		}
	}
	all[4].ID = "inc_0" // older than any
	room(&next, all[4], false)
	if err := all[4].Close("uid:1", "", now); err != nil {
		t.Fatal(err)
	}
	room(&next, nil, false)
	for range 251 {
		all = append(all, &ours)
	}
	room(&ours, nil, true)
	room(&next, all[5], false)
}

// A look at the list costs nothing that others could make dear.
func TestContainedDoesNotAllocate(t *testing.T) {
	s := openIncidents(t, t.TempDir())
	keep(t, s, suspended(t, "uid:1", principalOf("bob"), 0))
	keep(t, s, suspended(t, "uid:1", store.IncidentSubject{Kind: store.OfAddress, Value: "192.0.2.0/24"}, 0))
	keep(t, s, suspended(t, "uid:1", store.IncidentSubject{Kind: store.OfSession, Value: sessionTag("x")}, 0))
	addr, id := netip.MustParseAddr("192.0.2.1"), strings.Repeat("s", 43)
	n := testing.AllocsPerRun(1000, func() {
		_, err := s.Contained(principalOf("bob"))
		_, err2 := s.ContainedAddress(addr)
		_, err3 := s.ContainedSession(id)
		if errors.Join(err, err2, err3) != nil {
			t.Fatal(err, err2, err3)
		}
	})
	if n >= 1 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

// FuzzIncidentsFile: whatever incidents.json holds, opening it never panics, and what
// was not sealed with the key is not believed.
func FuzzIncidentsFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"incidents":[{"id":"inc_019ac2f0c1d0q3kfp7x2mz","sealed":"AAAA"}]}`))
	f.Add([]byte(`{"version":1,"incidents":null}`))
	f.Add([]byte(`{"version":2,"incidents":[]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "incidents.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.OpenFileIncidents(dir, incidentKey, nil, nil)
		if err != nil {
			return
		}
		defer closing(t, s)
		if all, err := s.List(t.Context()); err != nil || len(all) > 0 {
			t.Errorf("%d are believed, %v", len(all), err)
		}
	})
}

// FuzzContained: an address or prefix that is read is in its plainest form, holds its own
// address, and reads the same again.
func FuzzContained(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "192.0.2.0/24", "::ffff:192.0.2.1", "2001:db8::/64", "fe80::1%eth0", "0.0.0.0/0", "192.0.2.1/24"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := store.ParseContained(text)
		if err != nil {
			return
		}
		again, err := store.ParseContained(p.String())
		if err != nil || again != p || p != p.Masked() || !p.Contains(p.Addr()) || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			t.Errorf("%q is %v, and again %v, %v", text, p, again, err)
		}
	})
}

// BenchmarkContained is what one call asks: everything, its address, its principal, key,
// upstream, tool and session.
// What is suspended of several upstreams is told with one look, and what cannot be known
// is an error.
func TestContainedUpstreams(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIncidents(t, dir)
	all := []string{"a", "b", "c"}
	if got, err := s.ContainedUpstreams(all); len(got) != 0 || err != nil {
		t.Errorf("nothing is suspended: %v, %v", got, err)
	}
	keep(t, s, suspended(t, "uid:1", store.IncidentSubject{Kind: store.OfUpstream, Value: "b"}, 0))
	if got, err := s.ContainedUpstreams(all); !slices.Equal(got, []string{"b"}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "incidents.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, 5*time.Second, "nobody knows", func() bool {
		got, err := s.ContainedUpstreams(all)
		return errors.Is(err, store.ErrIncidents) && len(got) == len(all)
	})
}

func BenchmarkContained(b *testing.B) {
	for name, n := range map[string]int{"nothing suspended": 0, "three things": 1} {
		b.Run(name, func(b *testing.B) {
			s := openIncidents(b, b.TempDir())
			for range n {
				keep(b, s, suspended(b, "uid:1", principalOf("bob"), 0))
				keep(b, s, suspended(b, "uid:1", store.IncidentSubject{Kind: store.OfAddress, Value: "192.0.2.0/24"}, 0))
				keep(b, s, suspended(b, "uid:1", store.IncidentSubject{Kind: store.OfSession, Value: sessionTag("x")}, 0))
			}
			addr, id := netip.MustParseAddr("203.0.113.1"), strings.Repeat("s", 43)
			b.ReportAllocs()
			for b.Loop() {
				for _, kind := range [...]store.IncidentSubject{
					{Kind: store.OfEverything},
					principalOf("alice"),
					{Kind: store.OfKey, Value: "k_0123456789"},
					{Kind: store.OfUpstream, Value: "up"},
					{Kind: store.OfTool, Realm: "up", Value: "echo"},
				} {
					if is, err := s.Contained(kind); is || err != nil {
						b.Fatal(is, err)
					}
				}
				if is, err := s.ContainedAddress(addr); is || err != nil {
					b.Fatal(is, err)
				}
				if is, err := s.ContainedSession(id); is || err != nil {
					b.Fatal(is, err)
				}
			}
		})
	}
}
