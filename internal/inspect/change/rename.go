package change

import (
	"cmp"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// Pair is a definition that is gone and the new one that it seems to have become.
type Pair struct {
	Gone, Fresh int     // indices in what Renamed was given
	Likeness    float64 // from 0 to 1
}

// Bounds of what Renamed compares, and from when two are the same under another name.
const (
	maxCompared = 256
	alike       = 0.75
)

// Renamed pairs definitions of an upstream that are gone with those that are new and
// say nearly the same: each at most once, the most alike first. A new name is a new
// definition all the same, and is held.
func Renamed(gone, fresh []gate.Item) []Pair {
	gone, fresh = gone[:min(len(gone), maxCompared)], fresh[:min(len(fresh), maxCompared)]
	all := make([]Pair, 0, len(gone))
	shapes := make([]shape, len(fresh))
	for j := range fresh {
		shapes[j] = shapeOf(&fresh[j])
	}
	for i := range gone {
		g := shapeOf(&gone[i])
		for j := range fresh {
			if gone[i].Kind != fresh[j].Kind || gone[i].Upstream != fresh[j].Upstream {
				continue
			}
			if l := g.like(&shapes[j]); l >= alike {
				all = append(all, Pair{Gone: i, Fresh: j, Likeness: l})
			}
		}
	}
	slices.SortFunc(all, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Likeness, a.Likeness), cmp.Compare(a.Gone, b.Gone), cmp.Compare(a.Fresh, b.Fresh))
	})
	var out []Pair
	for _, p := range all {
		taken := func(q Pair) bool { return q.Gone == p.Gone || q.Fresh == p.Fresh }
		if !slices.ContainsFunc(out, taken) {
			out = append(out, p)
		}
	}
	return out
}

// A shape is what of a definition stays when it is renamed: which values stand
// where, and the words of its texts.
type shape struct{ fields, words []string }

func shapeOf(it *gate.Item) shape {
	var s shape
	t, _ := take(it)
	for at, l := range t.leaves {
		switch {
		case at == "/name":
		case t.wording(&l):
			s.words = append(s.words, strings.Fields(strings.ToLower(l.text))...)
		default:
			s.fields = append(s.fields, at+"="+l.text)
		}
	}
	s.fields, s.words = set(s.fields), set(s.words)
	return s
}

func set(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// like is the share of what two shapes have in common; texts count as much as
// fields.
func (s *shape) like(o *shape) float64 {
	f, w := share(s.fields, o.fields), share(s.words, o.words)
	switch {
	case len(s.fields) == 0 && len(o.fields) == 0:
		return w
	case len(s.words) == 0 && len(o.words) == 0:
		return f
	}
	return (f + w) / 2
}

func share(a, b []string) float64 {
	if len(a) == 0 && len(b) == 0 {
		return 1
	}
	both := 0
	for _, w := range a {
		if _, ok := slices.BinarySearch(b, w); ok {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
