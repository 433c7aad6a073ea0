package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The figures of a sample: a change of a detector that loses more than it wins in a
// class fails here. `make detect ARGS="-check -update"` raises them.
func TestFiguresDoNotFall(t *testing.T) {
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if err := check(root, false, io.Discard); err != nil {
		t.Error(err)
	}
}

// What the page shows are the figures beside it.
func TestThePageShowsItsFigures(t *testing.T) {
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	d, err := readDocument(root)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(pageFile)))
	if err != nil {
		t.Fatal(err)
	}
	if d.Repository == nil || !strings.Contains(string(page), pageBegin+d.markdown()+pageEnd) {
		t.Error("the figures of the page are not those beside it: run make detect")
	}
}

// made are sources of cases that no detector needs to see.
func made(cases ...Case) source {
	return source{name: "made", read: func() ([]Case, error) { return slices.Clone(cases), nil }}
}

func TestMeasureIsTheSameEveryTime(t *testing.T) {
	sources := []source{
		made(secretCases("s")...), made(positionCases("p")...),
		made(Case{ID: "r", Corpus: "c", Class: "cmdi", Label: malicious, Surface: onArgs, Call: &Call{Name: "run"}}),
	}
	var first string
	for range 3 {
		var progress strings.Builder
		r, err := measure(sources, extent{most: 60, contexts: 5, failures: 3}, &progress)
		if err != nil {
			t.Fatal(err)
		}
		b, err := (&document{Repository: r}).json()
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(b)
		}
		if string(b) != first {
			t.Fatalf("two runs differ:\n%s\n%s", first, b)
		}
		if r.Ruled["cmdi"] != 1 || len(r.Unstable) > 0 || strings.Count(progress.String(), "\n") != 4 {
			t.Errorf("ruled %v, unstable %v, progress %q", r.Ruled, r.Unstable, progress.String())
		}
		for _, s := range r.Scores {
			if len(s.Failures) > 3 {
				t.Errorf("%s lists %d failures", s.Corpus, len(s.Failures))
			}
		}
	}
}

func TestASampleIsAlwaysTheSameAndKeepsServersWhole(t *testing.T) {
	var cases []Case
	for i := range 1000 {
		cases = append(cases, Case{
			ID: fmt.Sprint(i), Corpus: "c", Class: benign, Label: benign, Surface: onTool, Server: fmt.Sprint(i / 10), Tool: raw(object{"name": "t"}),
		})
	}
	kept := sample(cases, 200)
	if len(kept) < 100 || len(kept) > 300 {
		t.Errorf("kept %d of 1000, want about 200", len(kept))
	}
	servers := map[string]int{}
	for i := range kept {
		servers[kept[i].Server]++
	}
	for name, n := range servers {
		if n != 10 {
			t.Errorf("%d tools of server %s, want 10", n, name)
		}
	}
	slices.Reverse(cases)
	if again := sample(cases, 200); len(again) != len(kept) {
		t.Errorf("kept %d, and %d in another order", len(kept), len(again))
	}
	if all := sample(cases, 1000); len(all) != 1000 {
		t.Errorf("kept %d where all fit", len(all))
	}
}

func TestTargets(t *testing.T) {
	s := newScore(definitions, "desc_poison", "c")
	s.Attacks = tally{10, 9, 10}
	h := newScore(definitions, benign, "c")
	h.Honest = tally{1000, 2, 20}
	flow := newScore(changes, "rug_pull", "c")
	flow.Attacks, flow.Honest = tally{100, 0, 99}, tally{10, 0, 2}
	r := &report{Scores: []*score{s, h, flow}}
	want := map[string]string{
		"poisoned descriptions, blocked":                              "met",
		"honest tools, blocked":                                       "**missed**",
		"honest tools, reviewed":                                      "**missed**",
		"hostile changes that pass quickly":                           "met",
		"honest changes that pass quickly":                            "**missed**",
		"shadowing, blocked":                                          "not measured",
		"poison in schemas: least seen place against the description": "not measured",
	}
	seen := 0
	for _, row := range r.goals().rows {
		if verdict, ok := want[row[0]]; ok {
			seen++
			if row[4] != verdict {
				t.Errorf("%s: %s, want %s", row[0], row[4], verdict)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d rows of %d", seen, len(want))
	}
}

func TestTheWorstPlaceIsComparedWithTheDescription(t *testing.T) {
	s := newScore(definitions, "schema_poison", "generated-positions")
	for _, p := range positions {
		s.Techniques[p.name] = tally{10, 8, 10}
	}
	s.Techniques["items"] = tally{10, 6, 10}
	f := worstPosition(&report{Scores: []*score{s}})
	if f.value != 75 || f.k != 6 || !strings.HasPrefix(f.note, "items, 6 of 10") {
		t.Errorf("figure %+v", f)
	}
}

func TestClockQuantiles(t *testing.T) {
	var c clock
	for i := range 100 {
		c.add(time.Duration(i+1) * time.Microsecond)
	}
	for _, tt := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 50 * time.Microsecond}, {0.99, 99 * time.Microsecond}} {
		if got := c.quantile(tt.q); got < tt.want || got > tt.want*5/4 {
			t.Errorf("quantile %g: %v, want %v to a quarter more", tt.q, got, tt.want)
		}
	}
	if got := (&clock{}).quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing: %v", got)
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		ok   bool
	}{
		{"nothing", nil, true},
		{"no corpora of the Makefile", []string{"-corpora", ""}, true},
		{"corpora", []string{"-corpora", "a", "-corpora", "b", "-format", "json"}, true},
		{"raising the ratchet", []string{"-check", "-update"}, true},
		{"raising without the sample", []string{"-update"}, false},
		{"the sample of other corpora", []string{"-check", "-corpora", "a"}, false},
		{"another format", []string{"-format", "xml"}, false},
		{"a word", []string{"all"}, false},
		{"fewer than no failures", []string{"-failures", "-1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseOptions(tt.args, io.Discard); (err == nil) != tt.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}
