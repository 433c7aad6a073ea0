package monitor_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// began is when every watch of these tests begins: a Monday, at 8:00.
func began() time.Time { return time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) }

// shipped are the settings of a configuration that writes none.
func shipped() monitor.Settings {
	return monitor.Settings{
		FailedSignIns: monitor.Limit{N: 5, Per: time.Minute}, DeniedCalls: monitor.Limit{N: 10, Per: time.Minute},
		LimitViolations: monitor.Limit{N: 20, Per: time.Minute}, RepeatedCalls: monitor.Limit{N: 100, Per: 10 * time.Minute}, SecretsSent: monitor.Limit{N: 1, Per: time.Hour},
		DataVolume: monitor.Limit{N: 100 << 20, Per: 10 * time.Minute},
		Canary:     true, SecurityEvents: true, DiskSpace: true, ClockStep: true, UnusualTools: true, UnusualVolume: true,
		AuditSilence: 5 * time.Second, VerifiedWithin: 24 * time.Hour,
		Learn: 7 * 24 * time.Hour, MinHistory: 20, Repeat: 5 * time.Minute,
	}
}

// stand is a watch and its clock.
type stand struct {
	*monitor.Watch
	t      *testing.T
	now    time.Time
	n      int
	pulse  monitor.Pulse
	raised []monitor.Alert
}

func newStand(t *testing.T, change func(*monitor.Settings)) *stand {
	t.Helper()
	set := shipped()
	if change != nil {
		change(&set)
	}
	return &stand{t: t, now: began(), Watch: monitor.NewWatch(&set, began(), monitor.Key{})}
}

// take gives it an event of now.
func (s *stand) take(e monitor.Event) {
	s.n++
	e.At = s.now
	if e.Exchange == "" {
		e.Exchange = fmt.Sprintf("ex%d", s.n)
	}
	s.pulse.Tried++
	s.pulse.Recorded++
	s.Take(&e)
	s.raised = append(s.raised, s.Alerts()...)
}

// pass lets time pass, a second a time.
func (s *stand) pass(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(time.Second)
		s.Tick(s.now, s.pulse)
	}
	s.raised = append(s.raised, s.Alerts()...)
}

// of are the alerts of a rule so far.
func (s *stand) of(rule string) []monitor.Alert {
	var out []monitor.Alert
	for _, a := range s.raised {
		if a.Rule == rule {
			out = append(out, a)
		}
	}
	return out
}

func key(name string) *gate.Principal {
	return &gate.Principal{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: name, Credential: "k_" + name, Roles: []string{"reader"}}
}

func at(s string) netip.Addr { return netip.MustParseAddr(s) }

func failed(from string) monitor.Event {
	return monitor.Event{Address: at(from), Code: gate.CodeBadCredential, Status: "refused"}
}

func denied(who *gate.Principal) monitor.Event {
	return monitor.Event{Who: who, Address: at("192.0.2.7"), Upstream: "files", Tool: "delete_all", Code: gate.CodeDenied, Status: "refused"}
}

func called(who *gate.Principal, tool string, bytes int64) monitor.Event {
	return monitor.Event{Who: who, Address: at("192.0.2.7"), Upstream: "files", Tool: tool, Status: "ok", Bytes: bytes}
}

// again is a call that is the same as every other with that number.
func again(who *gate.Principal, call uint64) monitor.Event {
	e := called(who, "read", 1)
	e.Call = call
	return e
}
