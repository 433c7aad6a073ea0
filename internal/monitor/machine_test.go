package monitor_test

import (
	"testing"
	"time"

	"doorward/internal/monitor"
)

// DUR-04: a disk that fills up is told at 80, 90 and 95 percent, each once; again when
// there was room in between. One that goes from half to full is told at once, and as
// what it is.
func TestDUR04ADiskThatFillsUp(t *testing.T) {
	for _, tc := range []struct {
		name string
		used []int
		want []string // of the subjects
	}{
		{"nobody knows", []int{0, 0}, nil},
		{"room", []int{10, 79}, nil},
		{"slowly", []int{79, 80, 85, 90, 93, 95, 99, 100}, []string{"disk 80%", "disk 90%", "disk 95%"}},
		{"at once", []int{50, 97, 98}, []string{"disk 95%"}},
		{"to and fro", []int{80, 79, 80, 79, 80}, []string{"disk 80%"}},
		{"room in between", []int{80, 70, 91, 70, 91}, []string{"disk 80%", "disk 90%", "disk 90%"}},
		{"from the top down", []int{96, 91, 85, 91}, []string{"disk 95%", "disk 90%"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStand(t, func(set *monitor.Settings) { set.VerifiedWithin = 0 })
			for _, used := range tc.used {
				s.pulse.DiskUsed = used
				s.pass(11 * time.Minute) // an alert stands no longer
			}
			var got []string
			for _, a := range s.of("disk_space") {
				got = append(got, a.Subject.Value)
			}
			if len(got) != len(tc.want) || len(s.raised) != len(got) {
				t.Fatalf("raised %+v, want %v", s.raised, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("raised %v, want %v", got, tc.want)
				}
			}
		})
	}
}

// DUR-24: a clock that is set is told; one that is slewed is not.
func TestDUR24AClockThatIsSet(t *testing.T) {
	for _, tc := range []struct {
		name  string
		ahead []time.Duration
		want  int
	}{
		{"half a second to and fro", []time.Duration{500 * time.Millisecond, -500 * time.Millisecond, 0}, 0},
		{"five seconds", []time.Duration{5 * time.Second}, 0},
		{"six seconds", []time.Duration{6 * time.Second}, 1},
		{"an hour back", []time.Duration{-time.Hour}, 1},
		{"a day ahead, and back", []time.Duration{24 * time.Hour, 24 * time.Hour, 0}, 2},
		{"slowly a minute", []time.Duration{4 * time.Second, 8 * time.Second, 12 * time.Second, 16 * time.Second}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStand(t, func(set *monitor.Settings) { set.VerifiedWithin = 0 })
			for _, ahead := range tc.ahead {
				s.pulse.Ahead = ahead
				s.pass(11 * time.Minute)
			}
			if n := len(s.of("clock_step")); n != tc.want || n != len(s.raised) {
				t.Errorf("raised: %+v", s.raised)
			}
		})
	}
}

// Both can be turned off.
func TestNoWordOfTheMachine(t *testing.T) {
	s := newStand(t, func(set *monitor.Settings) { set.VerifiedWithin, set.DiskSpace, set.ClockStep = 0, false, false })
	s.pulse.DiskUsed, s.pulse.Ahead = 100, time.Hour
	s.pass(time.Hour)
	if len(s.raised) != 0 {
		t.Errorf("raised: %+v", s.raised)
	}
}
