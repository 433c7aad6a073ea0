// Package definition puts every string of a definition before the detectors: names,
// titles, descriptions, schemas of input and output at every depth, annotations, icons,
// _meta, messages of prompts, instructions of a server; as it stands, as it reads when it is
// decoded or folded, and as several together read.
//
// app, scan and the measurement call it: Near once for all that a model may read
// together, Inspect for each item. It does no I/O, keeps nothing, and gives the same
// findings whatever the order of keys.
package definition

import (
	"cmp"
	"slices"

	"doorward/internal/gate"
	"doorward/internal/inspect/parameter"
	"doorward/internal/inspect/shadow"
)

// Neighbours are all definitions that a model may read together, prepared once.
// It is read only; any number may inspect beside it at a time.
type Neighbours struct {
	tools *shadow.Index
}

// Near prepares what is read together.
func Near(items []gate.Item) *Neighbours {
	tools := make([]shadow.Tool, 0, len(items))
	for i := range items {
		if items[i].Kind == gate.Tool {
			tools = append(tools, toolOf(&items[i], texts(items[i].Raw)))
		}
	}
	return &Neighbours{tools: shadow.Of(tools)}
}

// Inspect is what is found in one definition, the worst first, at most
// gate.MaxFindings. Where is the JSON pointer of the string. What a child process is
// started with is no text that a model reads, and has none. A definition that cannot
// be read is a finding.
func Inspect(it *gate.Item, near *Neighbours) []gate.Finding {
	if it.Kind == gate.Command || it.Kind == gate.NoItem {
		return nil
	}
	if near == nil {
		near = Near(nil)
	}
	all := texts(it.Raw)
	if all == nil {
		return []gate.Finding{{
			Rule: "definition.unreadable", Severity: gate.High, Why: "a definition is no JSON that has a text, so nobody can say what is in it",
		}}
	}
	l := look{near: near, tool: toolOf(it, all), kind: it.Kind}
	for i := range all {
		l.text(&all[i])
	}
	for _, j := range joined(all) {
		l.together(&j)
	}
	if it.Kind == gate.Tool {
		l.found = append(l.found, near.tools.Scan(&l.tool)...)
		l.found = append(l.found, parameter.Scan(parameter.Tool{
			Upstream: it.Upstream, Name: it.Name, Description: l.tool.Description, Schema: member(it.Raw, "inputSchema"), At: "/inputSchema",
		})...)
	}
	return tidy(l.found)
}

// tidy sorts, and leaves out what is there twice.
func tidy(found []gate.Finding) []gate.Finding {
	slices.SortFunc(found, func(a, b gate.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Where, b.Where),
			cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(b.Span.End, a.Span.End), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Why, b.Why))
	})
	found = slices.CompactFunc(found, func(a, b gate.Finding) bool {
		return a.Rule == b.Rule && a.Where == b.Where && b.Span.Start >= a.Span.Start && b.Span.End <= a.Span.End
	})
	if len(found) == 0 {
		return nil
	}
	return found[:min(len(found), gate.MaxFindings)]
}
