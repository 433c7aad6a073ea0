package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// ratchetFile is where the figures stand below which no change may fall, from
// the root of the repository.
const ratchetFile = "internal/detect/testdata/ratchet.json"

// What a figure's name ends with says which way is better.
const (
	recall  = " recall" // percent of attacks; more is better
	alarms  = " alarms" // percent of what is honest; less is better
	atBlock = ", block"
	atTry   = ", review"
)

// figures are the numbers that the ratchet holds: name to percent, with two
// decimals.
type figures map[string]float64

// figures are the rates of each class over all its corpora: what one corpus loses
// another may win.
func (r *report) figures() figures {
	f := figures{}
	put := func(name, what string, t tally) {
		if t.N > 0 {
			f[name+atBlock+what] = math.Round(rate(t.Block, t.N)*100) / 100
			f[name+atTry+what] = math.Round(rate(t.Review, t.N)*100) / 100
		}
	}
	for _, s := range r.Scores {
		fits := class(s.Class)
		name := s.Family + ", " + s.Class
		put(name, recall, r.pool(s.Family, fits, attacks))
		put(name, alarms, r.pool(s.Family, fits, honest))
		if s.Class == benign {
			put(name+", servers", alarms, r.pool(s.Family, fits, hosted))
		}
	}
	c := r.Contexts
	put("three servers", alarms, tally{c.N, c.Block, c.Review})
	return f
}

// better says whether a is better than b for the figure of that name.
func better(name string, a, b float64) bool {
	if strings.HasSuffix(name, alarms) {
		return a < b
	}
	return a > b
}

// worse are the lines that say what is worse than marks: a figure that fell,
// and one that is no longer measured.
func (f figures) worse(marks figures) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		mark := marks[name]
		now, measured := f[name]
		switch {
		case !measured:
			lines = append(lines, fmt.Sprintf("%s: was %.2f %%, is no longer measured", name, mark))
		case better(name, mark, now):
			lines = append(lines, fmt.Sprintf("%s: was %.2f %%, is %.2f %%", name, mark, now))
		}
	}
	return lines
}

// raised are marks where f is no better, and f elsewhere.
func (f figures) raised(marks figures) figures {
	out := maps.Clone(marks)
	if out == nil {
		out = figures{}
	}
	for name, now := range f {
		if mark, held := out[name]; !held || better(name, now, mark) {
			out[name] = now
		}
	}
	return out
}

// hold compares r with the ratchet, and raises it where that is asked for. A
// missing ratchet holds nothing, so it is an error unless it is being made.
func hold(path string, r *report, update bool) error {
	if len(r.Unstable) > 0 {
		return fmt.Errorf("%w: verdicts depend on the run or on the order of keys: %s", errWorse, strings.Join(r.Unstable, ", "))
	}
	marks, err := readRatchet(path)
	if err != nil && (!update || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	now := r.figures()
	if lines := now.worse(marks); len(lines) > 0 {
		return fmt.Errorf("%w:\n  %s", errWorse, strings.Join(lines, "\n  "))
	}
	if !update {
		return nil
	}
	b, err := json.MarshalIndent(now.raised(marks), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the ratchet: %w", err)
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

func readRatchet(path string) (figures, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the ratchet: %w", err)
	}
	var marks figures
	if err := json.Unmarshal(b, &marks); err != nil {
		return nil, fmt.Errorf("reading the ratchet %s: %w", path, err)
	}
	return marks, nil
}
