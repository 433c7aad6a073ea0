package statement

// The bounds that keep a parser's stack short. libpg_query as WebAssembly fails
// at a tree about 4,000 operators deep, and an instance that failed once cannot
// be used again; these let through about a third of that.
const (
	maxLevels = 100   // parentheses, brackets and CASE inside one another
	maxChain  = 1_500 // tokens that may hang on one another without end
	maxJoins  = 200   // joins and set operations, which chain across commas
)

// bounded refuses what nests or chains too deep. A comma, AND and OR begin a new
// item of a flat list, so what came before on that level weighs no more.
func bounded(tokens []token) string {
	type level struct {
		run, between int
		cases        bool // opened by CASE
	}
	levels := make([]level, 1, maxLevels+2)
	chain, joins := 0, 0
	for _, t := range tokens {
		top := &levels[len(levels)-1]
		top.run++
		chain++
		flat := false
		switch {
		case t.kind != word && t.kind != symbol:
		case t.is("("), t.is("["), t.is("case"):
			levels = append(levels, level{cases: t.is("case")})
		case t.is("end") && !top.cases: // a name
		case t.is(")"), t.is("]"), t.is("end"):
			if len(levels) == 1 {
				return "closes a parenthesis that it never opened"
			}
			chain -= top.run
			levels = levels[:len(levels)-1]
		case t.is("between"):
			top.between++
		case t.is("and") && top.between > 0:
			top.between--
		case t.is(","), t.is("and"), t.is("or"):
			flat = true
		case t.is("join"), t.is("union"), t.is("except"), t.is("intersect"), t.is("minus"):
			joins++
		}
		if flat {
			chain -= top.run
			top.run = 0
		}
		if len(levels) > maxLevels || chain > maxChain || joins > maxJoins {
			return "nests or chains too deep"
		}
	}
	if len(levels) > 1 {
		return "leaves a parenthesis or a CASE open"
	}
	return ""
}
