package statement

// expression is operands with infix words and operators between them.
func (p *subset) expression() {
	p.term()
	for p.infix() {
		p.term()
	}
}

// infix takes what stands between two operands, and first whatever may follow
// one: COLLATE, IS NULL.
func (p *subset) infix() bool {
	for {
		switch {
		case p.take("collate"):
			p.name()
		case p.take("isnull", "notnull"):
		case p.peek().is("is"):
			p.i++
			p.take("not")
			if !p.take("null", "true", "false", "unknown") {
				if p.take("distinct") {
					p.must("from")
				}
				return p.why == ""
			}
		case p.take("not"):
			if p.judge.dialect == SQLite && p.take("null") {
				continue
			}
			return p.take("in") && p.set() || p.take("between", "like", "glob", "regexp", "rlike") && p.matches() || p.failed()
		case p.take("in"):
			return p.set()
		case p.take("like", "glob", "regexp", "rlike", "match"):
			return p.matches()
		case p.take("and", "or", "xor", "between", "escape", "div", "mod"):
			return true
		case p.peek().kind == symbol && infixes[p.peek().text]:
			p.i++
			return true
		default:
			return false
		}
	}
}

//nolint:gochecknoglobals // a table; read-only
var infixes = set("+ - * / % || && | & ^ << >> = == <> != < > <= >= <=> -> ->>")

func (p *subset) failed() bool {
	p.outside()
	return false
}

// set takes care that IN is followed by a parenthesis: SQLite reads a bare name
// after it as a table.
func (p *subset) set() bool { return p.peek().is("(") || p.failed() }

// matches judges the functions behind the matching words of SQLite, of which
// two are not there unless the application made them.
func (p *subset) matches() bool {
	t := p.tokens[p.i-1]
	if p.judge.dialect == SQLite && (t.is("regexp") || t.is("rlike")) {
		if why := p.judge.function("regexp"); why != "" {
			p.fail(why)
		}
	}
	return p.why == ""
}

// term is one operand.
func (p *subset) term() {
	for p.take("not", "-", "+", "~", "!", "binary") {
		continue
	}
	switch t := p.peek(); {
	case t.kind == number || t.kind == param || t.kind == text:
		p.i++
	case p.take("null", "true", "false", "default"):
	case p.take("case"):
		p.cases()
	case p.take("exists"):
		p.must("(")
		p.query()
		p.must(")")
	case t.is("(") && p.queryAhead(1):
		p.i++
		p.query()
		p.must(")")
	case p.take("("):
		p.list()
		p.must(")")
	case t.is("interval") && !p.ahead(1).is("("), t.is("interval") && p.judge.dialect == MySQL:
		p.i++
		p.expression()
		p.name() // the unit
	case p.ahead(1).is("(") || p.ahead(1).is(".") && p.ahead(3).is("("):
		p.call()
	case t.kind == word && (t.is("date") || t.is("time") || t.is("timestamp")) && p.ahead(1).kind == text:
		p.i += 2
	default:
		p.column()
	}
}

// column is a, t.a, s.t.a or t.*; some words without parentheses are calls.
func (p *subset) column() {
	first := p.peek()
	p.name()
	if first.kind == word && !p.peek().is(".") && callWords[lower(first.text)] {
		if why := p.judge.function(lower(first.text)); why != "" {
			p.fail(why)
		}
	}
	for range 2 {
		if !p.take(".") {
			return
		}
		if p.take("*") {
			return
		}
		p.name()
	}
}

// callWords call a function without parentheses.
//
//nolint:gochecknoglobals // a table; read-only
var callWords = set(`current_date current_time current_timestamp current_user current_role session_user system_user user
	localtime localtimestamp utc_date utc_time utc_timestamp curdate curtime`)

// cases is what follows CASE.
func (p *subset) cases() {
	if !p.peek().is("when") {
		p.expression()
	}
	for p.take("when") {
		p.expression()
		p.must("then")
		p.expression()
	}
	if p.take("else") {
		p.expression()
	}
	p.must("end")
}

// call is a function with its arguments, and FILTER and OVER after it. Words
// that are reserved name functions too (LEFT, REPLACE, IF).
func (p *subset) call() {
	t := p.peek()
	if t.kind != word {
		p.fail("calls a function by a quoted name")
		return
	}
	p.i++
	name := lower(t.text)
	if p.take(".") {
		name += "." + p.judge.foldFunction(p.peek().text)
		p.name()
	}
	if why := p.judge.function(name); why != "" {
		p.fail(why)
		return
	}
	p.must("(")
	p.arguments()
	if p.take("filter") {
		p.must("(")
		p.must("where")
		p.expression()
		p.must(")")
	}
	if p.take("over") {
		if p.take("(") {
			p.window()
		} else {
			p.name()
		}
	}
}

// arguments is the rest of a call, with the words that some functions have
// between them: EXTRACT(… FROM …), CAST(… AS …), GROUP_CONCAT(… SEPARATOR …).
func (p *subset) arguments() {
	if p.take(")") {
		return
	}
	p.take("distinct")
	p.take("leading", "trailing", "both")
	if p.take("*") {
		p.must(")")
		return
	}
	for p.why == "" {
		if p.queryBare() {
			return
		}
		p.expression()
		switch {
		case p.take("as"):
			p.typeName()
		case p.take("using"):
			p.name()
		}
		p.order()
		if !p.take(",", "from", "for", "separator") {
			break
		}
	}
	p.must(")")
}

// queryBare refuses a query that stands as an argument without parentheses of
// its own.
func (p *subset) queryBare() bool {
	if t := p.peek(); t.is("select") || t.is("with") || t.is("table") {
		p.outside()
		return true
	}
	return false
}

// typeName is CHAR(10), DECIMAL(10, 2), UNSIGNED INTEGER.
func (p *subset) typeName() {
	p.name()
	for p.isName() {
		p.name()
	}
	if p.take("(") {
		for p.peek().kind == number {
			p.i++
			p.take(",")
		}
		p.must(")")
	}
}

// window is the rest of OVER (…).
func (p *subset) window() {
	if p.isName() && !p.peek().is("rows") && !p.peek().is("range") && !p.peek().is("groups") {
		p.name()
	}
	if p.take("partition") {
		p.must("by")
		p.list()
	}
	p.order()
	if p.take("rows", "range", "groups") {
		if p.take("between") {
			p.frame()
			p.must("and")
		}
		p.frame()
	}
	p.must(")")
}

func (p *subset) frame() {
	switch {
	case p.take("current"):
		p.must("row")
	case p.take("unbounded"):
		_ = p.take("preceding") || p.take("following") || p.failed()
	default:
		p.term()
		_ = p.take("preceding") || p.take("following") || p.failed()
	}
}
