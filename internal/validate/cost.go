package validate

import (
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of what a schema may cost. A unit is about 200 ns on one core of 2026:
// one subschema asked about one value.
const (
	maxEvaluations = 10_000    // subschemas, with every reference followed
	maxInPlace     = 64        // schemas in a chain that ask about the same value
	maxUnits       = 3_000_000 // one validation: half a second
	stringUnits    = 32        // pattern instructions × bytes in a unit
)

// cost bounds what validating against a schema takes. The library has no
// deadline, and a chain of 22 schemas that each refer to the next twice keeps
// it busy for seconds (4 million evaluations for a single value).
type cost struct {
	units     int64 // for one value, with every reference followed
	patterns  int64 // instructions of all patterns, likewise
	recursive bool  // the schema contains itself: units depend on the value
}

// affords tells whether validating the value stays within maxUnits. The first
// bound costs nothing and is enough for almost every call; what exceeds it is
// counted exactly, which is also bounded by maxUnits.
func (c cost) affords(s *jsonschema.Schema, in instance) bool {
	if !c.recursive && c.units*in.elements+c.patterns*in.text/stringUnits <= maxUnits {
		return true
	}
	t := tab{left: maxUnits}
	t.count(s, in.value)
	return t.left >= 0
}

// weigh walks the compiled schema, references resolved. It refuses a schema
// that can loop without ever looking deeper into the value, which the library
// would take for a mere mismatch ("not" would then let anything pass), one
// whose references are dynamic, and one that is too expensive.
func weigh(s *jsonschema.Schema) (cost, error) {
	w := weigher{chain: map[*jsonschema.Schema]int{}, total: map[*jsonschema.Schema]cost{}, open: map[*jsonschema.Schema]bool{}}
	c := w.expand(s)
	if w.err != nil {
		return cost{}, w.err
	}
	if w.evaluations[s] > maxEvaluations {
		return cost{}, fmt.Errorf("with its references followed the schema has more than %d subschemas", maxEvaluations)
	}
	c.recursive = w.recursive
	return c, nil
}

type weigher struct {
	chain       map[*jsonschema.Schema]int // longest in-place chain; open: −1
	total       map[*jsonschema.Schema]cost
	evaluations map[*jsonschema.Schema]int64
	open        map[*jsonschema.Schema]bool
	recursive   bool
	err         error
}

// inPlaceDepth is the longest chain of schemas from s that ask about one value.
func (w *weigher) inPlaceDepth(s *jsonschema.Schema) int {
	if d, ok := w.chain[s]; ok {
		if d < 0 {
			w.err = errors.New("the schema refers to itself without end")
			return 0
		}
		return d
	}
	w.chain[s] = -1
	deepest := 0
	inPlace(s, func(sub *jsonschema.Schema) {
		if w.err == nil {
			deepest = max(deepest, 1+w.inPlaceDepth(sub))
		}
	})
	if deepest > maxInPlace && w.err == nil {
		w.err = fmt.Errorf("the schema has a chain of more than %d schemas about one value", maxInPlace)
	}
	w.chain[s] = deepest
	return deepest
}

// expand is the cost of s with references followed, saturating. A schema that
// is met again inside itself is cut: the exact count takes over for those.
func (w *weigher) expand(s *jsonschema.Schema) cost {
	if w.evaluations == nil {
		w.evaluations = map[*jsonschema.Schema]int64{}
	}
	if c, ok := w.total[s]; ok || w.err != nil {
		return c
	}
	if w.open[s] {
		w.recursive = true
		return cost{}
	}
	if isDynamic(s) {
		w.err = errors.New("$dynamicRef and $recursiveRef that depend on the caller are not supported")
		return cost{}
	}
	w.open[s] = true
	w.inPlaceDepth(s)
	c := cost{units: ownUnits(s), patterns: ownPatterns(s)}
	n := int64(1)
	add := func(sub *jsonschema.Schema) {
		if w.err != nil {
			return
		}
		part := w.expand(sub)
		c.units = saturate(c.units + part.units)
		c.patterns = saturate(c.patterns + part.patterns)
		n = saturate(n + max(1, w.evaluations[sub]))
	}
	inPlace(s, add)
	deeper(s, add)
	delete(w.open, s)
	w.total[s], w.evaluations[s] = c, n
	return c
}

// saturate keeps sums and their product with an element count within 64 bits.
func saturate(n int64) int64 { return min(n, 1<<31) }

func isDynamic(s *jsonschema.Schema) bool {
	if s.RecursiveRef != nil {
		return true
	}
	d := s.DynamicRef
	return d != nil && d.Anchor != "" && d.Ref.DynamicAnchor == d.Anchor
}

// inPlace visits the subschemas that ask about the same value as s.
func inPlace(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	for _, sub := range [...]*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else} {
		if sub != nil {
			visit(sub)
		}
	}
	if s.DynamicRef != nil {
		visit(s.DynamicRef.Ref)
	}
	for _, list := range [...][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, sub := range list {
			visit(sub)
		}
	}
	for _, sub := range s.DependentSchemas {
		visit(sub)
	}
	for _, dep := range s.Dependencies {
		visitAny(dep, visit)
	}
}

// deeper visits the subschemas that ask about a member or element.
func deeper(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	for _, sub := range s.Properties {
		visit(sub)
	}
	for _, sub := range s.PatternProperties {
		visit(sub)
	}
	for _, sub := range [...]*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems} {
		if sub != nil {
			visit(sub)
		}
	}
	visitAny(s.AdditionalProperties, visit)
	visitAny(s.AdditionalItems, visit)
	visitAny(s.Items, visit)
	for _, sub := range s.PrefixItems {
		visit(sub)
	}
}

// visitAny visits a member that is one schema, several, or something else.
func visitAny(v any, visit func(*jsonschema.Schema)) {
	switch v := v.(type) {
	case *jsonschema.Schema:
		visit(v)
	case []*jsonschema.Schema:
		for _, sub := range v {
			visit(sub)
		}
	}
}

// Weights of keywords that cost more than a look, in units.
const (
	requiredPerUnit = 8  // names of required looked up in a unit
	enumNumber      = 5  // numbers are compared as rationals, parsed each time
	uniqueWeight    = 64 // hashing the array: each value once per level of depth
)

func ownUnits(s *jsonschema.Schema) int64 {
	n := int64(1 + len(s.Required)/requiredPerUnit + len(s.DependentRequired))
	if s.Enum != nil {
		for _, v := range s.Enum.Values {
			n += weightOf(v)
		}
	}
	if s.Const != nil {
		n += weightOf(*s.Const)
	}
	if s.UniqueItems {
		n += uniqueWeight
	}
	return n
}

func weightOf(v any) int64 {
	switch v := v.(type) {
	case map[string]any:
		n := int64(1)
		for _, member := range v {
			n += weightOf(member)
		}
		return n
	case []any:
		n := int64(1)
		for _, element := range v {
			n += weightOf(element)
		}
		return n
	case string, bool, nil:
		return 1
	}
	return enumNumber
}

func ownPatterns(s *jsonschema.Schema) int64 {
	n := instructions(s.Pattern)
	for re := range s.PatternProperties {
		n += instructions(re)
	}
	if s.Format != nil {
		n += stringUnits // a format reads the text, in a unit a byte at most
	}
	return n
}

// instructions is 0 for a pattern that backtracks: its meter bounds it.
func instructions(re jsonschema.Regexp) int64 {
	if l, ok := re.(linear); ok {
		return l.program
	}
	return 0
}
