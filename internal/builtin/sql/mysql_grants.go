package sql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// errAccount is that of an account that could do more than read tables. A role is not looked
// into: which of them are in force is told by each server in its own way.
var errAccount = errors.New("the database's account may do more than read, or has a role: its operator has to give Doorward one that may SELECT and nothing else, of its own")

// harmlessGrants are what an account may have: nothing, reading, and seeing what views and
// databases there are.
//
//nolint:gochecknoglobals // a table; read-only
var harmlessGrants = map[string]bool{"USAGE": true, "SELECT": true, "SHOW VIEW": true, "SHOW DATABASES": true}

// mayOnlyRead refuses an account that may do more than read, and one that may read a masked
// column: the server itself has to deny it, or a form of SQL that nobody thought of would
// read it. What everybody may (MariaDB's PUBLIC) is among the grants, too.
func (m *my) mayOnlyRead(ctx context.Context, v *visit) error {
	_, rows, err := v.told(ctx, "SHOW GRANTS")
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return &unfit{errRights, errAccount}
	}
	for _, row := range rows {
		g, ok := grantOf(row[0])
		if !ok {
			what, _, _ := strings.Cut(row[0], " TO ") // of a password, MariaDB tells behind it
			return &unfit{errRights, fmt.Errorf("%w (%s)", errAccount, what)}
		}
		if err := m.masksHold(v.cfg.DBName, g); err != nil {
			return &unfit{errMask, err}
		}
	}
	return m.masked(ctx, v)
}

// masked has the server itself deny each masked column. SHOW GRANTS does not tell what an
// account without a name or one of more hosts may, which is in force, too. By name MariaDB
// denies a column that is not there just so; in USING it says that it is not there. Such a
// one may have another name by now, and a table of which the account may read nothing may
// be another one than is meant.
func (m *my) masked(ctx context.Context, v *visit) error {
	for _, t := range slices.Sorted(maps.Keys(m.set.Mask)) {
		schema, name := split(v.cfg.DBName, t)
		at := literalName(schema) + "." + literalName(name)
		for _, column := range m.set.Mask[t] {
			joined, err := v.denies(ctx, fmt.Sprintf("SELECT 1 FROM %s JOIN (SELECT 1 AS %s) AS doorward_mask USING (%[2]s) LIMIT 0", at, literalName(column)))
			if err != nil {
				return err
			}
			named, err := v.denies(ctx, fmt.Sprintf("SELECT %s FROM %s LIMIT 0", literalName(column), at))
			switch {
			case err != nil:
				return err
			case joined == erNoTable || joined == erTableAbsent:
				return maskFault("columns of %s are masked, and it is not there, or the database's account may read nothing of it: its operator has to name it as it is called now, or take it out of mask and tables", t)
			case named == 0:
				return maskFault("the column %s of %s is masked, and the database's account may read it: its operator has to grant SELECT on the other columns alone", column, t)
			case joined == erColumnAbsent || named == erColumnAbsent:
				return maskFault("the column %s of %s is masked and not there: its operator has to name it as it is called now", column, t)
			}
		}
	}
	return nil
}

// maskFault is what is wrong with a mask, for the operator.
func maskFault(format string, args ...any) error { return &unfit{errMask, fmt.Errorf(format, args...)} }

// denies is the number of the error by which the server refuses a statement that the account
// may not run, or whose table or column is not there; 0: it does not.
func (v *visit) denies(ctx context.Context, stmt string) (uint16, error) {
	asked, err := v.conn.PrepareContext(ctx, stmt)
	if err == nil {
		_ = asked.Close()
		return 0, nil
	}
	said, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || !slices.Contains([]uint16{erNoTable, erNoColumn, erTableAbsent, erColumnAbsent}, said.Number) {
		return 0, v.fault(err)
	}
	return said.Number, nil
}

// literalName is a name in a statement of ours.
func literalName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// masksHold refuses a grant by which a masked column can be read.
func (m *my) masksHold(database string, g *grant) error {
	for _, t := range slices.Sorted(maps.Keys(m.set.Mask)) {
		schema, name := split(database, t)
		same := strings.EqualFold(g.schema, schema) && strings.EqualFold(g.table, name)
		if g.reads && (g.table == "*" || same) {
			return fmt.Errorf("columns of %s are masked, and the database's account may read all of it: its operator has to grant SELECT on the other columns alone", t)
		}
		for _, column := range m.set.Mask[t] {
			if same && slices.ContainsFunc(g.columns, func(c string) bool { return strings.EqualFold(c, column) }) {
				return fmt.Errorf("the column %s of %s is masked, and the database's account may read it: its operator has to grant SELECT on the other columns alone", column, t)
			}
		}
	}
	return nil
}

// split is the database and the table of a name.
func split(database, t string) (schema, name string) {
	if s, n, ok := strings.Cut(t, "."); ok {
		return s, n
	}
	return database, t
}

// grant is one line of SHOW GRANTS.
type grant struct {
	schema, table string
	reads         bool     // all columns
	columns       []string // that it lets be read, where they are named
}

// grantOf reads a line of SHOW GRANTS: GRANT privilege [(columns)], … ON schema.table TO ….
// It is not ok if it gives more than reading, or is of another form. REVOKE takes away
// (MySQL's partial revokes): as if it were not there.
func grantOf(line string) (g *grant, ok bool) {
	p := &grantLine{tokens: grantTokens(line)}
	if p.take("REVOKE") {
		return &grant{}, true
	}
	if !p.take("GRANT") {
		return nil, false
	}
	g = &grant{}
	for {
		columns, privilege := p.privilege()
		if !harmlessGrants[privilege] {
			return nil, false
		}
		if privilege == "SELECT" {
			g.reads = g.reads || columns == nil
			g.columns = append(g.columns, columns...)
		}
		if !p.take(",") {
			break
		}
	}
	if !p.take("ON") {
		return nil, false
	}
	_ = p.take("TABLE")
	g.schema = p.name()
	if !p.take(".") {
		return nil, false
	}
	g.table = p.name()
	if !p.take("TO") || g.schema == "" || g.table == "" {
		return nil, false
	}
	for ; p.i < len(p.tokens); p.i++ { // WITH GRANT OPTION, WITH ADMIN OPTION
		if p.at("OPTION") {
			return nil, false
		}
	}
	return g, true
}

// grantLine is a line of SHOW GRANTS that is read.
type grantLine struct {
	tokens []grantToken
	i      int
}

type grantToken struct {
	text   string
	quoted bool
}

func (p *grantLine) at(word string) bool {
	return p.i < len(p.tokens) && !p.tokens[p.i].quoted && p.tokens[p.i].text == word
}

func (p *grantLine) take(word string) bool {
	if p.at(word) {
		p.i++
		return true
	}
	return false
}

// name is a quoted name, or a star.
func (p *grantLine) name() string {
	if p.i < len(p.tokens) && (p.tokens[p.i].quoted || p.at("*")) {
		p.i++
		return p.tokens[p.i-1].text
	}
	return ""
}

// privilege is words and the columns in parentheses behind them; nil: there are none.
func (p *grantLine) privilege() (columns []string, words string) {
	var all []string
	for p.i < len(p.tokens) && !p.tokens[p.i].quoted && !p.at("(") && !p.at(",") && !p.at("ON") {
		all = append(all, p.tokens[p.i].text)
		p.i++
	}
	if p.take("(") {
		columns = []string{}
		for p.i < len(p.tokens) && !p.take(")") {
			if !p.take(",") {
				columns = append(columns, p.tokens[p.i].text)
				p.i++
			}
		}
	}
	return columns, strings.Join(all, " ")
}

// grantTokens are the words, marks and quoted names of a line. A quote is doubled within
// its like.
func grantTokens(line string) (all []grantToken) {
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ':
			i++
		case c == '`' || c == '"' || c == '\'':
			var name strings.Builder
			for i++; i < len(line); i++ {
				if line[i] != c {
					name.WriteByte(line[i])
				} else if i+1 < len(line) && line[i+1] == c {
					name.WriteByte(c)
					i++
				} else {
					break
				}
			}
			i++
			all = append(all, grantToken{name.String(), true})
		case strings.IndexByte("(),.*@", c) >= 0:
			all = append(all, grantToken{text: string(c)})
			i++
		default:
			n := strings.IndexAny(line[i:], " `\"'(),.*@")
			if n < 0 {
				n = len(line) - i
			}
			all = append(all, grantToken{text: line[i : i+n]})
			i += n
		}
	}
	return all
}
