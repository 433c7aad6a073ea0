package learning

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/policy"
	"doorward/internal/policy/recorded"
)

// offers collects what parameters without a type look like.
type offers struct{ of map[[2]string]*offer }

type offer struct {
	name   string
	values int
	looks  string // the type that all values look like; empty: none, or several
}

// kindForm is a form of values, and the type that they are of.
type kindForm struct {
	kind string
	form *regexp.Regexp
}

// looks are forms by which a value can be told. They are for advice alone: nothing
// is judged by them.
//
//nolint:gochecknoglobals // a table, compiled when first used; read-only
var looks = sync.OnceValue(func() []kindForm {
	return []kindForm{
		{"url", regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://[^ ]+$`)},
		{"path", regexp.MustCompile(`^/[^\n]*$`)},
		{"path/windows", regexp.MustCompile(`^[a-zA-Z]:[\\/]`)},
		{"email", regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)},
		{"sql", regexp.MustCompile(`(?i)^\s*(select|insert|update|delete|with|explain)\s`)},
	}
})

func looksLike(text string) string {
	for _, l := range looks() {
		if l.form.MatchString(text) {
			return l.kind
		}
	}
	return ""
}

func (o *offers) take(c *recorded.Call, types map[string]string) {
	leaves, err := policy.Leaves(types, c.Arguments)
	if err != nil {
		return
	}
	if o.of == nil {
		o.of = map[[2]string]*offer{}
	}
	for i := range leaves {
		f := &leaves[i]
		if len(f.Types) > 0 || f.Kind != '"' || len(f.Names) == 0 {
			continue
		}
		key := [2]string{c.Upstream, f.Names[len(f.Names)-1]}
		kind := looksLike(f.Text)
		known := o.of[key]
		if known == nil {
			known = &offer{name: f.Name, looks: kind}
			o.of[key] = known
		}
		known.values++
		if known.looks != kind {
			known.looks = ""
		}
	}
}

func (o *offers) list() []Offer {
	var out []Offer
	for key, f := range o.of {
		if f.looks != "" {
			out = append(out, Offer{Upstream: key[0], Parameter: f.name, Type: f.looks, Values: f.values})
		}
	}
	slices.SortFunc(out, func(a, b Offer) int {
		return cmp.Or(strings.Compare(a.Upstream, b.Upstream), strings.Compare(a.Parameter, b.Parameter))
	})
	return out
}
