package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// text writes a report to a terminal, with the times that judging took.
func (r *report) text(w io.Writer, title string, failures int) {
	fmt.Fprintf(w, "\n%s: %d cases\n", strings.ToUpper(title), r.Cases)
	for _, t := range r.tables(failures) {
		t.text(w)
	}
	t := table{title: "Time of one case, with both processors busy", head: []string{"detectors", "cases", "p50", "p99"}}
	for _, f := range allFamilies {
		family := f.name
		if c := r.times[family]; c != nil {
			t.add(family, fmt.Sprint(c.n), c.quantile(0.50).String(), c.quantile(0.99).String())
		}
	}
	t.text(w)
	if len(r.Ruled) > 0 {
		fmt.Fprintf(w, "\njudged by rules over arguments: %s\n", counts(r.Ruled))
	}
	if len(r.Unstable) > 0 {
		fmt.Fprintf(w, "\nUNSTABLE: %s\n", strings.Join(r.Unstable, ", "))
	}
}

// counts writes how many there are of each class.
func counts(byClass map[string]int) string {
	var parts []string
	for _, class := range slices.Sorted(maps.Keys(byClass)) {
		parts = append(parts, fmt.Sprintf("%s %d", class, byClass[class]))
	}
	return strings.Join(parts, ", ")
}

// missedMost are the techniques that are missed most often.
func (s *score) missedMost(most int) string {
	var names []string
	missed := map[string]int{}
	for name, t := range s.Techniques {
		if t.N > t.Review {
			names = append(names, name)
			missed[name] = t.N - t.Review
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if missed[a] != missed[b] {
			return missed[b] - missed[a]
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%s %d", name, missed[name]))
	}
	return strings.Join(parts, ", ")
}

// named are the ids of failures with a label, and the rules of false alarms.
func (s *score) named(label string, most int) string {
	var parts []string
	for i := range s.Failures {
		f := &s.Failures[i]
		if f.Label != label || len(parts) == most {
			continue
		}
		name := "`" + f.ID + "`"
		if f.Technique != "" && label == benign {
			name += " " + f.Technique
		}
		if len(f.Rules) > 0 {
			name += " (" + strings.Join(f.Rules, ", ") + ")"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}
