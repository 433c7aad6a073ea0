package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// table is what is shown, for people in a terminal and for the page.
type table struct {
	title string
	head  []string
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// text writes the table aligned.
func (t *table) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n\n", strings.ToUpper(t.title))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	_ = tw.Flush()
}

// markdown writes the table for the page.
func (t *table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n#### %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.head, " | "), strings.Repeat("---|", len(t.head)))
	for _, row := range t.rows {
		fmt.Fprintf(b, "| %s |\n", strings.ReplaceAll(strings.Join(row, " | "), "\n", " "))
	}
}

// percentText writes a rate with one decimal, or – of nothing.
func percentText(p float64) string {
	if math.IsNaN(p) {
		return "–"
	}
	return fmt.Sprintf("%.1f", p)
}

// interval is a rate with its Wilson interval. Small rates have two decimals: the
// budget of honest tools is 0.1 %.
func interval(k, n int) string {
	if n == 0 {
		return "–"
	}
	low, high := wilson(k, n)
	if p := rate(k, n); p < 10 {
		return fmt.Sprintf("%.2f (%.2f–%.2f)", p, low, high)
	}
	return fmt.Sprintf("%.1f (%.1f–%.1f)", rate(k, n), low, high)
}

// tables are the report, in the order of the page.
func (r *report) tables(failures int) []table {
	return []table{r.goals(), r.seen(), r.means(), r.alarms(), r.missed(failures), r.false(failures)}
}

func (r *report) goals() table {
	t := table{title: "Targets", head: []string{"figure", "goal, %", "measured, % (95 %)", "of", ""}}
	for i := range targets {
		g := &targets[i]
		f := g.figure(r)
		sign, verdict, shown := "≥", "met", interval(f.k, f.n)
		if g.atMost {
			sign = "≤"
		}
		if f.note != "" {
			shown = percentText(f.value)
		}
		switch {
		case math.IsNaN(f.value):
			verdict = "not measured"
		case !g.met(f):
			verdict = "**missed**"
		}
		of := fmt.Sprint(f.n)
		if f.note != "" {
			of = f.note
		}
		t.add(g.what, fmt.Sprintf("%s %g", sign, g.goal), shown, of, verdict)
	}
	return t
}

func (r *report) seen() table {
	t := table{title: "Attacks", head: []string{"detectors", "class", "corpus", "attacks", "blocked, % (95 %)", "blocked or reviewed, % (95 %)", "decoded, %", "seen least"}}
	for _, s := range r.Scores {
		if s.Attacks.N == 0 {
			continue
		}
		decoded, least := "", ""
		if s.Hidden > 0 {
			decoded = percentText(rate(s.Decoded, s.Hidden))
		}
		if name, w := s.worst(); w.Review < w.N {
			least = fmt.Sprintf("%s, %d of %d", name, w.Review, w.N)
		}
		a := s.Attacks
		t.add(s.Family, s.Class, s.Corpus, fmt.Sprint(a.N), interval(a.Block, a.N), interval(a.Review, a.N), decoded, least)
	}
	return t
}

func (r *report) means() table {
	t := table{title: "Mean over corpora", head: []string{"detectors", "class", "corpora", "blocked, %", "blocked or reviewed, %"}}
	for _, m := range r.Macros {
		t.add(m.Family, m.Class, fmt.Sprint(m.Corpora), percentText(m.Block), percentText(m.Review))
	}
	return t
}

// alarms are the false ones: of tools, texts and chains, and of servers.
func (r *report) alarms() table {
	t := table{title: "False alarms", head: []string{
		"detectors", "class", "corpus", "honest", "blocked, % (95 %)", "blocked or reviewed, % (95 %)",
		"servers", "with one blocked, % (95 %)", "with one blocked or reviewed, % (95 %)",
	}}
	row := func(family, class, corpus string, h, v tally) {
		t.add(family, class, corpus, fmt.Sprint(h.N), interval(h.Block, h.N), interval(h.Review, h.N),
			fmt.Sprint(v.N), interval(v.Block, v.N), interval(v.Review, v.N))
	}
	for _, f := range allFamilies {
		family := f.name
		corpora := 0
		for _, s := range r.Scores {
			if s.Family == family && s.Honest.N > 0 {
				row(family, s.Class, s.Corpus, s.Honest, s.Servers)
				if s.Class == benign {
					corpora++
				}
			}
		}
		if corpora > 1 {
			row(family, benign, "**all**", r.pool(family, class(benign), honest), r.pool(family, class(benign), hosted))
		}
	}
	c := r.Contexts
	t.add(definitions, "three honest servers together", fmt.Sprintf("%d tools", c.Tools), fmt.Sprint(c.N), interval(c.Block, c.N), interval(c.Review, c.N), "", "", "")
	return t
}

func (r *report) missed(most int) table {
	t := table{title: "What is missed", head: []string{"class", "corpus", "missed", "most often", "cases, some"}}
	for _, s := range r.Scores {
		if n := s.Attacks.N - s.Attacks.Review; n > 0 {
			t.add(s.Class, s.Corpus, fmt.Sprintf("%d of %d", n, s.Attacks.N), s.missedMost(5), s.named(malicious, most))
		}
	}
	return t
}

func (r *report) false(most int) table {
	t := table{title: "What is stopped and honest", head: []string{"detectors", "class", "corpus", "stopped", "cases, some, with the rules"}}
	for _, s := range r.Scores {
		if s.Honest.Review > 0 {
			t.add(s.Family, s.Class, s.Corpus, fmt.Sprintf("%d of %d", s.Honest.Review, s.Honest.N), s.named(benign, most))
		}
	}
	if c := r.Contexts; c.Review > 0 {
		t.add(definitions, "", "three honest servers together", fmt.Sprintf("%d of %d", c.Review, c.N), strings.Join(c.Failures[:min(most, len(c.Failures))], ", "))
	}
	return t
}
