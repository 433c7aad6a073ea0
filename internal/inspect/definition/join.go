package definition

import (
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/poison"
)

// A join is several strings of a definition that a model reads one after the
// other.
type join struct {
	parts  []*text
	starts []int // of each in value
	value  string
}

// joined are the descriptions of a definition together, and the elements of each
// list: an order may be cut in pieces.
func joined(all []text) []join {
	var out []join
	var described join
	lists := map[string]*join{}
	var order []string
	for i := range all {
		t := &all[i]
		switch {
		case t.name:
		case t.item && t.key != "required":
			if lists[t.in] == nil {
				lists[t.in] = &join{}
				order = append(order, t.in)
			}
			lists[t.in].parts = append(lists[t.in].parts, t)
		case t.key == "description" || t.key == "title" || t.key == "text":
			described.parts = append(described.parts, t)
		}
	}
	if described.make() {
		out = append(out, described)
	}
	for _, in := range order {
		if lists[in].make() {
			out = append(out, *lists[in])
		}
	}
	return out
}

// make puts the parts together; false when it is one alone.
func (j *join) make() bool {
	if len(j.parts) < 2 {
		return false
	}
	var b strings.Builder
	for _, p := range j.parts {
		j.starts = append(j.starts, b.Len())
		b.WriteString(p.value)
		b.WriteByte(' ')
	}
	j.value = b.String()
	return true
}

// together looks for orders in a join, and leaves out what its parts say alone.
func (l *look) together(j *join) {
	about := l.about(j.value, "")
	about.Joined = true
	for _, f := range poison.Scan(j.value, about) {
		k := j.part(f.Span.Start)
		f.Where = j.parts[k].at
		f.Span.Start -= j.starts[k]
		f.Span.End = min(f.Span.End-j.starts[k], len(j.parts[k].value))
		f.Span.Start = min(f.Span.Start, f.Span.End)
		alone := func(g gate.Finding) bool { return g.Rule == f.Rule && g.Where == f.Where && g.Severity >= f.Severity }
		if !slices.ContainsFunc(l.found, alone) {
			l.found = append(l.found, f)
		}
	}
}

// part is the index of the part that byte i of the value is in.
func (j *join) part(i int) int {
	at := 0
	for k, start := range j.starts {
		if start <= i {
			at = k
		}
	}
	return at
}
