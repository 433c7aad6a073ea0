package learning

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"doorward/internal/policy"
	"doorward/internal/policy/words"
)

// When a parameter counts as an enumeration, and how many hosts, domains or
// programs a rule names at most: more than these say nothing about the next call.
const (
	enumerated      = 8
	enumeratedCalls = 20
	maxNamed        = 64
)

// seen are the values of one thing's arguments.
type seen struct {
	types  map[string][]string // texts, by type, each once
	first  []string            // programs of commands
	names  map[string]*values  // by folded name of a parameter
	broken bool                // some arguments could not be read
}

// values are those of one parameter.
type values struct {
	kind    string // its type in the configuration
	count   int
	texts   map[string]bool // up to one more than enumerated
	strings bool            // all are texts
	numbers bool            // all are numbers
	least   float64
	most    float64
}

// look reads the arguments of all calls of a use.
func look(u *use, types map[string]string) *seen {
	s := &seen{types: map[string][]string{}, names: map[string]*values{}}
	once := map[[2]string]bool{}
	for _, c := range u.calls {
		leaves, err := policy.Leaves(types, c.Arguments)
		if err != nil {
			s.broken = true
			continue
		}
		for i := range leaves {
			f := &leaves[i]
			for _, kind := range f.Types {
				if key := [2]string{kind, f.Text}; !once[key] {
					once[key] = true
					s.types[kind] = append(s.types[kind], f.Text)
					if kind == "command" && f.First {
						s.first = append(s.first, f.Text)
					}
				}
			}
			for _, name := range f.Names {
				s.value(name, f, types)
			}
		}
	}
	for _, texts := range s.types {
		slices.Sort(texts)
	}
	return s
}

func (s *seen) value(name string, f *policy.Leaf, types map[string]string) {
	v := s.names[name]
	if v == nil {
		v = &values{kind: kindOf(name, types), texts: map[string]bool{}, strings: true, numbers: true, least: math.Inf(1), most: math.Inf(-1)}
		s.names[name] = v
	}
	v.count++
	if len(v.texts) <= enumerated {
		v.texts[f.Text] = true
	}
	v.strings = v.strings && f.Kind == '"'
	n, err := strconv.ParseFloat(f.Text, 64)
	if f.Kind != '0' || err != nil {
		v.numbers = false
		return
	}
	v.least, v.most = min(v.least, n), max(v.most, n)
}

// narrow is the where of what was seen of one thing under a present rule: never
// wider than that rule's own. left says that none of its calls can be learned from,
// for what they name is too wide for any rule to name.
func (l *learner) narrow(u *use, g *grant) (out *policy.Where, left bool) {
	present := g.kept()
	out = copied(present.Where)
	if u.loose {
		return out, false
	}
	s := look(u, l.options.Present.Arguments[u.upstream])
	if s.broken {
		return out, false
	}
	if out == nil {
		out = &policy.Where{}
	}
	n := narrower{seen: s, where: out, enums: l.enums(u, g.rule)}
	n.paths()
	n.places()
	n.statements()
	n.words()
	n.single()
	if len(n.wide) > 0 && l.leave(u, n.wide) {
		return nil, true
	}
	if present.Where == nil && empty(out) {
		return nil, false
	}
	return out, false
}

// leave puts the calls that name a value which no rule may open among those that
// were left out. It reports whether those were all.
func (l *learner) leave(u *use, wide map[string]bool) bool {
	all := true
	for _, c := range u.calls {
		leaves, err := policy.Leaves(l.options.Present.Arguments[u.upstream], c.Arguments)
		if err == nil && slices.ContainsFunc(leaves, func(f policy.Leaf) bool {
			return wide[f.Text] && (slices.Contains(f.Types, "path") || slices.Contains(f.Types, "path/windows"))
		}) {
			l.report.leave(c)
			continue
		}
		all = false
	}
	return all
}

// copied is a where that can be changed without changing the present policy: its
// lists are replaced as a whole, never written to.
func copied(w *policy.Where) *policy.Where {
	if w == nil {
		return nil
	}
	out := *w
	out.Values = maps.Clone(w.Values)
	return &out
}

func empty(w *policy.Where) bool {
	return w.Path == nil && w.URL == nil && w.Host == nil && w.SQL == nil && w.Command == nil && w.Email == nil && w.Text == nil && len(w.Values) == 0
}

// narrower fills a where from what was seen.
type narrower struct {
	seen  *seen
	where *policy.Where
	wide  map[string]bool     // paths that no rule may open
	enums map[string][]string // values of identifiers that are enumerations
}

// single narrows parameters by name: identifiers that behave like an enumeration,
// and numbers. What the present rule says about a parameter stays.
func (n *narrower) single() {
	for _, name := range sortedKeys(n.seen.names) {
		v := n.seen.names[name]
		if n.has(name) {
			continue
		}
		var value policy.Value
		switch {
		case len(n.enums[name]) > 0 && v.strings:
			value.Text = words.TextRule{OneOf: n.enums[name]}
		case v.kind == "" && v.numbers && math.Abs(v.most) <= maxNumber:
			value.Max = number(v.most)
			if v.least >= 0 { // -1 often means all
				value.Min = "0"
			}
		default:
			continue
		}
		if n.where.Values == nil {
			n.where.Values = map[string]policy.Value{}
		}
		n.where.Values[name] = value
	}
}

// enums are the identifiers that behave like an enumeration over all that was used
// of one upstream under one rule: an owner is the same thing to each of its tools.
func (l *learner) enums(u *use, present *policy.Rule) map[string][]string {
	key := enumerations{present, u.upstream}
	if known, ok := l.enumerations[key]; ok {
		return known
	}
	all := &use{}
	for _, r := range l.roles {
		for _, g := range r.grants {
			for it, other := range g.items {
				if g.rule == present && it.upstream == u.upstream {
					all.calls = append(all.calls, other.calls...)
				}
			}
		}
	}
	out := map[string][]string{}
	for name, v := range look(all, l.options.Present.Arguments[u.upstream]).names {
		if v.kind == "identifier" && v.strings && v.count >= enumeratedCalls && len(v.texts) <= enumerated {
			out[name] = sortedKeys(v.texts)
		}
	}
	l.enumerations[key] = out
	return out
}

// enumerations names what enums was asked about.
type enumerations struct {
	rule     *policy.Rule
	upstream string
}

// has tells whether the present rule says something about a parameter.
func (n *narrower) has(name string) bool {
	for known := range n.where.Values {
		if policy.Folded(known) == name {
			return true
		}
	}
	return false
}

// maxNumber is the greatest number that is rounded: all whole numbers up to it are
// exact in a float64, with room.
const maxNumber = 1e15

// number is the next of 1, 2 and 5 times a power of ten.
func number(v float64) string {
	if v <= 0 {
		return "0"
	}
	up := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range [...]float64{1, 2, 5, 10} {
		if m*up >= v {
			return strconv.FormatFloat(m*up, 'f', -1, 64)
		}
	}
	return strconv.FormatFloat(10*up, 'f', -1, 64)
}

// kindOf is the type of a parameter by its folded name.
func kindOf(name string, types map[string]string) string {
	for known, kind := range types {
		if policy.Folded(known) == name {
			return kind
		}
	}
	return ""
}
