package resolve

import (
	"context"
	"errors"
	"slices"

	"doorward/internal/gate"
)

// match is what one upstream has for a URI.
type match struct {
	approved *gate.Item // the resource itself, or the first template that fits
	template bool       // approved is a template
	withheld *gate.Item // fits, but is not approved
}

// resource resolves a URI, or a completion's exact template text, among all
// candidates. A resource comes before any template; what several upstreams
// have is ambiguous and refused. An upstream that fails matters only when no
// other has it.
func (l *lookup) resource(ctx context.Context) (gate.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	look := l.byURI
	if l.completes() {
		look = l.byText
	}
	matches, errs := each(ctx, l.candidates, look)
	it, other := choose(matches)
	switch {
	case other != nil:
		return l.ambiguous(ctx, gate.Resource, other, it.Path()), nil // as a list meets them
	case it != nil:
		return l.settle(*it, it.Name)
	}
	if err := errors.Join(errs...); err != nil {
		return gate.Verdict{}, err
	}
	for i := range matches {
		if it := matches[i].withheld; it != nil {
			return l.withheld(it), nil
		}
	}
	if len(l.contained) > 0 {
		return unavailable(), nil
	}
	if len(l.all) > len(l.candidates) { // a URI does not say whose it is
		return l.unreached(gate.Resource, l.first(), l.ex.Call.Name), nil
	}
	return unknown(gate.Resource, "no upstream has this resource"), nil
}

// first is the first upstream that is for the principal's tenant: no scope opens another.
func (l *lookup) first() string {
	at := slices.IndexFunc(l.all, func(u string) bool { return l.reach.Serves(l.ex.Principal, u) })
	if at < 0 {
		return ""
	}
	return l.all[at]
}

// choose is the one approved item, resources first, and another one where it
// is not the only one of its kind.
func choose(matches []match) (it, other *gate.Item) {
	template := true
	for i := range matches {
		m := &matches[i]
		switch {
		case m.approved == nil || m.template && !template:
		case it == nil || template && !m.template:
			it, other, template = m.approved, nil, m.template
		default:
			other = m.approved
		}
	}
	return it, other
}

// byURI looks for the resource with this URI and then for a template that fits
// it. A resource that is there but not approved is not reached through a
// template of the same upstream either.
func (l *lookup) byURI(ctx context.Context, upstream string) (match, error) {
	uri := l.ex.Call.Name
	it, ok, err := l.find(ctx, upstream, gate.Resource, uri)
	if err != nil {
		return match{}, err
	}
	if ok {
		return exact(it), nil
	}
	items, _, err := l.catalogue.Items(ctx, l.ex, upstream, gate.Template)
	if err != nil {
		return match{}, err
	}
	var m match
	for i := range items {
		t := &items[i]
		if t.Kind != gate.Template || t.Upstream != upstream || !l.templates.fits(t.Name, uri) {
			continue
		}
		if t.State == gate.Approved {
			return match{approved: t, template: true}, nil
		}
		if m.withheld == nil {
			m.withheld = t
		}
	}
	return m, nil
}

// byText looks for a template with exactly this text, and for a resource when
// there is none.
func (l *lookup) byText(ctx context.Context, upstream string) (match, error) {
	for _, kind := range [...]gate.ItemKind{gate.Template, gate.Resource} {
		it, ok, err := l.find(ctx, upstream, kind, l.ex.Call.Name)
		if err != nil {
			return match{}, err
		}
		if ok {
			return exact(it), nil
		}
	}
	return match{}, nil
}

func exact(it gate.Item) match {
	if it.State == gate.Approved {
		return match{approved: &it}
	}
	return match{withheld: &it}
}
