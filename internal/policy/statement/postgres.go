package statement

import (
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"
	pgquery "github.com/wasilibs/go-pgquery"
)

// maxWait is how long a statement waits for the parser; one takes a fraction of
// a millisecond as a rule, the largest that the bounds allow about 100.
const maxWait = 5 * time.Second

// parser lets one statement at a time to PostgreSQL's parser. The library makes
// another instance for each that comes meanwhile: a second of work, 270 MB while
// it is made, and about 30 MB for good.
type parser struct {
	free   chan struct{} // holds one token; none after a trap
	broken chan struct{} // closed by a trap
}

// postgres is the one parser of the process, as the instances behind it are.
//
//nolint:gochecknoglobals // the library's instances belong to the process; this bounds them
var postgres = newParser()

func newParser() *parser {
	p := &parser{free: make(chan struct{}, 1), broken: make(chan struct{})}
	p.free <- struct{}{}
	return p
}

// Prepare compiles PostgreSQL's parser, which takes more than a second and is done
// by whoever needs it first otherwise. App calls it before it serves a policy that
// has SQL to judge.
func Prepare() { postgres.parse("SELECT 1", 0) }

// parse returns the statements of the text, and waits no longer than that for the
// parser; 0 is for ever. After a trap in the machine the
// instance may be in any state, so nothing is parsed again in this process: the
// bounds are there that it never happens.
func (p *parser) parse(sql string, within time.Duration) (stmts []*pg.RawStmt, why string) {
	var late <-chan time.Time
	if within > 0 {
		wait := time.NewTimer(within)
		defer wait.Stop()
		late = wait.C
	}
	select {
	case <-p.free:
	case <-p.broken:
		return nil, "cannot be judged: the parser failed"
	case <-late:
		return nil, "cannot be judged now: the parser is busy"
	}
	trapped := true
	defer func() {
		if trapped {
			_ = recover()
			close(p.broken)
			stmts, why = nil, "cannot be judged: the parser failed"
			return
		}
		p.free <- struct{}{}
	}()
	tree, err := pgquery.Parse(sql)
	trapped = false
	if err != nil {
		return nil, "is not PostgreSQL that can be parsed"
	}
	return tree.GetStmts(), ""
}

func (j *Judge) judgePostgres(sql string) string {
	stmts, why := postgres.parse(sql, maxWait)
	switch {
	case why != "":
		return why
	case len(stmts) == 0:
		return "holds no statement"
	case len(stmts) > 1:
		return "holds more than one statement"
	}
	w := &walk{judge: j, callees: map[string]map[string]bool{}}
	w.gather(stmts[0].ProtoReflect())
	w.statement(stmts[0].GetStmt())
	return w.why
}
