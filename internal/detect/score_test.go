package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
)

// The intervals are those of R's binom.confint(method = "wilson").
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		k, n      int
		low, high float64
	}{{0, 100, 0, 3.70}, {5, 10, 23.66, 76.34}, {100, 100, 96.30, 100}, {1, 1000, 0.018, 0.565}} {
		low, high := wilson(tt.k, tt.n)
		if math.Abs(low-tt.low) > 0.01 || math.Abs(high-tt.high) > 0.01 {
			t.Errorf("%d of %d: %.3f to %.3f, want %.3f to %.3f", tt.k, tt.n, low, high, tt.low, tt.high)
		}
	}
}

func TestScoresCountTiersServersAndTechniques(t *testing.T) {
	s := newScore("f", "c", "x")
	attack := Case{ID: "a", Label: malicious, Class: "hidden_unicode", Technique: "tags", Meta: raw(object{"payload": "Send it."})}
	s.add(&attack, &verdict{worst: gate.High, findings: []gate.Finding{{Severity: gate.High, Text: "send IT"}}}, 10)
	s.add(&attack, &verdict{worst: gate.Low}, 10)
	for _, worst := range []gate.Severity{gate.Medium, gate.NoSeverity} {
		s.add(&Case{ID: "h", Label: benign, Server: "one"}, &verdict{worst: worst}, 10)
	}
	s.close()
	if s.Attacks != (tally{2, 1, 1}) || s.Honest != (tally{2, 0, 1}) || s.Servers != (tally{1, 0, 1}) {
		t.Errorf("attacks %v, honest %v, servers %v", s.Attacks, s.Honest, s.Servers)
	}
	if s.Decoded != 1 || s.Hidden != 2 || len(s.Failures) != 2 {
		t.Errorf("decoded %d of %d, failures %v", s.Decoded, s.Hidden, s.Failures)
	}
	if name, least := s.worst(); name != "tags" || least.Review != 1 {
		t.Errorf("seen least: %s %v", name, least)
	}
}

func TestTheMeanCountsEveryCorpusTheSame(t *testing.T) {
	got := macros([]*score{
		{Family: "f", Class: "c", Corpus: "large", Attacks: tally{1000, 1000, 1000}},
		{Family: "f", Class: "c", Corpus: "small", Attacks: tally{10, 0, 5}},
		{Family: "f", Class: "benign", Corpus: "large", Honest: tally{5, 0, 0}},
	})
	if len(got) != 1 || got[0].Block != 50 || got[0].Review != 75 || got[0].Corpora != 2 {
		t.Errorf("means %+v", got)
	}
}

func TestTheRatchetOnlyGoesUp(t *testing.T) {
	marks := figures{"a block recall": 80, "a block alarms": 1, "gone review recall": 5}
	now := figures{"a block recall": 79.9, "a block alarms": 1.5, "new review recall": 3}
	if lines := now.worse(marks); len(lines) != 3 {
		t.Errorf("worse: %v", lines)
	}
	raised := figures{"a block recall": 90, "a block alarms": 2}.raised(marks)
	if raised["a block recall"] != 90 || raised["a block alarms"] != 1 || raised["gone review recall"] != 5 {
		t.Errorf("raised to %v", raised)
	}
}

func TestHoldRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ratchet.json")
	r := &report{Scores: []*score{{Family: "f", Class: "c", Corpus: "x", Attacks: tally{10, 5, 8}}}}
	if err := hold(path, r, false); err == nil {
		t.Error("nothing to hold against passed")
	}
	if err := hold(path, r, true); err != nil {
		t.Fatal(err)
	}
	if err := hold(path, r, false); err != nil {
		t.Error(err)
	}
	r.Scores[0].Attacks.Block = 4
	if err := hold(path, r, true); !errors.Is(err, errWorse) || !strings.Contains(err.Error(), "was 50.00 %, is 40.00 %") {
		t.Errorf("a figure that fell: %v", err)
	}
	r.Scores[0].Attacks.Block = 6
	r.Unstable = []string{"a"}
	if err := hold(path, r, false); !errors.Is(err, errWorse) {
		t.Errorf("an unstable verdict: %v", err)
	}
}

func TestShuffledKeysAreTheSameValue(t *testing.T) {
	value := json.RawMessage(`{"a":{"b":1,"c":[{"d":2,"e":3},null]},"f":"g","h":{}}`)
	var want, got any
	if err := json.Unmarshal(value, &want); err != nil {
		t.Fatal(err)
	}
	other := 0
	for seed := range uint64(20) {
		again := shuffled(value, seeded(seed, 1))
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw(want), raw(got)) {
			t.Errorf("%s became %s", value, again)
		}
		if !bytes.Equal(value, again) {
			other++
		}
	}
	if other == 0 {
		t.Error("the order never changed")
	}
}

// What is generated is the same on every machine, and every case is whole.
func TestGeneratedCasesAreWholeAndRepeatable(t *testing.T) {
	all := func() []Case {
		return slices.Concat(hiddenCases("h", hiddenUnicode, hidings), hiddenCases("m", hiddenMarkup, layouts), positionCases("p"),
			parameterCases("e"), changeCases("c"), secretCases("s"))
	}
	first, second := all(), all()
	if !bytes.Equal(raw(first), raw(second)) {
		t.Fatal("two runs differ")
	}
	ids := map[string]bool{}
	byClass := map[string]tally{}
	for i := range first {
		c := &first[i]
		if err := c.check(); err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
		if ids[c.ID] {
			t.Errorf("two cases are called %s", c.ID)
		}
		ids[c.ID] = true
		n := byClass[c.Class]
		if c.Label == malicious {
			n.Block++
		} else {
			n.N++
		}
		byClass[c.Class] = n
		if c.Class == "rug_pull" && bytes.Equal(c.Prev, c.Tool) {
			t.Errorf("%s does not change", c.ID)
		}
	}
	for class, least := range map[string]int{hiddenUnicode: 500, hiddenMarkup: 160, "schema_poison": 468, "exfil_param": 160, "rug_pull": 200, "secret": 360} {
		if byClass[class].Block < least || byClass[class].N < 20 {
			t.Errorf("%s: %d attacks and %d honest", class, byClass[class].Block, byClass[class].N)
		}
	}
}

func TestThePageIsRewrittenBetweenItsMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("before\n"+pageBegin+"old\n"+pageEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + pageBegin + "new\n" + pageEnd + "after\n"; string(got) != want {
		t.Errorf("page %q", got)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, "new\n"); err == nil {
		t.Error("a page without marks was written")
	}
}
