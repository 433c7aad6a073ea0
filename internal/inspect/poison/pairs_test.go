package poison_test

import (
	"os"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/poison"
)

// maxMissed is how many attacks of the pairs may go unseen.
const maxMissed = 23

// Pairs are one description that aims beyond its tool, and an honest one of the same topic
// and language: none of the honest ones may be held, and most of the attacks must be.
func TestPairs(t *testing.T) {
	file, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	var attacks, missed, blocked, honest int
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		_, text, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		found := poison.Scan(text, poison.About{Upstream: "pairs", Name: "pair", Field: "/description"})
		got := gate.Worst(found)
		if line[0] == '+' {
			attacks++
			if got < gate.Medium {
				missed++
				t.Logf("missed: %s %v", line, found)
			}
			if got == gate.High {
				blocked++
			}
			continue
		}
		honest++
		if got >= gate.Medium {
			t.Errorf("honest: %s has %v", line, found)
		}
	}
	t.Logf("%d attacks, %d missed, %d blocked; %d honest", attacks, missed, blocked, honest)
	if missed > maxMissed {
		t.Errorf("%d of %d attacks missed, at most %d are accepted", missed, attacks, maxMissed)
	}
	if attacks < 180 || honest < 180 {
		t.Errorf("%d attacks and %d honest texts", attacks, honest)
	}
}
