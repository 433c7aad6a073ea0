package sql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"doorward/internal/dsn"
	"doorward/internal/policy/statement"
)

// my is a database of MySQL or MariaDB. Each call opens a connection and ends it: nothing
// else takes back all that a call may leave in one, for the driver has no
// COM_RESET_CONNECTION.
type my struct {
	dsn   string
	set   *Settings
	judge *statement.Judge
}

// reading does something at a connection that has been found to be as it must be, in a
// transaction that only reads.
func (m *my) reading(ctx context.Context, do func(v *visit) error) error {
	cfg, err := dsn.MySQL(m.dsn)
	if err != nil {
		return unlessFit(err)
	}
	// A server that stalls is waited for until the call is late, and a little.
	cfg.ReadTimeout = m.set.Timeout + afterwards
	found := false // to be as it must be
	err = visiting(ctx, cfg, func(v *visit) error {
		return m.visited(ctx, v, func(v *visit) error {
			found = true
			return do(v)
		})
	})
	if !found {
		err = unlessFit(err)
	}
	return err
}

func (m *my) visited(ctx context.Context, v *visit, do func(v *visit) error) error {
	if err := v.settle(ctx, m.set.Timeout); err != nil {
		return err
	}
	if err := m.mayOnlyRead(ctx, v); err != nil {
		return err
	}
	if err := v.begin(ctx); err != nil {
		return err
	}
	return do(v)
}

func (m *my) query(ctx context.Context, q *asked) (out *answer, err error) {
	named, common, why := m.judge.Reads(q.sql)
	if why != "" {
		return nil, fmt.Errorf("the statement %s", why)
	}
	args := make([]any, len(q.params))
	for i, p := range q.params {
		if args[i], err = boundMySQL(p); err != nil {
			return nil, err
		}
	}
	err = m.reading(ctx, func(v *visit) error {
		if err := m.areTables(ctx, v, named, common); err != nil {
			return err
		}
		if err := m.affordable(ctx, v, q.sql, args); err != nil {
			return err
		}
		// A query in FROM would lose its order here. A LIMIT of the statement's own overrides it.
		if err := v.run(ctx, fmt.Sprintf("SET SESSION sql_select_limit = %d", m.set.Rows+1)); err != nil {
			return err
		}
		out, err = v.answer(ctx, m.set, q.sql, args)
		return err
	})
	return out, err
}

// answer runs a statement and reads as much of what it gives as may be given. What is left
// is not waited for: the connection is cut.
func (v *visit) answer(ctx context.Context, set *Settings, stmt string, args []any) (*answer, error) {
	read, stop := context.WithCancel(ctx)
	defer stop()
	v.wire.columns = maxColumns
	v.wire.allow(oneRow)
	rows, end, err := v.ask(read, stmt, args)
	if err != nil {
		return nil, v.fault(err)
	}
	defer end()
	out, err := v.gather(set, rows)
	if err != nil {
		v.cut = true
		stop()
		return nil, err
	}
	if out.Limit == "bytes" || out.Truncated && rows.Next() {
		v.cut = true
		stop()
	}
	return out, nil
}

// ask prepares a statement, which must be one alone for that, and runs it. end closes what
// it left open.
func (v *visit) ask(ctx context.Context, stmt string, args []any) (rows *sql.Rows, end func(), err error) {
	prepared, err := v.conn.PrepareContext(ctx, stmt)
	if err != nil {
		return nil, nil, err
	}
	rows, err = prepared.QueryContext(ctx, args...)
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		_ = prepared.Close()
		return nil, nil, err
	}
	return rows, func() { _, _ = rows.Close(), prepared.Close() }, nil
}

// gather takes in rows until there are no more, or no more may be.
func (v *visit) gather(set *Settings, rows *sql.Rows) (*answer, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, v.fault(err)
	}
	out := newAnswer(set)
	row, to := make([]any, len(types)), make([]any, len(types))
	for i, t := range types {
		out.Columns = append(out.Columns, column{t.Name(), typeOf(t.DatabaseTypeName())})
		to[i] = &row[i]
	}
	for more := true; more; {
		v.wire.allow(oneRow)
		if !rows.Next() {
			break
		}
		if err := rows.Scan(to...); err != nil {
			return nil, v.fault(err)
		}
		for i := range row {
			row[i] = fromMySQL(row[i], out.Columns[i].Type)
		}
		if more, err = out.add(row); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, v.fault(err)
	}
	return out, nil
}

// typeOf is a type as the dialect writes it, from the driver's name of it.
func typeOf(name string) string {
	name = strings.ToLower(name)
	if plain, ok := strings.CutPrefix(name, "unsigned "); ok {
		return plain + " unsigned"
	}
	return name
}
