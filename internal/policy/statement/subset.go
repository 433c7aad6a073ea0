package statement

import "slices"

// subset reads the part of SQL that MySQL and SQLite write alike, and judges
// tables and functions as it meets them. It takes expressions for what they hold,
// not for what they mean: operators have no precedence here, and text that the
// server will refuse may pass. No text passes of which a table or a call was not
// seen.
type subset struct {
	judge  *Judge
	tokens []token
	i      int
	why    string
	scope  *scope // names of common table expressions; folded
	tables []string
	common []string // names of all common table expressions
}

// judgeSubset says which tables a statement touches and what it calls its common table
// expressions, or why it may not pass.
func (j *Judge) judgeSubset(tokens []token) (tables, common []string, why string) {
	p := &subset{judge: j, tokens: tokens}
	p.statement()
	if p.why == "" && p.i < len(p.tokens) {
		p.outside()
	}
	if p.why != "" {
		return nil, nil, p.why
	}
	return p.tables, p.common, ""
}

// fail keeps the first reason and leaves no token, so that every loop ends.
func (p *subset) fail(why string) {
	if p.why == "" {
		p.why = why
	}
	p.i = len(p.tokens)
}

func (p *subset) outside() {
	p.fail("is outside of the SQL that can be judged" + naming(lower(p.peek().text)))
}

func (p *subset) peek() token { return p.ahead(0) }

func (p *subset) ahead(n int) token {
	if p.i+n < len(p.tokens) {
		return p.tokens[p.i+n]
	}
	return token{}
}

// take consumes the next token if it is one of those.
func (p *subset) take(words ...string) bool {
	for _, s := range words {
		if p.peek().is(s) {
			p.i++
			return true
		}
	}
	return false
}

func (p *subset) must(s string) {
	if !p.take(s) {
		p.outside()
	}
}

// reserved are words that are no name unless they are quoted. Those that begin
// something the subset lacks are here so that they cannot pass as an alias.
//
//nolint:gochecknoglobals // a table; read-only
var reserved = set(`select insert update delete replace from where group having order by limit offset window union
	intersect except minus values with recursive as on using join inner left right full outer cross natural
	straight_join distinct all distinctrow case when then else exists not and or xor is null in between like glob
	regexp rlike match escape collate div into outfile dumpfile procedure for lock load table set call
	interval default lateral create drop alter grant revoke explain describe show use handler rename kill
	binary against analyze returning indexed isnull notnull separator partition ignore force raise attach pragma`)

// options stand between SELECT and what it selects in MySQL, and are names elsewhere. As the
// name of a column they would make an alias of the word behind them.
//
//nolint:gochecknoglobals // a table; read-only
var options = set(`high_priority sql_cache sql_no_cache sql_calc_found_rows sql_buffer_result sql_big_result
	sql_small_result`)

// name takes a name and returns it folded, or fails.
func (p *subset) name() string {
	t := p.peek()
	if !p.isName() {
		p.outside()
		return ""
	}
	p.i++
	return p.judge.fold(t.text)
}

func (p *subset) isName() bool {
	t := p.peek()
	if t.kind != word {
		return t.kind == quoted
	}
	w := lower(t.text)
	return !reserved[w] && (p.judge.dialect != MySQL || !options[w])
}

func (p *subset) statement() {
	kind := "select"
	switch t := p.peek(); {
	case t.is("explain"):
		kind = "explain"
	case t.is("insert"), t.is("update"), t.is("delete"):
		kind = lower(t.text)
	case t.is("select"), t.is("with"), t.is("values"), t.is("table"), t.is("("):
	default:
		p.fail("is of a kind that is not allowed")
		return
	}
	if !p.judge.kinds[kind] {
		p.fail("is of a kind that is not allowed: " + kind)
		return
	}
	switch kind {
	case "explain":
		p.i++
		if p.judge.dialect == SQLite && p.take("query") {
			p.must("plan")
		}
		p.query()
	case "insert":
		p.insert()
	case "update":
		p.update()
	case "delete":
		p.delete()
	default:
		p.query()
	}
}

// query is [WITH …] operand {set operation operand} [ORDER BY] [LIMIT].
func (p *subset) query() {
	outer := p.scope
	defer func() { p.scope = outer }()
	if p.take("with") {
		p.with()
	}
	p.operand()
	for p.take("union", "intersect", "except", "minus") {
		_ = p.take("all") || p.take("distinct")
		p.operand()
	}
	p.order()
	if p.take("limit") {
		p.expression()
		if p.take("offset", ",") {
			p.expression()
		}
	}
}

// with takes common table expressions. One is in scope after it, and in itself
// with RECURSIVE; where a dialect sees more of them than that, the name has to
// be allowed as a table's too. MariaDB does not look around a WITH for what is
// named in it, and takes a table that is called so.
func (p *subset) with() {
	recursive := p.take("recursive")
	around, inside := p.scope, p.scope
	if p.judge.dialect == MySQL {
		inside = nil
	}
	for {
		name := p.name()
		if !slices.Contains(p.common, name) {
			p.common = append(p.common, name)
		}
		if p.take("(") {
			p.names()
		}
		p.must("as")
		if p.judge.dialect == SQLite {
			if p.take("not") || p.peek().is("materialized") {
				p.must("materialized")
			}
		}
		after := &scope{name, inside}
		p.scope = inside
		if recursive {
			p.scope = after
		}
		p.must("(")
		p.query()
		p.must(")")
		inside, around = after, &scope{name, around}
		p.scope = around
		if !p.take(",") {
			return
		}
	}
}

// names is the rest of (a, b).
func (p *subset) names() {
	for {
		p.name()
		if !p.take(",") {
			break
		}
	}
	p.must(")")
}

func (p *subset) operand() {
	switch {
	case p.take("("):
		p.query()
		p.must(")")
	case p.take("values"):
		for {
			_ = p.judge.dialect == MySQL && p.take("row")
			p.must("(")
			p.arguments()
			if !p.take(",") {
				return
			}
		}
	case p.judge.dialect == MySQL && p.take("table"):
		p.table()
	default:
		p.must("select")
		p.selected()
	}
}

// selected is what follows SELECT.
func (p *subset) selected() {
	_ = p.take("all") || p.take("distinct")
	p.items()
	if p.take("from") {
		p.from()
	}
	if p.take("where") {
		p.expression()
	}
	if p.take("group") {
		p.must("by")
		p.list()
		if p.take("with") {
			p.must("rollup")
		}
	}
	if p.take("having") {
		p.expression()
	}
	if p.take("window") {
		for {
			p.name()
			p.must("as")
			p.must("(")
			p.window()
			if !p.take(",") {
				return
			}
		}
	}
}

// items is expressions with aliases, and stars. A word that calls a function is no alias
// without AS: what is before it may be no column but an option that nobody knows here.
func (p *subset) items() {
	for {
		if !p.take("*") {
			p.expression()
			switch {
			case p.take("as"):
				if p.peek().kind == text {
					p.i++
				} else {
					p.name()
				}
			case p.peek().kind == word && callWords[lower(p.peek().text)]:
				p.outside()
			case p.isName():
				p.name()
			}
		}
		if !p.take(",") {
			return
		}
	}
}

func (p *subset) order() {
	if !p.take("order") {
		return
	}
	p.must("by")
	for {
		p.expression()
		_ = p.take("asc") || p.take("desc")
		if p.take("nulls") && !p.take("first") {
			p.must("last")
		}
		if !p.take(",") {
			return
		}
	}
}

// list is expressions.
func (p *subset) list() {
	for {
		p.expression()
		if !p.take(",") {
			return
		}
	}
}
