// Package sql is the built-in server of kind sql: one statement at a time that reads
// tables of a PostgreSQL, MySQL, MariaDB or SQLite database, and what there is to read. It knows nothing
// of Doorward but the judge of statements; what a client may call is the gateway's affair.
//
// That nothing is written rests on four layers, each of which holds alone as far as it
// goes: the judge passes one SELECT with harmless functions over listed tables; the
// transaction, or the file, is open for reading only; the role of the database may not
// write, or SQLite's authorizer denies what is no reading of a listed table; and the
// connection is reset or closed after each call.
package sql

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/policy/statement"
)

// Bounds of one server.
const (
	maxCalls  = 8       // that the database is asked for at once, and connections of a pool
	maxParams = 1000    // of one statement
	maxTables = 1000    // that schema tells of
	maxCell   = 8 << 20 // bytes of one value, or of one row, of the database

	// Of SQLite, which cannot be interrupted while it looks through one value.
	minCell    = 2 << 20   // bytes that a value may have where Bytes are fewer; it has Bytes otherwise
	maxPattern = 256       // bytes of what LIKE and GLOB look for
	maxMemory  = 128 << 20 // bytes that a statement may take, unless Settings say otherwise
)

// Settings are what app makes a server of.
type Settings struct {
	Name    string                 // of the upstream
	DSN     func() (string, error) // the database's URL as it is by now; asked for each call
	Tables  []string               // as statement.Rule has them
	Mask    map[string][]string    // by table, columns that nobody reads
	Timeout time.Duration          // of one call
	Rows    int                    // of one answer
	Bytes   int64                  // of the rows of one answer, as JSON
	Memory  int64                  // bytes that one statement may take in SQLite; 0: maxMemory
	MaxCost int64                  // that PostgreSQL or MySQL may estimate for a statement, or rows that MariaDB may; 0: any
	Version string
	Health  func(error) // is told by each call that says something of the database: nil where it was answered, or why it cannot be read; nil for nobody
}

// server is one database that is read.
type server struct {
	set    Settings
	judges map[statement.Dialect]*statement.Judge
	turns  chan struct{} // one for each call at the database
	pool   pool
}

// database is one that can be asked now.
type database interface {
	query(ctx context.Context, q *asked) (*answer, error)
	tables(ctx context.Context) ([]table, error)
}

// New makes the server; stop ends what belongs to it. The database is not reached before
// the first call.
func New(set Settings) (s *mcp.Server, stop func(), err error) {
	set.Memory = cmp.Or(set.Memory, maxMemory)
	own := &server{set: set, judges: map[statement.Dialect]*statement.Judge{}, turns: make(chan struct{}, maxCalls)}
	if len(set.Tables) == 0 {
		return nil, nil, errors.New("no table is listed: nothing could be read")
	}
	for _, d := range []statement.Dialect{statement.Postgres, statement.MySQL, statement.SQLite} {
		j, faults := statement.New(statement.Rule{Dialect: d, Tables: set.Tables, JoinsByOn: len(set.Mask) > 0})
		if len(faults) > 0 {
			return nil, nil, fmt.Errorf("%s %s", faults[0].Field, faults[0].Text)
		}
		own.judges[d] = j
	}
	own.prepare()
	s = mcp.NewServer(&mcp.Implementation{Name: "doorward-sql", Title: "Database: " + set.Name, Version: set.Version}, &mcp.ServerOptions{
		Instructions: "Tables of one database, to read alone. schema says which they are and which dialect of SQL it is.",
		Logger:       slog.New(slog.DiscardHandler), // it would name statements
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	closed := false
	hints := func(title string) *mcp.ToolAnnotations {
		return &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed}
	}
	s.AddTool(&mcp.Tool{
		Name: "query", Annotations: hints("Query the database"), InputSchema: json.RawMessage(queryInput), OutputSchema: json.RawMessage(queryOutput),
		Description: fmt.Sprintf("Run one SELECT over the tables that schema lists, in the dialect that it names. Values belong into params. At most %d rows and %d bytes come back, within %s.", set.Rows, set.Bytes, set.Timeout),
	}, own.tool(func(ctx context.Context, db database, d statement.Dialect, arguments json.RawMessage) (any, error) {
		q, err := own.asked(d, arguments)
		if err != nil {
			return nil, err
		}
		return db.query(ctx, q)
	}))
	s.AddTool(&mcp.Tool{
		Name: "schema", Annotations: hints("Look at the tables"), InputSchema: json.RawMessage(schemaInput), OutputSchema: json.RawMessage(schemaOutput),
		Description: "Say which tables can be read, their columns, types and keys, and which dialect of SQL the database speaks.",
	}, own.tool(func(ctx context.Context, db database, d statement.Dialect, _ json.RawMessage) (any, error) {
		all, err := db.tables(ctx)
		if err != nil {
			return nil, err
		}
		if len(all) > maxTables {
			return nil, fmt.Errorf("there are more than %d tables: list fewer under tables", maxTables)
		}
		return described{Dialect: string(d), Tables: all}, nil
	}))
	return s, own.pool.close, nil
}

// prepare has the parser of PostgreSQL's SQL made now, where it will be needed: the first
// call would be late with it.
func (s *server) prepare() {
	if dsn, err := s.set.DSN(); err == nil {
		if at, err := parse(dsn); err == nil && at.dialect == statement.Postgres {
			statement.Prepare()
		}
	}
}

// work answers one call at the database.
type work func(ctx context.Context, db database, d statement.Dialect, arguments json.RawMessage) (any, error)

// tool has calls wait for their turn, bounds their time, and makes errors results, so that
// whoever wrote the statement reads what is wrong with it.
func (s *server) tool(do work) mcp.ToolHandler {
	return func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, s.set.Timeout, errLate)
		defer cancel()
		out, err := s.within(ctx, do, req.Params.Arguments)
		s.report(ctx, err)
		var wrong *jsonrpc.Error
		switch {
		case errors.As(err, &wrong):
			return nil, err
		case err != nil && ctx.Err() != nil:
			err = context.Cause(ctx)
		}
		if err != nil {
			r := &mcp.CallToolResult{}
			r.SetError(err)
			return r, nil
		}
		text, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("writing the answer: %w", err)
		}
		return &mcp.CallToolResult{StructuredContent: json.RawMessage(text), Content: []mcp.Content{&mcp.TextContent{Text: string(text)}}}, nil
	}
}

// errLate is the end of a call that took longer than it may.
var errLate = errors.New("the call took longer than it may: ask for less, or by an index")

func (s *server) within(ctx context.Context, do work, arguments json.RawMessage) (any, error) {
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turns }()
	dsn, err := s.set.DSN()
	if err != nil {
		return nil, &unfit{errNoURL, err}
	}
	at, err := parse(dsn)
	if err != nil {
		return nil, unlessFit(err)
	}
	switch at.dialect {
	case statement.SQLite:
		return do(ctx, &lite{path: at.path, set: &s.set, judge: s.judges[at.dialect]}, at.dialect, arguments)
	case statement.MySQL:
		return do(ctx, &my{dsn: dsn, set: &s.set, judge: s.judges[at.dialect]}, at.dialect, arguments)
	case statement.Postgres:
	}
	p, err := s.pool.at(dsn, s.set.DSN)
	if err != nil {
		return nil, unlessFit(err)
	}
	return do(ctx, &postgres{pool: p, set: &s.set}, at.dialect, arguments)
}
