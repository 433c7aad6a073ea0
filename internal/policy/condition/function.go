package condition

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"github.com/bmatcuk/doublestar/v4"
)

// The functions that are not CEL's own, or not as CEL has them.
const (
	fnMatches = "matches"
	fnGlob    = "glob"
	fnUnder   = "under"
	fnCIDR    = "cidr"
	fnLower   = "lower"
)

// Bounds of one call of a function. Each keeps one call below a millisecond or
// two: what it costs is counted only when it is over.
const (
	maxRegexp  = 1 << 10  // bytes of a regular expression
	maxProgram = 1000     // instructions of RE2
	maxWork    = 100_000  // bytes of text times instructions, or times bytes of a glob
	maxGlob    = 256      // bytes of a glob
	maxBraces  = 4        // of a glob: each combination of alternatives is tried
	maxPath    = 4 << 10  // bytes of a path
	maxLower   = 64 << 10 // bytes
	maxCIDR    = 64       // bytes of a network or an address
)

// functions declares them. glob and matches get their bodies when their pattern
// is known, from patterns.
func functions() []cel.EnvOption {
	s, b := cel.StringType, cel.BoolType
	two := []*cel.Type{s, s}
	literal := func(ref.Val, ref.Val) ref.Val { return types.WrapErr(errNotLiteral) }
	return []cel.EnvOption{
		cel.Function(fnMatches,
			cel.Overload("matches", two, b),
			cel.MemberOverload("matches_string", two, b),
			cel.SingletonBinaryBinding(literal)),
		cel.Function(fnGlob, cel.Overload("glob_string_string", two, b, cel.BinaryBinding(literal))),
		cel.Function(fnUnder, cel.Overload("under_string_string", two, b, cel.BinaryBinding(pair(under)))),
		cel.Function(fnCIDR, cel.Overload("cidr_string_string", two, b, cel.BinaryBinding(pair(inNetwork)))),
		cel.Function(fnLower, cel.Overload("lower_string", []*cel.Type{s}, s, cel.UnaryBinding(lower))),
	}
}

// patternAt is which argument of a function is a pattern.
func patternAt(function string) (int, bool) {
	switch function {
	case fnMatches:
		return 1, true
	case fnGlob:
		return 0, true
	}
	return 0, false
}

// patterns compiles the literal patterns of an expression, once, and tells their
// prices.
func patterns(p *prices) cel.ProgramOption {
	return cel.OptimizeRegex(
		&interpreter.RegexOptimization{Function: fnMatches, RegexIndex: 1, Factory: p.newMatches},
		&interpreter.RegexOptimization{Function: fnGlob, RegexIndex: 0, Factory: p.newGlob},
	)
}

func (p *prices) newMatches(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
	re, size, err := compileRegexp(pattern)
	if err != nil {
		return nil, err
	}
	p.weights[pattern] = max(p.weights[pattern], size)
	return textCall(call, 0, size, func(s string) (bool, error) { return re.MatchString(s), nil }), nil
}

func (p *prices) newGlob(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
	if err := checkGlob(pattern); err != nil {
		return nil, err
	}
	weight := globWeight(pattern)
	p.weights[pattern] = max(p.weights[pattern], weight)
	return textCall(call, 1, weight, func(s string) (bool, error) {
		// A star crosses no line: a text with a control character is none of any pattern,
		// and no deny must be got past with one.
		if strings.ContainsFunc(s, unicode.IsControl) {
			return false, errControl
		}
		return doublestar.MatchUnvalidated(pattern, s), nil
	}), nil
}

// textCall is a call that asks about the text at an argument, which costs weight
// for every byte.
func textCall(call interpreter.InterpretableCall, at, weight int, ask func(string) (bool, error)) interpreter.InterpretableCall {
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		if at >= len(args) {
			return types.NoSuchOverloadErr()
		}
		s, ok := args[at].(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args[at])
		}
		if len(s)*weight > maxWork {
			return types.WrapErr(errLongText)
		}
		yes, err := ask(string(s))
		if err != nil {
			return types.WrapErr(err)
		}
		return types.Bool(yes)
	})
}

func compileRegexp(pattern string) (*regexp.Regexp, int, error) {
	if len(pattern) > maxRegexp {
		return nil, 0, fmt.Errorf("the regular expression is longer than %d bytes", maxRegexp)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, 0, fmt.Errorf("the regular expression is malformed: %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, 0, fmt.Errorf("the regular expression is malformed: %w", err)
	}
	if len(program.Inst) > maxProgram {
		return nil, 0, fmt.Errorf("the regular expression is larger than %d instructions: write smaller repeats", maxProgram)
	}
	re, err := regexp.Compile(pattern)
	return re, len(program.Inst), err
}

func checkGlob(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("the glob is empty")
	case len(pattern) > maxGlob:
		return fmt.Errorf("the glob is longer than %d bytes", maxGlob)
	case !utf8.ValidString(pattern) || !doublestar.ValidatePattern(pattern):
		return errors.New("the glob is malformed: a bracket, a brace or a backslash is left open")
	case strings.Count(pattern, "{") > maxBraces:
		return fmt.Errorf("the glob has more than %d braces", maxBraces)
	case globWeight(pattern) > maxProgram:
		return errors.New("the glob has too many alternatives: each combination is tried")
	}
	return nil
}

// globWeight is at least the bytes of a pattern's every combination of
// alternatives: with k braces and n commas there are at most (n/k + 1)^k.
func globWeight(pattern string) int {
	braces, commas := strings.Count(pattern, "{"), strings.Count(pattern, ",")
	weight := float64(len(pattern))
	for range min(braces, maxBraces) {
		weight *= float64(commas)/float64(braces) + 1
	}
	return int(weight)
}

func pair(ask func(a, b string) (bool, error)) func(a, b ref.Val) ref.Val {
	return func(a, b ref.Val) ref.Val {
		x, ok := a.(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(a)
		}
		y, ok := b.(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(b)
		}
		yes, err := ask(string(x), string(y))
		if err != nil {
			return types.WrapErr(err)
		}
		return types.Bool(yes)
	}
}

// under tells whether path is dir or lies below it, component by component. It
// compares texts and opens nothing. What another reader could take for another
// path is an error: a ".." component, a backslash, a NUL, percent-encoding of any
// of these or of a slash, or one of the two relative and the other not.
func under(dir, path string) (bool, error) {
	for _, s := range [...]string{dir, path} {
		if err := checkPath(s); err != nil {
			return false, err
		}
	}
	if strings.HasPrefix(dir, "/") != strings.HasPrefix(path, "/") {
		return false, errPath
	}
	for dir != "" {
		var want, got string
		want, dir = component(dir)
		if want == "" {
			break
		}
		got, path = component(path)
		if want != got {
			return false, nil
		}
	}
	return true, nil
}

// component takes the first one off a path, without empty ones and "."; it is
// empty at the end.
func component(path string) (first, rest string) {
	for path != "" {
		first, path, _ = strings.Cut(path, "/")
		if first != "" && first != "." {
			return first, path
		}
	}
	return "", ""
}

func checkPath(s string) error {
	if s == "" || len(s) > maxPath || !utf8.ValidString(s) || strings.ContainsAny(s, "\\\x00") {
		return errPath
	}
	for c, rest := component(s); c != ""; c, rest = component(rest) {
		if c == ".." {
			return errPath
		}
	}
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		switch strings.ToLower(s[i+1 : i+3]) {
		case "2e", "2f", "5c", "25", "00":
			return errPath
		}
	}
	return nil
}

// inNetwork tells whether an address is of a network in CIDR notation (RFC 4632).
// An IPv4 address in IPv6 is that IPv4 address.
func inNetwork(network, address string) (bool, error) {
	prefix, err := parseNetwork(network)
	if err != nil {
		return false, err
	}
	if len(address) > maxCIDR {
		return false, errAddress
	}
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Zone() != "" {
		return false, errAddress
	}
	return prefix.Contains(addr.Unmap()), nil
}

func parseNetwork(network string) (netip.Prefix, error) {
	if len(network) > maxCIDR {
		return netip.Prefix{}, errNetwork
	}
	prefix, err := netip.ParsePrefix(network)
	if err != nil || prefix != prefix.Masked() || prefix.Addr().Is4In6() {
		return netip.Prefix{}, errNetwork
	}
	return prefix, nil
}

func lower(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	if len(s) > maxLower {
		return types.WrapErr(errLongText)
	}
	return types.String(strings.ToLower(string(s)))
}
