package secrets

import "regexp/syntax"

// widths are the least and the most bytes that an expression matches which is made of
// classes of ASCII, literals, groups and counted repetitions.
func widths(expression string) (least, most int) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, 0 // nothing stands before what cannot be parsed
	}
	return width(parsed)
}

func width(e *syntax.Regexp) (least, most int) {
	switch e.Op { //nolint:exhaustive // no format has others before its literal
	case syntax.OpCharClass:
		return 1, 1
	case syntax.OpLiteral:
		return len(e.Rune), len(e.Rune)
	case syntax.OpRepeat:
		least, most = width(e.Sub[0])
		return least * e.Min, most * e.Max
	case syntax.OpConcat:
		for _, sub := range e.Sub {
			l, m := width(sub)
			least, most = least+l, most+m
		}
	}
	return least, most
}
