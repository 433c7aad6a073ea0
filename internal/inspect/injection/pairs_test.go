package injection_test

import (
	"os"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/injection"
)

// Pairs are one attack and one honest text of the same topic, tone and language:
// none of the honest ones may be held, and most of the attacks must be.
func TestPairs(t *testing.T) {
	file, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	var attacks, missed, honest, alarms int
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		_, text, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		got := injection.Scan(text)
		alarm := gate.Worst(got) >= gate.Medium
		if line[0] == '+' {
			attacks++
			if !alarm {
				missed++
				t.Logf("missed: %s %v", line, got)
			}
			continue
		}
		honest++
		if alarm {
			alarms++
			t.Errorf("honest: %s has %v", line, got)
		}
	}
	t.Logf("%d attacks, %d missed; %d honest, %d alarms", attacks, missed, honest, alarms)
	if 5*missed > attacks {
		t.Errorf("%d of %d attacks missed, at most a fifth is accepted", missed, attacks)
	}
	if attacks < 300 || honest < 300 {
		t.Errorf("%d attacks and %d honest texts", attacks, honest)
	}
}
