package app

import (
	"cmp"
	"slices"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// rules are the rules of findings, the worst first, none twice.
func rules(list []gate.Finding) []string {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b gate.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Rule, b.Rule))
	})
	var out []string
	for i := range list {
		if !slices.Contains(out, list[i].Rule) {
			out = append(out, list[i].Rule)
		}
	}
	return out
}

func findings(list []gate.Finding) []admin.Finding {
	out := make([]admin.Finding, 0, len(list))
	for i := range list {
		f := &list[i]
		out = append(out, admin.Finding{
			Rule: f.Rule, Severity: f.Severity.String(), Where: gate.Visible(f.Where),
			Start: f.Span.Start, End: f.Span.End, Text: gate.Visible(f.Text), Why: gate.Visible(f.Why),
		})
	}
	return out
}

// readings are the strings of a definition as a person and as the model read
// them. Names of members are among them where something in them is hidden.
func readings(kind gate.ItemKind, definition string) ([]admin.Reading, error) {
	var out []admin.Reading
	raw := []byte(definition)
	err := mcp.Strings(raw, gate.Span{End: len(raw)}, func(t *mcp.Text) error {
		model := gate.Visible(t.Value)
		if t.Name && model == t.Value {
			return nil
		}
		r := admin.Reading{Pointer: gate.Visible(t.Pointer()), Model: model}
		if drawn(kind, t) {
			r.Person = plain(t.Value)
		}
		out = append(out, r)
		return nil
	})
	return out, err
}

// drawn tells whether clients show the string to people: names, titles and
// descriptions of what is offered, and nothing inside of schemas, annotations or
// _meta. The model is given all of it.
func drawn(kind gate.ItemKind, t *mcp.Text) bool {
	if t.Name {
		return false
	}
	switch t.Pointer() {
	case "/name", "/title", "/description", "/annotations/title", "/uri", "/uriTemplate":
		return true
	}
	return kind == gate.Command
}

// plain is text as a window draws it: what is hidden is not there, and white
// space is one space.
func plain(s string) string {
	seen := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case gate.Hidden(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(seen), " ")
}
