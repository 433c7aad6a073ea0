package statement

import "slices"

// from is what follows FROM: tables, joined.
func (p *subset) from() {
	for {
		p.source()
		for p.join() {
			p.source()
			switch {
			case p.take("on"):
				p.expression()
			case !p.judge.joinsByOn && p.take("using"):
				p.must("(")
				p.names()
			}
		}
		if !p.take(",") {
			return
		}
	}
}

// join takes the words of one.
func (p *subset) join() bool {
	words := p.i
	natural := !p.judge.joinsByOn && p.take("natural")
	switch {
	case p.take("left", "right", "full"):
		p.take("outer")
		p.must("join")
	case p.take("inner", "cross"):
		p.must("join")
	case natural:
		p.must("join")
	default:
		p.take("join")
	}
	return p.why == "" && p.i > words
}

// source is one table, query, call or parenthesis in FROM, with its alias.
func (p *subset) source() {
	p.take("lateral")
	switch {
	case p.peek().is("(") && p.queryAhead(1):
		p.i++
		p.query()
		p.must(")")
	case p.take("("):
		p.from()
		p.must(")")
		return
	case p.ahead(1).is("(") || p.ahead(1).is(".") && p.ahead(3).is("("):
		p.rows()
	default:
		p.table()
	}
	switch {
	case p.take("as"):
		p.name()
	case p.isName():
		p.name()
	default:
		return
	}
	if p.judge.dialect == MySQL && p.take("(") {
		p.names()
	}
}

// queryAhead tells whether the token n ahead begins a query and not a list.
func (p *subset) queryAhead(n int) bool {
	t := p.ahead(n)
	return t.is("select") || t.is("with") || t.is("values") && (p.judge.dialect == SQLite || !p.ahead(n+1).is("(")) ||
		t.is("table") && p.judge.dialect == MySQL
}

// rows is a call in FROM. Whatever is callable there is a virtual table, so no
// other name is taken for a function than those two and the rule's own.
func (p *subset) rows() {
	if t := p.peek(); !t.is("json_each") && !t.is("json_tree") && !p.judge.functions[lower(t.text)] {
		p.fail("calls a function that is not allowed in FROM")
		return
	}
	p.call()
}

// table takes a table's name and judges it.
func (p *subset) table() {
	schema, name := "", p.name()
	if p.take(".") {
		schema, name = name, p.name()
	}
	if p.why != "" || schema == "" && p.scope.has(name) {
		return
	}
	if why := p.judge.table(schema, name); why != "" {
		p.fail(why)
		return
	}
	if schema != "" { // no part has a dot in it
		name = schema + "." + name
	}
	if !slices.Contains(p.tables, name) {
		p.tables = append(p.tables, name)
	}
}

// insert is INSERT INTO t [(columns)] query, or VALUES.
func (p *subset) insert() {
	p.must("insert")
	p.must("into")
	p.table()
	if p.peek().is("(") && !p.queryAhead(1) {
		p.i++
		p.names()
	}
	p.query()
	p.returning()
}

// update is UPDATE t SET column = expression, … [WHERE …].
func (p *subset) update() {
	p.must("update")
	p.table()
	p.must("set")
	for {
		p.name()
		p.must("=")
		p.expression()
		if !p.take(",") {
			break
		}
	}
	if p.take("where") {
		p.expression()
	}
	p.returning()
}

// delete is DELETE FROM t [WHERE …].
func (p *subset) delete() {
	p.must("delete")
	p.must("from")
	p.table()
	if p.take("where") {
		p.expression()
	}
	p.returning()
}

func (p *subset) returning() {
	if p.judge.dialect == SQLite && p.take("returning") {
		p.items()
	}
}
