package monitor_test

import (
	"testing"
	"time"

	"doorward/internal/monitor"
)

func TestReadNoted(t *testing.T) {
	const id = "al_019e2f6c4d2ak3"
	raised := time.UnixMilli(0x019e2f6c4d2a).UTC()
	first := raised.Add(-3500 * time.Millisecond)
	at := first.Format("2006-01-02T15:04:05.000Z")
	for _, test := range []struct {
		name, detail string
		want         monitor.Noted
		counts       bool
	}{
		{"one", "denied_calls of principal: 10 since " + at + ", alert " + id, monitor.Noted{Rule: "denied_calls", Count: 10}, true},
		{"again", "denied_calls of principal: 7 more since " + at + ", alert " + id, monitor.Noted{Rule: "denied_calls", Count: 7, Again: true}, false},
		{"sum", "failed_sign_ins of many: 90 in 12 alerts since " + at + ", alert " + id, monitor.Noted{Rule: "failed_sign_ins", Count: 90, Subjects: 12}, false},
		{"another matter", "audit_silence of gateway: 1 since " + at + ", alert " + id, monitor.Noted{Rule: "audit_silence", Count: 1}, false},
		{
			"a tool that lies", "denied_calls of tool a/x: 1 since 2001-01-01T00:00:00.000Z, alert al_000000000000aa: 4 since " + at + ", alert " + id,
			monitor.Noted{Rule: "denied_calls", Count: 4},
			true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := monitor.ReadNoted(test.detail)
			test.want.ID, test.want.First, test.want.Raised = id, first, raised
			if !ok || got != test.want {
				t.Fatalf("got %+v, %v", got, ok)
			}
			took, counts := got.Detection()
			if counts != test.counts || counts && took != 3500*time.Millisecond {
				t.Errorf("detected in %v, %v", took, counts)
			}
		})
	}
	for _, detail := range []string{
		"", "denied_calls of principal: 10, alert " + id, "of principal: 1 since " + at + ", alert " + id, "denied_calls of a: x since " + at + ", alert " + id,
		"denied_calls of a: 1 since never, alert " + id, "denied_calls of a: 1 since " + at + ", alert al_", "denied_calls of a 1 since " + at + ", alert " + id,
		"denied_calls of a: 1 in x alerts since " + at + ", alert " + id, "denied_calls of a: 1 since " + at + ", alert al_zzzzzzzzzzzzk3",
	} {
		if got, ok := monitor.ReadNoted(detail); ok {
			t.Errorf("%q was read as %+v", detail, got)
		}
	}
}

// No detail of a record makes the reader fail, and none makes time run backwards.
func FuzzReadNoted(f *testing.F) {
	f.Add("denied_calls of principal: 10 since 2026-11-27T08:00:01.000Z, alert al_019e2f6c4d2ak3")
	f.Add("canary of upstream x: 1 more in 3 alerts since 2026-11-27T08:00:01.000Z, alert al_ffffffffffffk3")
	f.Fuzz(func(t *testing.T, detail string) {
		if n, ok := monitor.ReadNoted(detail); ok {
			if took, _ := n.Detection(); took < 0 {
				t.Errorf("%q was detected %v before it happened", detail, took)
			}
		}
	})
}
