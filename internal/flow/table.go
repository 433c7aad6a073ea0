package flow

import (
	"fmt"
	"strings"

	"doorward/internal/gate"
)

// Table is the labels that an operator has given to names. The zero value has none:
// everything is proposed.
type Table struct {
	upstreams map[string]names
	reading   map[tool]bool
}

// tool is one of an upstream's.
type tool struct{ upstream, name string }

// OnlyReads takes in that a tool changes nothing because its operator says so, as of one of Doorward's
// own servers: then it does not act, whatever it is called. What a server says of itself is never
// taken in (security case POL-59). It is called before the table is used.
func (t *Table) OnlyReads(upstream, name string) { t.reading[tool{upstream, name}] = true }

// names are those of one upstream.
type names struct {
	exact    map[string]Labels
	patterns []pattern
}

// pattern is a name with stars.
type pattern struct {
	parts  []string // between the stars, at least two
	labels Labels
}

// NewTable reads labels by upstream and by name, or pattern of names, in which a
// star stands for anything.
func NewTable(labels map[string]map[string][]string) (*Table, error) {
	t := &Table{upstreams: make(map[string]names, len(labels)), reading: map[tool]bool{}}
	for upstream, of := range labels {
		n := names{exact: make(map[string]Labels, len(of))}
		for name, list := range of {
			var set Labels
			for _, word := range list {
				l, ok := ParseLabel(word)
				if !ok {
					return nil, fmt.Errorf("labels of %s/%s: there is no label %q", upstream, name, word)
				}
				set |= l
			}
			if parts := strings.Split(name, "*"); len(parts) > 1 {
				n.patterns = append(n.patterns, pattern{parts, set})
			} else {
				n.exact[name] = set
			}
		}
		t.upstreams[upstream] = n
	}
	return t, nil
}

// Labels are those of a definition: what its name was given; else what all patterns
// together give it; else what is proposed.
func (t *Table) Labels(it *gate.Item) Labels {
	n := t.upstreams[it.Upstream]
	if set, ok := n.exact[it.Name]; ok {
		return set
	}
	set, given := Labels(0), false
	for i := range n.patterns {
		if n.patterns[i].matches(it.Name) {
			set, given = set|n.patterns[i].labels, true
		}
	}
	if given {
		return set
	}
	labels := Propose(it)
	if it.Kind == gate.Tool && t.reading[tool{it.Upstream, it.Name}] {
		labels &^= Acts
	}
	return labels
}

func (p *pattern) matches(name string) bool {
	last := len(p.parts) - 1
	rest, ok := strings.CutPrefix(name, p.parts[0])
	if !ok {
		return false
	}
	for _, part := range p.parts[1:last] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, p.parts[last])
}
