package validate

import (
	"context"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSweep bounds what the questions of closed cost, in units. Most alternatives
// that it asks about do not fit, and the library takes four times as long to say
// why not.
const maxSweep = maxUnits / 4

// leftOver are the members that no schema names.
type leftOver struct{ found []*unknown }

// Error is for a log; a client gets what explain makes of it.
func (*leftOver) Error() string { return "there are members that the schema does not name" }

// closed refuses members that the schema does not name. The value has passed
// check. An object is closed when a schema about it has properties and none says
// anything of other members, by additionalProperties or unevaluatedProperties; a
// name that patternProperties match is named. All that describe it count together, whatever the draft; of
// alternatives (anyOf, oneOf, if) those that the value fits. A name in required
// is a name.
//
// An object without properties is a map and stays open. The arguments themselves
// are no map: a tool that names none has none, unless its schema bounds their
// names or number (propertyNames, minProperties).
func (c *checker) closed(ctx context.Context, in instance) error {
	return c.run(ctx, func() error {
		w := sweep{left: maxSweep}
		g := group{}
		w.apply(g, c.schema, in.value)
		w.visit(g, in.value, nil)
		switch {
		case w.left < 0:
			return errBudget
		case len(w.found) > 0:
			return &leftOver{w.found}
		}
		return nil
	})
}

// sweep walks a value with the schemas that describe each part of it. It asks
// alternatives about the value again at every level, so it pays for each question
// in units and stops when nothing is left.
type sweep struct {
	left  int64
	found []*unknown
}

// fits tells whether a value that is part of a valid one fits a schema.
func (w *sweep) fits(s *jsonschema.Schema, v any) bool {
	t := tab{left: w.left}
	t.count(s, v)
	w.left = t.left
	return w.left >= 0 && s.Validate(v) == nil
}

// apply adds s and all that describe the same value with it.
func (w *sweep) apply(g group, s *jsonschema.Schema, v any) {
	if s == nil || g[s] || w.left < 0 {
		return
	}
	w.left--
	g[s] = true
	w.apply(g, s.Ref, v)
	if s.DynamicRef != nil {
		w.apply(g, s.DynamicRef.Ref, v)
	}
	for _, sub := range s.AllOf {
		w.apply(g, sub, v)
	}
	for _, list := range [...][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
		for _, sub := range list {
			if w.fits(sub, v) {
				w.apply(g, sub, v)
			}
		}
	}
	if s.If != nil {
		if w.fits(s.If, v) {
			w.apply(g, s.If, v)
			w.apply(g, s.Then, v)
		} else {
			w.apply(g, s.Else, v)
		}
	}
	w.applyDependent(g, s, v)
}

func (w *sweep) applyDependent(g group, s *jsonschema.Schema, v any) {
	obj, ok := v.(map[string]any)
	if !ok {
		return
	}
	for name, sub := range s.DependentSchemas {
		if _, there := obj[name]; there {
			w.apply(g, sub, v)
		}
	}
	for name, dep := range s.Dependencies {
		if _, there := obj[name]; there {
			visitAny(dep, func(sub *jsonschema.Schema) { w.apply(g, sub, v) })
		}
	}
}

func (w *sweep) visit(g group, v any, at []string) {
	if w.left < 0 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		known := g.names()
		w.left -= int64(len(v) + len(known))
		if g.isRecord() || len(at) == 0 && g.isEmpty() {
			w.compare(g, v, known, at)
		}
		for name, value := range v {
			below := group{}
			for s := range g {
				w.applyMember(below, s, name, value)
			}
			w.visit(below, value, append(at, name))
		}
	case []any:
		for i, element := range v {
			below := group{}
			for s := range g {
				w.applyElement(below, s, i, element)
			}
			w.visit(below, element, append(at, strconv.Itoa(i)))
		}
	}
}

func (w *sweep) compare(g group, obj map[string]any, known, at []string) {
	var left []string
	for name := range obj {
		if _, named := slices.BinarySearch(known, name); !named && !w.matched(g, name) {
			left = append(left, name)
		}
	}
	if len(left) > 0 && len(w.found) < maxCollected {
		w.found = append(w.found, &unknown{at: slices.Clone(at), names: left, known: known})
	}
}

// matched tells whether a pattern of the group names a member.
func (w *sweep) matched(g group, name string) bool {
	for s := range g {
		for re := range s.PatternProperties {
			if w.left -= instructions(re) * int64(len(name)) / stringUnits; w.left >= 0 && re.MatchString(name) {
				return true
			}
		}
	}
	return false
}

func (w *sweep) applyMember(g group, s *jsonschema.Schema, name string, v any) {
	w.left--
	named := s.Properties[name] != nil
	w.apply(g, s.Properties[name], v)
	for re, sub := range s.PatternProperties {
		w.left -= instructions(re) * int64(len(name)) / stringUnits
		if w.left >= 0 && re.MatchString(name) {
			named = true
			w.apply(g, sub, v)
		}
	}
	if named {
		return
	}
	if sub, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		w.apply(g, sub, v)
	}
	w.apply(g, s.UnevaluatedProperties, v)
}

func (w *sweep) applyElement(g group, s *jsonschema.Schema, i int, v any) {
	w.left--
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		w.apply(g, items, v)
	case []*jsonschema.Schema:
		if i < len(items) {
			w.apply(g, items[i], v)
		} else if sub, ok := s.AdditionalItems.(*jsonschema.Schema); ok {
			w.apply(g, sub, v)
		}
	}
	if i < len(s.PrefixItems) {
		w.apply(g, s.PrefixItems[i], v)
		return
	}
	w.apply(g, s.Items2020, v)
	w.apply(g, s.UnevaluatedItems, v)
}

// isRecord tells whether the group has properties and says nothing of others.
func (g group) isRecord() bool {
	named := false
	for s := range g {
		if s.AdditionalProperties != nil || s.UnevaluatedProperties != nil {
			return false
		}
		named = named || len(s.Properties) > 0
	}
	return named
}

// isEmpty tells whether the group says nothing of members but which are required.
func (g group) isEmpty() bool {
	for s := range g {
		if s.AdditionalProperties != nil || s.UnevaluatedProperties != nil || len(s.PatternProperties) > 0 ||
			len(s.Properties) > 0 || s.PropertyNames != nil || s.MinProperties != nil {
			return false
		}
	}
	return true
}
