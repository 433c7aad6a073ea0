package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// everything are settings with every rule on.
func everything(set *monitor.Settings) {
	set.UnusualHours, set.NewNetworks, set.ScopeGrowth = true, true, true
}

// worked has alice and bob work for eight days, from 8:00 to 17:00.
func worked(t *testing.T, change func(*monitor.Settings)) *stand {
	t.Helper()
	s := newStand(t, change)
	for range 8 {
		s.workday(func(tool string, hour int) {
			s.take(called(key("alice"), tool, 20<<10))
			s.take(called(key("bob"), tool, int64(hour)<<10))
		})
	}
	if len(s.raised) != 0 {
		t.Fatalf("raised while it learns: %+v", s.raised)
	}
	return s
}

// workday is nine hours of calls, and then the night. The log is verified in the
// morning and in the evening.
func (s *stand) workday(call func(tool string, hour int)) {
	start := s.now
	s.take(monitor.Event{Kind: "audit.verify", Status: "ok"})
	for hour := range 9 {
		for i := range 6 {
			s.now = start.Add(time.Duration(hour)*time.Hour + time.Duration(i)*10*time.Minute)
			call([]string{"read", "list", "search"}[i%3], hour)
			s.Tick(s.now, s.pulse)
		}
	}
	s.take(monitor.Event{Kind: "audit.verify", Status: "ok"})
	s.now = start.Add(24 * time.Hour)
	s.Tick(s.now, s.pulse)
	s.raised = append(s.raised, s.Alerts()...)
}

// ALR-05: what a principal never did.
func TestALR05Anomalies(t *testing.T) {
	admin := key("alice")
	admin.Roles = []string{"admin", "reader"}
	elsewhere := called(key("alice"), "read", 1)
	elsewhere.Address = at("203.0.113.9")
	near := called(key("alice"), "read", 1)
	near.Address = at("192.0.2.200")
	other := called(key("alice"), "read", 1)
	other.Upstream = "github"
	grown := called(key("alice"), "read", 1)
	grown.Who = admin
	for _, tc := range []struct {
		name  string
		after time.Duration // since 8:00
		event monitor.Event
		rule  string // empty: nothing
		count int64
	}{
		{"as ever", 0, called(key("alice"), "read", 1), "", 0},
		{"first use of a destructive tool", 0, called(key("alice"), "delete_all", 1), "unusual_tools", 1},
		{"first use of an upstream", 0, other, "unusual_tools", 1},
		{"a call that was refused is no use", 0, denied(key("alice")), "", 0},
		{"somebody who is not known", 0, called(key("carol"), "delete_all", 1), "", 0},
		{"night", 15 * time.Hour, called(key("alice"), "read", 1), "unusual_hours", 1},
		{"a little late", 9*time.Hour + 30*time.Minute, called(key("alice"), "read", 1), "", 0},
		{"a new network", 0, elsewhere, "new_networks", 1},
		{"the same network", 0, near, "", 0},
		{"scope growth", 0, grown, "scope_growth", 1},
		{"much in an hour", 0, called(key("alice"), "read", 20<<20), "unusual_volume", 20 << 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := worked(t, everything)
			s.now = s.now.Add(tc.after)
			s.take(monitor.Event{Kind: "audit.verify", Status: "ok"})
			s.take(tc.event)
			s.take(tc.event) // and from now on it is known
			s.pass(time.Second)
			if tc.rule == "" {
				if len(s.raised) != 0 {
					t.Errorf("raised: %+v", s.raised)
				}
				return
			}
			if len(s.raised) != 1 || s.raised[0].Rule != tc.rule || s.raised[0].Subject.Value != "alice" || s.raised[0].Count != tc.count {
				t.Errorf("raised: %+v", s.raised)
			}
		})
	}
}

// ALR-05: a day of what people ordinarily do, with every rule on, raises at most one
// alert: of 40 people, some mistype a key, some are denied now and then, two use
// a tool for the first time a week before, and an agent retries.
func TestALR05ABenignDay(t *testing.T) {
	s := newStand(t, everything)
	people := make([]*gate.Principal, 40)
	for i := range people {
		people[i] = key(fmt.Sprintf("person-%d", i))
	}
	day := func() {
		s.workday(func(tool string, hour int) {
			for i, who := range people {
				e := called(who, tool, int64(10+i)<<10)
				e.Address = at(fmt.Sprintf("10.0.%d.%d", i%4, i))
				s.take(e)
				if (i+hour)%13 == 0 {
					s.take(denied(who))
				}
				if i%20 == 0 {
					s.take(failed(fmt.Sprintf("10.0.9.%d", i)))
				}
				if i%9 == 0 {
					s.take(monitor.Event{Who: who, Code: gate.CodeArguments, Status: "refused"})
					s.take(monitor.Event{Who: who, Upstream: "files", Tool: "read", Code: gate.CodeUpstreamTimeout, Status: "failed"})
				}
			}
		})
	}
	for range 8 {
		day()
	}
	before := len(s.raised)
	day()
	if n := len(s.raised) - before; before > 0 || n > 1 {
		t.Errorf("%d alerts while it learned, %d in the day: %+v", before, n, s.raised)
	}
}

// What is learned outlives the process, and names nobody.
func TestProfilesAreKept(t *testing.T) {
	s := worked(t, everything)
	content := s.Save()
	if content == nil || s.Save() != nil {
		t.Error("what has changed is saved once")
	}
	set := shipped()
	again := monitor.NewWatch(&set, s.now, monitor.Key{})
	if err := again.Load(content); err != nil {
		t.Fatal(err)
	}
	s.Watch = again
	s.take(called(key("alice"), "read", 1))
	if len(s.raised) != 0 {
		t.Errorf("raised: %+v", s.raised)
	}
	s.take(called(key("alice"), "delete_all", 1))
	if len(s.raised) != 1 {
		t.Errorf("raised: %+v", s.raised)
	}
	other := monitor.NewWatch(&set, s.now, monitor.Key{1})
	if err := other.Load(content); err != nil {
		t.Fatal(err)
	}
	e := called(key("alice"), "delete_all", 1)
	e.At = s.now
	if other.Take(&e); len(other.Alerts()) != 0 {
		t.Error("a name is known without its key")
	}
	for _, name := range []string{"alice", "bob", "read", "files", "reader"} {
		if containsWord(string(content), name) {
			t.Errorf("the file names %s", name)
		}
	}
}

func containsWord(text, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i:i+len(word)] == word {
			return true
		}
	}
	return false
}

func TestProfilesThatAreNone(t *testing.T) {
	for _, content := range []string{
		"", "x", "{}", `{"version":2}`, `{"version":1,"verified":"2026-11-27T00:00:00Z","principals":[{"key":"00"}]}`,
		`{"version":1,"verified":"2026-11-27T00:00:00Z","principals":[],"more":1}`,
	} {
		set := shipped()
		if err := monitor.NewWatch(&set, began(), monitor.Key{}).Load([]byte(content)); err == nil {
			t.Errorf("%q is taken", content)
		}
	}
}

// Nobody pushes the others out of what is known, and what is kept of one is bounded.
func TestProfilesAreBounded(t *testing.T) {
	s := newStand(t, nil)
	for i := range 5000 {
		s.take(called(key(fmt.Sprintf("p-%d", i)), "read", 1))
	}
	for i := range 1000 {
		s.take(called(key("alice"), fmt.Sprintf("tool-%d", i), 1))
	}
	if _, n, _ := s.Standings(s.now); n != 4096 {
		t.Errorf("%d principals are kept", n)
	}
	if n := len(s.Save()); n > 4096*200+256*21+4096*100 {
		t.Errorf("they take %d bytes", n)
	}
}

// FuzzLoad: whatever the file holds, it is refused or taken whole, and a file that was
// taken saves to one that is taken.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"version":1,"verified":"2026-11-27T00:00:00Z","principals":[{"key":"00112233445566778899aabbccddeeff","first":"2026-11-20T00:00:00Z","calls":9,"tools":[1,2],"networks":["10.0.0.0/24"],"hours":7,"most":5}]}`))
	f.Add([]byte(`{"version":1,"verified":"2026-11-27T00:00:00Z","principals":[]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, content []byte) {
		set := shipped()
		w := monitor.NewWatch(&set, began(), monitor.Key{})
		if w.Load(content) != nil {
			return
		}
		e := called(key("alice"), "read", 1)
		e.At = began()
		w.Take(&e)
		if err := monitor.NewWatch(&set, began(), monitor.Key{}).Load(w.Save()); err != nil {
			t.Errorf("what was saved is refused: %v", err)
		}
	})
}
