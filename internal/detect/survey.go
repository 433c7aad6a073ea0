package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// extent says how much is measured.
type extent struct {
	most     int // cases of each corpus, class and label; 0: all
	contexts int // sessions with three honest servers
	failures int // listed of each score
}

// whole is the measurement that the page shows; quick, what every run of the
// tests holds against the ratchet.
var (
	whole = extent{contexts: 999, failures: 10}
	quick = extent{most: 100, contexts: 30, failures: 50}
)

// report is everything that was measured, as JSON shows it. Times are not in it:
// the same detectors always give the same report.
type report struct {
	Cases    int            `json:"cases"`
	Corpora  []string       `json:"corpora"`
	Scores   []*score       `json:"scores"`
	Macros   []macro        `json:"macro_averages"`
	Contexts contexts       `json:"contexts"`
	Ruled    map[string]int `json:"judged_by_rules,omitempty"` // class to cases
	Unstable []string       `json:"unstable"`                  // cases whose verdict depends on the run or on the order of keys

	times map[string]*clock // by family
}

// survey measures sources one after the other and keeps only figures of those
// that are done, and the honest servers for the contexts.
type survey struct {
	extent

	report report
	scores map[string]*score
	town   town
	again  int // cases that were judged again
}

// measure judges every case of the sources. It tells progress how far it is.
func measure(sources []source, much extent, progress io.Writer) (*report, error) {
	s := &survey{
		extent: much, scores: map[string]*score{},
		report: report{Ruled: map[string]int{}, Unstable: []string{}, times: map[string]*clock{}},
	}
	for _, from := range sources {
		start := time.Now()
		cases, err := from.read()
		if err != nil {
			return nil, err
		}
		if much.most > 0 {
			cases = sample(cases, much.most)
		}
		if err := s.take(cases); err != nil {
			return nil, fmt.Errorf("measuring %s: %w", from.name, err)
		}
		fmt.Fprintf(progress, "%s: %d cases, %v\n", from.name, len(cases), time.Since(start).Round(time.Millisecond))
	}
	return s.close(progress), nil
}

// take judges the cases of one source, side by side, and counts them in order.
func (s *survey) take(cases []Case) error {
	h := newHouse(cases)
	verdicts := make([][]verdict, len(cases))
	errs := make([]error, len(cases))
	sideBySide(len(cases), func(i int) {
		verdicts[i], errs[i] = judgeAll(&cases[i], h)
	})
	for i := range cases {
		if errs[i] != nil {
			return errs[i]
		}
		s.count(&cases[i], verdicts[i])
	}
	s.town.settle(h)
	return s.repeat(cases, h)
}

// judgeAll asks every family that c counts for.
func judgeAll(c *Case, h *house) ([]verdict, error) {
	list := families(c)
	out := make([]verdict, len(list))
	for i := range list {
		var err error
		if out[i], err = list[i].ask(c, h); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sideBySide calls do with every number below n, from as many goroutines as there
// are processors, and returns when all are done.
func sideBySide(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

func (s *survey) count(c *Case, verdicts []verdict) {
	s.report.Cases++
	if !slices.Contains(s.report.Corpora, c.Corpus) {
		s.report.Corpora = append(s.report.Corpora, c.Corpus)
	}
	list := families(c)
	if c.Surface == onArgs && slices.Contains(ruled, c.Class) {
		s.report.Ruled[c.Class]++
	}
	for i := range list {
		family := list[i].name
		key := strings.Join([]string{family, c.Class, c.Corpus}, "\x00")
		at := s.scores[key]
		if at == nil {
			at = newScore(family, c.Class, c.Corpus)
			s.scores[key] = at
			s.report.Scores = append(s.report.Scores, at)
		}
		at.add(c, &verdicts[i], s.failures)
		t := s.report.times[family]
		if t == nil {
			t = &clock{}
			s.report.times[family] = t
		}
		t.add(verdicts[i].took)
	}
}

func (s *survey) close(progress io.Writer) *report {
	r := &s.report
	for _, at := range r.Scores {
		at.close()
	}
	slices.SortFunc(r.Scores, order)
	slices.Sort(r.Corpora)
	r.Macros = macros(r.Scores)
	start := time.Now()
	r.Contexts = s.town.contexts(s.extent)
	fmt.Fprintf(progress, "three honest servers together: %d contexts, %v\n", r.Contexts.N, time.Since(start).Round(time.Millisecond))
	return r
}
