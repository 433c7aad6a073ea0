package monitor_test

import (
	"errors"
	"testing"
	"time"

	"doorward/internal/monitor"
)

// ALR-06: a log that takes no records while there are some is told within ten
// seconds, once in every repeat; one that has nothing to record is not silent.
func TestALR06Silence(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*stand)
		want int // alerts
	}{
		{"nothing to record", func(s *stand) { s.pass(time.Hour) }, 0},
		{"records are written", func(s *stand) {
			for range 600 {
				s.pulse.Tried++
				s.pulse.Recorded++
				s.pass(time.Second)
			}
		}, 0},
		{"a write takes two seconds", func(s *stand) {
			s.pulse.Tried++
			s.pass(2 * time.Second)
			s.pulse.Recorded++
			s.pass(time.Minute)
		}, 0},
		{"a write hangs", func(s *stand) {
			s.pulse.Tried++
			s.pass(10 * time.Second)
		}, 1},
		{"every write fails", func(s *stand) {
			for range 10 {
				s.pulse.Tried++
				s.pulse.Failed++
				s.pass(time.Second)
			}
		}, 1},
		{"it says that it is broken", func(s *stand) {
			s.pulse.Healthy = errors.New("the segment was removed")
			s.pass(10 * time.Second)
		}, 1},
		{"it stays silent", func(s *stand) {
			s.pulse.Healthy = errors.New("the segment was removed")
			s.pass(14 * time.Minute)
		}, 3},
		{"twice", func(s *stand) {
			s.pulse.Tried++
			s.pass(10 * time.Second)
			s.pulse.Recorded++
			s.pass(20 * time.Minute)
			s.pulse.Tried++
			s.pass(10 * time.Second)
		}, 2},
		{"one fails, and then they are written", func(s *stand) {
			s.pulse.Tried++
			s.pulse.Failed++
			s.pass(2 * time.Second)
			s.pulse.Tried++
			s.pulse.Recorded++
			s.pass(time.Minute)
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStand(t, func(set *monitor.Settings) { set.VerifiedWithin = 0 })
			tc.do(s)
			if n := len(s.of("audit_silence")); n != tc.want || len(s.raised) != n {
				t.Errorf("raised: %+v", s.raised)
			}
		})
	}
}

// ALR-06: the verifier has not run for a day.
func TestALR06NobodyVerifies(t *testing.T) {
	s := newStand(t, nil)
	s.pass(23 * time.Hour)
	s.take(monitor.Event{Kind: "audit.verify", Status: "ok"})
	s.pass(23 * time.Hour)
	if len(s.raised) != 0 {
		t.Fatalf("raised: %+v", s.raised)
	}
	s.pass(90 * time.Minute)
	if len(s.of("audit_unverified")) != 1 {
		t.Errorf("raised: %+v", s.raised)
	}
	s.pass(23 * time.Hour)
	if len(s.of("audit_unverified")) != 1 {
		t.Errorf("raised twice in a day: %+v", s.raised)
	}
	// When it ran is known after a restart.
	content := s.Save()
	set := shipped()
	again := monitor.NewWatch(&set, s.now, monitor.Key{})
	if err := again.Load(content); err != nil {
		t.Fatal(err)
	}
	again.Tick(s.now.Add(time.Second), s.pulse)
	if len(again.Alerts()) != 1 {
		t.Error("a restart hides that nobody verifies")
	}
}
