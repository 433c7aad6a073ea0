package monitor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// ALR-01: each rule raises one alert within ten seconds, with ids.
func TestALR01EachRule(t *testing.T) {
	alice := key("alice")
	many := func(n int, e monitor.Event) func(*stand) {
		return func(s *stand) {
			for range n {
				s.take(e)
			}
		}
	}
	event := func(kind, status string) func(*stand) {
		return many(1, monitor.Event{Kind: kind, Status: status, Upstream: "files"})
	}
	for _, tc := range []struct {
		rule    string
		do      func(*stand)
		subject monitor.Subject
		count   int64
	}{
		{"failed_sign_ins", many(5, failed("192.0.2.1")), monitor.Subject{Kind: monitor.OfAddress, Value: "192.0.2.1"}, 5},
		{"failed_sign_ins", many(5, failed("2001:db8::1:2:3:4")), monitor.Subject{Kind: monitor.OfAddress, Value: "2001:db8::/64"}, 5},
		{"failed_sign_ins", many(5, failed("::ffff:192.0.2.1")), monitor.Subject{Kind: monitor.OfAddress, Value: "192.0.2.1"}, 5},
		{"denied_calls", many(10, denied(alice)), monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice", Realm: gate.RealmKeys}, 10},
		{"data_volume", many(100, called(alice, "read", 1<<20)), monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice", Realm: gate.RealmKeys}, 100 << 20},
		{"limit_violations", many(20, monitor.Event{Address: at("192.0.2.1"), Code: gate.CodeTooLarge, Status: "failed"}), monitor.Subject{Kind: monitor.OfAddress, Value: "192.0.2.1"}, 20},
		{"limit_violations", many(20, monitor.Event{Code: "http.address_limit"}), monitor.Subject{Kind: monitor.OfGateway}, 20},
		{"limit_violations", many(4, monitor.Event{Kind: "upstream.limit", Status: "ok", Upstream: "files"}), monitor.Subject{Kind: monitor.OfUpstream, Value: "files"}, 20},
		{"repeated_calls", many(100, again(alice, 7)), monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice", Realm: gate.RealmKeys}, 100},
		{"secrets_sent", many(1, monitor.Event{Who: alice, Secret: true, Code: gate.CodeSecretLeaves, Status: "refused"}), monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice", Realm: gate.RealmKeys}, 1},
		{"canary", many(1, monitor.Event{Kind: "incident.canary", Who: alice, Status: "refused"}), monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice", Realm: gate.RealmKeys}, 1},
		{"security_events", event("trust.changed", "refused"), monitor.Subject{Kind: monitor.OfUpstream, Value: "files"}, 1},
		{"security_events", many(1, monitor.Event{Kind: "trust.lock", Status: "refused"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "config.refused", Status: "refused"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", event("issuer.bad_key", "ok"), monitor.Subject{Kind: monitor.OfUpstream, Value: "files"}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.sink_failed", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.sink_behind", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.prune_failed", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.sink_diverged", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "state.loss_in_force", Status: "ok"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "monitor.spool_distrusted", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.sink_distrusted", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.anchor_behind", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.repaired", Status: "ok"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"security_events", many(1, monitor.Event{Kind: "audit.resumed", Status: "ok"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"audit_fault", many(1, monitor.Event{Kind: "audit.forked", Status: "failed"}), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"audit_fault", event("audit.verify", "failed"), monitor.Subject{Kind: monitor.OfGateway}, 1},
		{"missed", func(s *stand) { s.Missed(17, s.now) }, monitor.Subject{Kind: monitor.OfGateway}, 17},
	} {
		t.Run(tc.rule+" "+tc.subject.Kind, func(t *testing.T) {
			s := newStand(t, nil)
			tc.do(s)
			s.pass(10 * time.Second)
			if len(s.raised) != 1 {
				t.Fatalf("%d alerts: %+v", len(s.raised), s.raised)
			}
			a := s.raised[0]
			if a.Rule != tc.rule || a.Count != tc.count {
				t.Errorf("%s %d", a.Rule, a.Count)
			}
			if diff := cmp.Diff(tc.subject, a.Subject); diff != "" {
				t.Error(diff)
			}
			if tc.rule != "missed" && (len(a.Exchanges) == 0 || len(a.Exchanges) > 10 || a.First.IsZero() || a.Last.Before(a.First)) {
				t.Errorf("exchanges %v, from %v to %v", a.Exchanges, a.First, a.Last)
			}
			if text := a.Text(); !strings.HasPrefix(text, tc.rule+": ") || !strings.Contains(text, tc.subject.Value) {
				t.Errorf("for people: %s", text)
			}
		})
	}
}

// What is below a limit, or slow, or no reason for one, raises nothing.
func TestBelowTheLimits(t *testing.T) {
	alice := key("alice")
	for name, do := range map[string]func(*stand){
		"four sign-ins a minute": func(s *stand) {
			for range 40 {
				s.take(failed("192.0.2.1"))
				s.pass(15 * time.Second)
			}
		},
		"one sign-in from each of 100 addresses": func(s *stand) {
			for i := range 100 {
				s.take(failed(fmt.Sprintf("192.0.2.%d", i)))
			}
		},
		"no credential": func(s *stand) {
			for range 50 {
				s.take(monitor.Event{Address: at("192.0.2.1"), Code: gate.CodeUnauthenticated, Status: "refused"})
			}
		},
		"different calls": func(s *stand) { // RES-35
			for i := range 1000 {
				s.take(again(alice, uint64(1+i%11)))
			}
		},
		"the same call now and then": func(s *stand) {
			for range 1000 {
				s.take(again(alice, 7))
				s.pass(7 * time.Second)
			}
		},
		"the same call of many": func(s *stand) {
			for i := range 1000 {
				s.take(again(key(fmt.Sprint("agent", i%20)), 7))
			}
		},
		"calls that wait for people": func(s *stand) {
			for range 50 {
				s.take(monitor.Event{Who: alice, Code: gate.CodeApproval, Status: "held"})
			}
		},
		"arguments that do not fit": func(s *stand) {
			for range 50 {
				s.take(monitor.Event{Who: alice, Code: gate.CodeArguments, Status: "refused"})
			}
		},
		"a lock that came into force": func(s *stand) { s.take(monitor.Event{Kind: "trust.lock", Status: "ok"}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			do(s)
			s.pass(time.Minute)
			if len(s.raised) != 0 {
				t.Errorf("raised: %+v", s.raised)
			}
		})
	}
}

// What an alert says of the past is of its window: not what slid out of it.
func TestAnAlertIsAboutItsWindow(t *testing.T) {
	s := newStand(t, nil)
	for range 20 {
		s.take(failed("192.0.2.1"))
		s.pass(15 * time.Second)
	}
	began := s.now
	for range 4 {
		s.take(failed("192.0.2.1"))
	}
	if len(s.raised) != 1 {
		t.Fatalf("raised: %+v", s.raised)
	}
	a := s.raised[0]
	// Three of the slow ones are in the window with the first two of the quick ones.
	if diff := cmp.Diff([]string{"ex18", "ex19", "ex20", "ex21", "ex22"}, a.Exchanges); diff != "" || a.Count != 5 || began.Sub(a.First) > time.Minute {
		t.Errorf("%d from %v to %v: %s", a.Count, a.First, a.Last, diff)
	}
}

// A rule that is off says nothing, and so do settings that nobody has made.
func TestRulesThatAreOff(t *testing.T) {
	s := newStand(t, func(set *monitor.Settings) { *set = monitor.Settings{} })
	for range 100 {
		s.take(failed("192.0.2.1"))
		s.take(denied(key("alice")))
		s.take(monitor.Event{Kind: "incident.canary", Status: "refused"})
	}
	s.pulse.Healthy = errors.New("the disk is full")
	s.pass(time.Minute)
	if len(s.raised) != 0 {
		t.Errorf("raised: %+v", s.raised)
	}
}

// ALR-02: a storm is one alert, and one more for what followed, and the counts are
// exact.
func TestALR02AStorm(t *testing.T) {
	const storm = 100_000
	s := newStand(t, nil)
	for i := range storm {
		s.take(denied(key("alice")))
		if i%1000 == 999 {
			s.pass(time.Second)
		}
	}
	s.pass(6 * time.Minute)
	all := s.of("denied_calls")
	if len(all) != 2 || !all[1].Again {
		t.Fatalf("%d alerts: %+v", len(all), all)
	}
	if sum := all[0].Count + all[1].Count; sum != storm {
		t.Errorf("%d of %d counted", sum, storm)
	}
	before := len(s.raised)
	s.pass(30 * time.Minute)
	if len(s.raised) != before {
		t.Errorf("raised when it was over: %+v", s.raised[before:])
	}
	for range 10 {
		s.take(denied(key("alice")))
	}
	if all := s.of("denied_calls"); len(all) != 3 || all[2].Again || all[2].Count != 10 {
		t.Errorf("the next time: %+v", all)
	}
}

// What follows an alert and is below the limit is told once, and no more.
func TestTheTailOfAStorm(t *testing.T) {
	s := newStand(t, func(set *monitor.Settings) { set.VerifiedWithin = 0 })
	for range 10 {
		s.take(denied(key("alice")))
	}
	for range 120 {
		s.take(denied(key("alice")))
		s.pass(time.Minute)
	}
	all := s.raised
	if len(all) != 2 || all[0].Count != 10 || !all[1].Again || all[1].Count < 4 || all[1].Count > 6 {
		t.Errorf("raised: %+v", all)
	}
}

// More principals than there is room for are no attack.
func TestMorePrincipalsThanThereIsRoomFor(t *testing.T) {
	s := newStand(t, nil)
	for i := range 10_000 {
		s.take(called(key(fmt.Sprintf("p-%d", i)), "read", 1<<20))
	}
	if len(s.raised) != 0 {
		t.Errorf("raised: %+v", s.raised)
	}
}

// ALR-02, from everywhere: of one rule there are few alerts, and the counts of all
// that there are add up.
func TestALR02AStormFromEverywhere(t *testing.T) {
	const subjects, each = 20_000, 5
	s := newStand(t, nil)
	for i := range subjects {
		for range each {
			s.take(failed(fmt.Sprintf("2001:db8:%x:%x::1", i>>8, i&0xff)))
		}
	}
	s.pass(12 * time.Minute)
	s.Flush()
	s.raised = append(s.raised, s.Alerts()...)
	all := s.of("failed_sign_ins")
	sum, merged := int64(0), 0
	for _, a := range all {
		sum += a.Count
		if a.Subject.Kind == monitor.OfMany {
			merged += a.Subjects
		}
	}
	if len(all) > 12 || sum != subjects*each || merged != subjects-10 {
		t.Errorf("%d alerts, of %d merged, that count %d of %d", len(all), merged, sum, subjects*each)
	}
}

// People are told of many offenders as one; each of them is there for whoever does
// something about it, once.
func TestEachOfManyOffenders(t *testing.T) {
	s := newStand(t, nil)
	var want, got []string
	for i := range 100 {
		from := fmt.Sprintf("192.0.2.%d", i+1)
		want = append(want, from)
		for range 5 {
			s.take(failed(from))
		}
	}
	for _, a := range append(s.of("failed_sign_ins"), s.Further()...) {
		got = append(got, a.Subject.Value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(s.of("failed_sign_ins")); n != 10 {
		t.Errorf("people are told of %d", n)
	}
	s.pass(6 * time.Minute)
	if again := s.Further(); len(again) != 0 {
		t.Errorf("told again: %+v", again)
	}
}

// TEN-13: alerts about others, however many, make none of a tenant's one among many that
// its receiver is not told of; of its own there are few, and their sum is its own.
func TestTEN13_ATenantsAlertsAmongOthers(t *testing.T) {
	s := newStand(t, func(s *monitor.Settings) { s.Tenants = []string{"acme"} })
	storm := func(tenant string, people, calls int) {
		for i := range people {
			who := &gate.Principal{Method: gate.MethodJWT, Realm: "https://idp", Tenant: tenant, Subject: fmt.Sprint("user", i)}
			for range calls {
				s.take(denied(who))
			}
		}
	}
	storm("globex", 50, 10)
	storm("", 50, 10)
	storm("acme", 12, 10)
	s.pass(6 * time.Minute)
	alerts, counts := map[string]int{}, map[string]int64{}
	for _, a := range s.of("denied_calls") {
		of := a.Subject.Kind + " of " + a.Subject.Tenant
		alerts[of]++
		counts[of] += a.Count
	}
	if diff := cmp.Diff(map[string]int{"principal of globex": 10, "principal of acme": 10, "many of acme": 1, "many of ": 1}, alerts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int64{"principal of globex": 100, "principal of acme": 100, "many of acme": 20, "many of ": 900}, counts); diff != "" {
		t.Error(diff)
	}
	storm("acme", 24, 10)
	set := shipped()
	s.Set(&set)
	if all := s.Alerts(); len(all) != 1 || all[0].Subject != (monitor.Subject{Kind: monitor.OfMany, Tenant: "acme"}) {
		t.Errorf("of what was kept when the tenant is told no more: %+v", all)
	}
}

// An attack that is below the limit at each of more addresses than there is room for
// is seen all the same, by what is forgotten.
func TestMoreSubjectsThanThereIsRoomFor(t *testing.T) {
	s := newStand(t, nil)
	for i := range 10_000 {
		s.take(failed(fmt.Sprintf("2001:db8:%x:%x::1", i>>8, i&0xff)))
	}
	all := s.of("failed_sign_ins")
	if len(all) != 1 || all[0].Subject.Kind != monitor.OfMany {
		t.Fatalf("raised: %+v", all)
	}
	states, _, _ := s.Standings(s.now)
	for _, r := range states {
		if r.Subjects > 4096 {
			t.Errorf("%s keeps %d subjects", r.Rule, r.Subjects)
		}
	}
}

// Limits are counted for more than the principal where the settings say so.
func TestCountBy(t *testing.T) {
	s := newStand(t, func(set *monitor.Settings) {
		set.CountBy = []string{monitor.OfAddress, monitor.OfTool, monitor.OfTenant}
	})
	for i := range 10 {
		who := key(fmt.Sprintf("user-%d", i))
		who.Tenant = "acme"
		s.take(denied(who))
	}
	var got []string
	for _, a := range s.raised {
		got = append(got, a.Subject.Kind+" "+a.Subject.Value)
	}
	if diff := cmp.Diff([]string{"address 192.0.2.7", "tool files/delete_all", "tenant acme"}, got); diff != "" {
		t.Error(diff)
	}
}

// A limit that a reload changes counts what was there before.
func TestOtherSettings(t *testing.T) {
	s := newStand(t, nil)
	for range 4 {
		s.take(failed("192.0.2.1"))
	}
	set := shipped()
	set.FailedSignIns.N = 100
	s.Set(&set)
	for range 90 {
		s.take(failed("192.0.2.1"))
	}
	if len(s.raised) != 0 {
		t.Fatalf("raised: %+v", s.raised)
	}
	for range 6 {
		s.take(failed("192.0.2.1"))
	}
	if all := s.raised; len(all) != 1 || all[0].Count != 100 {
		t.Errorf("raised: %+v", all)
	}
}

// The same name in another realm or tenant is somebody else.
func TestPrincipalsAreKeptApart(t *testing.T) {
	s := newStand(t, nil)
	for range 5 {
		other := key("alice")
		other.Realm = "https://id.example.com"
		s.take(denied(key("alice")))
		s.take(denied(other))
	}
	if len(s.raised) != 0 {
		t.Errorf("raised: %+v", s.raised)
	}
}
