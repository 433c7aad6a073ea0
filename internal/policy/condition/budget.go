package condition

import (
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Prices, in units of about the time that one step of an expression takes. A call
// is priced when it is over, so one evaluation takes at most the budget and one
// call more.
const (
	maxCost   = 10_000 // units of one evaluation
	unitBytes = 64     // of text that an operation reads or writes, one unit
	zoneCost  = 1000   // of looking a time zone up by its name
	workCost  = 8      // bytes times weight of a pattern, one unit
	pathBytes = 4      // of text that lower and under take apart, one unit
)

// prices says what calls cost. CEL's own prices take size() and conversions of a
// text to be free, whatever its length.
type prices struct {
	small   [64]uint64     // what a price points to, or each call would allocate
	weights map[string]int // of the patterns, by their text; complete once the condition is planned
}

func newPrices() *prices {
	p := &prices{weights: map[string]int{}}
	for i := range p.small {
		p.small[i] = uint64(i)
	}
	return p
}

// CallCost implements cost.ActualCostEstimator.
func (p *prices) CallCost(function, overload string, args []ref.Val, _ ref.Val) *uint64 {
	n := uint64(1)
	compares := function == operators.Equals || function == operators.NotEquals || function == operators.In
	if (function == overloads.StartsWith || function == overloads.EndsWith) && len(args) == 2 {
		args = args[1:] // only so much of the other is read
	}
	if !compares || !differ(args) {
		for _, a := range args {
			n += p.weight(a, compares)
		}
	}
	switch {
	case function == fnMatches || function == fnGlob:
		n += p.patternCost(args)
	case function == fnLower || function == fnUnder:
		for _, a := range args {
			if s, ok := a.(types.String); ok {
				n += uint64(len(s)) / pathBytes
			}
		}
	case strings.HasSuffix(overload, "_with_tz"):
		n += zoneCost
	}
	if n < uint64(len(p.small)) {
		return &p.small[n]
	}
	more := n
	return &more
}

// differ tells whether two texts differ in length, which is all that is looked at
// then.
func differ(args []ref.Val) bool {
	if len(args) != 2 {
		return false
	}
	a, ok := args[0].(types.String)
	b, too := args[1].(types.String)
	return ok && too && len(a) != len(b)
}

// patternCost is the work of a match: the text's length times the weight of the
// pattern, which is the one argument that has one. A text that is a pattern itself
// is priced as if it were both.
func (p *prices) patternCost(args []ref.Val) uint64 {
	heaviest, longest := 1, 1
	for _, a := range args {
		if s, ok := a.(types.String); ok {
			heaviest, longest = max(heaviest, p.weights[string(s)]), max(longest, len(s))
		}
	}
	return uint64(min(heaviest*longest, maxWork) / workCost)
}

// weight is what it takes to read a value: a text by its length, and where the
// operation compares, a list or a map by all that is in it.
func (p *prices) weight(v ref.Val, compares bool) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v)) / unitBytes
	case types.Bytes:
		return uint64(len(v)) / unitBytes
	case traits.Mapper:
		if compares {
			return p.members(v, v)
		}
	case traits.Lister:
		if compares {
			return p.members(v, nil)
		}
	}
	return 0
}

func (p *prices) members(it traits.Iterable, of traits.Mapper) uint64 {
	n := uint64(0)
	for i := it.Iterator(); i.HasNext() == types.True && n <= maxCost; {
		v := i.Next()
		n += 1 + p.weight(v, true)
		if of != nil {
			n += p.weight(of.Get(v), true)
		}
	}
	return n
}

// EstimateSize implements cost.Estimator, and knows no sizes beforehand.
func (p *prices) EstimateSize(cost.AstNode) *cost.SizeEstimate { return nil }

// EstimateCallCost implements cost.Estimator; CEL's own estimate will do.
func (p *prices) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
