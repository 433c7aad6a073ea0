package flow

import (
	"cmp"
	"slices"
)

// Labelled is a tool with its labels, as configured or proposed.
type Labelled struct {
	Path   string // "upstream/name"
	Labels Labels
}

// Source is one label that a rule starts from, and the tools that bring it.
type Source struct {
	Label Labels
	Tools []string // paths, sorted
}

// Combination is a flow that a set of servers makes possible in one conversation.
type Combination struct {
	Index   int // of the rule
	Rule    Rule
	Sources []Source // one for each label of Rule.From
	Sinks   []string // paths, sorted
}

// Combine lists the flows that the tools make possible and a rule is about, in the
// order of the rules. The order of the tools does not matter.
func (r *Rules) Combine(tools []Labelled) []Combination {
	if r == nil {
		return nil
	}
	tools = slices.Clone(tools)
	slices.SortFunc(tools, func(a, b Labelled) int { return cmp.Compare(a.Path, b.Path) })
	var out []Combination
next:
	for i, rule := range r.rules {
		c := Combination{Index: i, Rule: rule}
		for _, label := range rule.From.Each() {
			from := Source{Label: label, Tools: having(tools, label)}
			if len(from.Tools) == 0 {
				continue next
			}
			c.Sources = append(c.Sources, from)
		}
		if c.Sinks = having(tools, rule.To); len(c.Sinks) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// having are the paths of those tools that have one of the labels.
func having(tools []Labelled, labels Labels) []string {
	var out []string
	for _, t := range tools {
		if t.Labels&labels != 0 {
			out = append(out, t.Path)
		}
	}
	return slices.Compact(out)
}
