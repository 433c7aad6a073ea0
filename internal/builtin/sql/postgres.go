package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// afterwards is how long it may take to end a transaction or a connection.
const afterwards = time.Second

// postgres is a database of PostgreSQL.
type postgres struct {
	pool *pgxpool.Pool
	set  *Settings
}

// begin begins a transaction in which nothing can be written and nothing goes on for ever,
// and whose texts are in one form.
const begin = `BEGIN READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = %[1]d; SET LOCAL idle_in_transaction_session_timeout = %d;
SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1; SET LOCAL standard_conforming_strings = on; SET LOCAL backslash_quote = safe_encoding`

// reading does something in a transaction that only reads. A connection whose call was
// ended is not used again: what ended it may come late.
func (p *postgres) reading(ctx context.Context, do func(c *pgx.Conn) error) error {
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		return unlessFit(connectFault(err))
	}
	defer c.Release()
	pg := c.Conn().PgConn()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
		defer cancel()
		if ctx.Err() != nil || run(end, pg, "ROLLBACK") != nil {
			_ = pg.Close(end)
		}
	}()
	if err := run(ctx, pg, fmt.Sprintf(begin, p.set.Timeout.Milliseconds(), (p.set.Timeout+afterwards).Milliseconds())); err != nil {
		return queryFault(err)
	}
	if err := p.masksHold(ctx, c.Conn()); err != nil {
		return unlessFit(err)
	}
	return do(c.Conn())
}

// run runs statements of ours that give nothing.
func run(ctx context.Context, pg *pgconn.PgConn, statements string) error {
	allow(pg, oneWord)
	_, err := pg.Exec(ctx, statements).ReadAll()
	return err
}

func (p *postgres) query(ctx context.Context, q *asked) (out *answer, err error) {
	params := make([][]byte, len(q.params))
	for i, v := range q.params {
		params[i] = literal(v)
	}
	err = p.reading(ctx, func(c *pgx.Conn) error {
		limited := fmt.Sprintf("SELECT * FROM (\n%s\n) AS doorward_answer LIMIT %d", q.sql, p.set.Rows+1)
		if err := p.affordable(ctx, c.PgConn(), limited, params); err != nil {
			return err
		}
		out, err = p.read(ctx, c, limited, params)
		return err
	})
	return out, err
}

// literal is a parameter in PostgreSQL's text format; the type is the one that the
// statement needs there.
func literal(v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(nil, v)
	case json.Number:
		return []byte(v)
	case string:
		return []byte(v)
	}
	return nil
}

// affordable refuses what PostgreSQL's planner takes for too expensive.
func (p *postgres) affordable(ctx context.Context, pg *pgconn.PgConn, stmt string, params [][]byte) error {
	if p.set.MaxCost == 0 {
		return nil
	}
	allow(pg, oneRow)
	r := pg.ExecParams(ctx, "EXPLAIN (FORMAT JSON) "+stmt, params, nil, nil, nil).Read()
	if r.Err != nil {
		return queryFault(r.Err)
	}
	var plans []struct {
		Plan struct {
			Cost *float64 `json:"Total Cost"`
		}
	}
	if len(r.Rows) != 1 || len(r.Rows[0]) != 1 || json.Unmarshal(r.Rows[0][0], &plans) != nil || len(plans) != 1 || plans[0].Plan.Cost == nil {
		return fmt.Errorf("the cost of the statement cannot be told, and max_cost is %d", p.set.MaxCost)
	}
	if cost := *plans[0].Plan.Cost; cost > float64(p.set.MaxCost) {
		return fmt.Errorf("the statement would cost %.0f by PostgreSQL's estimate, and %d is the most: ask for less, or by an index", cost, p.set.MaxCost)
	}
	return nil
}

// read runs the statement and reads as much of its answer as may be given.
func (p *postgres) read(ctx context.Context, c *pgx.Conn, stmt string, params [][]byte) (*answer, error) {
	pg := c.PgConn()
	allow(pg, oneRow+8*p.set.Bytes) // a row has less than eight times the bytes that it has in JSON
	rows := pg.ExecParams(ctx, stmt, params, nil, nil, nil)
	out := newAnswer(p.set)
	fields := append([]pgconn.FieldDescription(nil), rows.FieldDescriptions()...)
	for more := true; more && rows.NextRow(); {
		values := rows.Values()
		if len(values) != len(fields) {
			return nil, errors.New("a row of the database has not as many values as there are columns")
		}
		row := make([]any, len(values))
		for i, v := range values {
			row[i] = fromPostgres(fields[i].DataTypeOID, v)
		}
		var err error
		if more, err = out.add(row); err != nil {
			return nil, err
		}
	}
	if out.Truncated && out.Limit == "bytes" { // there may be much more: it is not waited for
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
		defer cancel()
		_ = pg.Close(end)
		_, _ = rows.Close()
	} else if _, err := rows.Close(); err != nil {
		return nil, queryFault(err)
	}
	names, err := typeNames(ctx, c, fields)
	if err != nil {
		return nil, queryFault(err)
	}
	for i := range fields {
		out.Columns = append(out.Columns, column{fields[i].Name, names[i]})
	}
	return out, nil
}

// typeNames are the names of columns' types. One of the database's own is asked for, unless
// the connection has ended: then it is left empty.
func typeNames(ctx context.Context, c *pgx.Conn, fields []pgconn.FieldDescription) ([]string, error) {
	out := make([]string, len(fields))
	for i, f := range fields {
		if t, ok := c.TypeMap().TypeForOID(f.DataTypeOID); ok {
			if name, array := strings.CutPrefix(t.Name, "_"); array {
				out[i] = name + "[]"
			} else {
				out[i] = t.Name
			}
			continue
		}
		if c.IsClosed() {
			continue
		}
		allow(c.PgConn(), oneWord)
		r := c.PgConn().ExecParams(ctx, "SELECT pg_catalog.format_type($1, NULL)", [][]byte{strconv.AppendUint(nil, uint64(f.DataTypeOID), 10)}, []uint32{pgtype.OIDOID}, nil, nil).Read()
		if r.Err != nil {
			return nil, r.Err
		}
		if len(r.Rows) == 1 && len(r.Rows[0]) == 1 {
			out[i] = string(r.Rows[0][0])
		}
	}
	return out, nil
}
