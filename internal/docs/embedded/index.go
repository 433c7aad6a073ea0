package embedded

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"

	"doorward/internal/docs"
)

// Index is a file of documents.
type Index struct {
	path string
	room int64 // bytes of the vectors that may be kept

	kept    atomic.Pointer[kept] // nil: none
	loading sync.Mutex           // held by the search that reads the vectors
	seen    string               // state that a search found in place of the kept one, with loading held

	mu     sync.Mutex
	now    *opened // nil: the file was not there yet
	closed bool
}

// opened is a file that is open to be read from. It is closed when another one is in its
// place, or the index is closed, and no call reads from it any more.
type opened struct {
	db    *sql.DB
	file  os.FileInfo
	calls int  // that read from it
	over  bool // no further call is to
}

// New makes the index of a file at an absolute path. The file is looked for when something
// is asked, and made when something is written: no call that reads makes it.
func New(path string) *Index { return &Index{path: path, room: maxKept} }

// errClosed is that of an index that was closed.
var errClosed = errors.New("the index is closed")

// reading is the file as it is there now: ErrEmpty where it is not. One that was put in
// its place is opened anew. Whoever was given it leaves it.
func (x *Index) reading(ctx context.Context) (*opened, error) {
	info, err := os.Lstat(x.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, docs.ErrEmpty
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errForeign
	}
	if o, err := x.entered(info); o != nil || err != nil {
		return o, err
	}
	db, err := openToRead(ctx, x.path) // nobody waits for it
	if err != nil {
		return nil, err
	}
	o, idle, err := x.enter(&opened{db: db, file: info})
	if idle != nil {
		_ = idle.Close() // it was read from alone
	}
	return o, err
}

// entered counts a call in where that file is the one that is open; nil: it is another.
func (x *Index) entered(info os.FileInfo) (*opened, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, errClosed
	}
	if x.now == nil || !os.SameFile(info, x.now.file) {
		return nil, nil
	}
	x.now.calls++
	return x.now, nil
}

// enter puts a file that was opened in place of the one before, and counts the call in. It
// returns also what is to be closed: the one before, or this one where another call was
// quicker.
func (x *Index) enter(o *opened) (entered *opened, idle *sql.DB, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed:
		return nil, o.db, errClosed
	case x.now != nil && os.SameFile(o.file, x.now.file):
		idle = o.db
	default:
		idle, x.now = x.end(), o
	}
	x.now.calls++
	return x.now, idle, nil
}

// end lets no further call read from the file that is open, and returns what is to be closed;
// nil: the last call does. mu is held.
func (x *Index) end() (idle *sql.DB) {
	o := x.now
	x.now = nil
	x.kept.Store(nil)
	if o == nil {
		return nil
	}
	if o.over = true; o.calls > 0 {
		return nil
	}
	return o.db
}

// leave counts a call out.
func (x *Index) leave(o *opened) {
	x.mu.Lock()
	o.calls--
	idle := o.over && o.calls == 0
	x.mu.Unlock()
	if idle {
		_ = o.db.Close() // it was read from alone
	}
}

// Close implements docs.Index. Calls that are under way end as they would.
func (x *Index) Close() error {
	x.mu.Lock()
	x.closed = true
	idle := x.end()
	x.mu.Unlock()
	if idle == nil {
		return nil
	}
	return idle.Close()
}

// generation is a row of generations, with what the tables say.
type generation struct {
	number  int64
	name    string
	state   string // another one with each change
	made    docs.Description
	reports int
}

// look does something in the file as it is at one moment.
func (x *Index) look(ctx context.Context, do func(tx *sql.Tx, g *generation) error) error {
	o, err := x.reading(ctx)
	if err != nil {
		return err
	}
	defer x.leave(o)
	tx, err := o.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fault(err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	g, err := used(ctx, tx)
	if err == nil {
		err = do(tx, g)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault(err)
}

// within is look in a generation that is still in use.
func (x *Index) within(ctx context.Context, name string, do func(tx *sql.Tx, g *generation) error) error {
	err := x.look(ctx, func(tx *sql.Tx, g *generation) error {
		if g.name != name {
			return docs.ErrGone
		}
		return do(tx, g)
	})
	if errors.Is(err, docs.ErrEmpty) {
		return docs.ErrGone // the file was removed
	}
	return err
}

// reads is a database or a transaction.
type reads interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// used is the generation in use; ErrEmpty.
func used(ctx context.Context, db reads) (*generation, error) {
	g, err := one(ctx, db, "SELECT number, name, made, state FROM generations WHERE used")
	if errors.Is(err, sql.ErrNoRows) {
		return nil, docs.ErrEmpty
	}
	return g, err
}

// holds finds what sqlite-vec was told of a vector's length, in the words of its table.
var holds = regexp.MustCompile(`float\[(\d+)\]`)

// one is the generation that a statement finds; sql.ErrNoRows.
func one(ctx context.Context, db reads, stmt string) (*generation, error) {
	g := &generation{}
	var made, table string
	if err := db.QueryRowContext(ctx, stmt).Scan(&g.number, &g.name, &made, &g.state); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(made), &g.made); err != nil {
		return nil, fmt.Errorf("reading what a generation was made with: %w", err)
	}
	err := db.QueryRowContext(ctx, "SELECT sql FROM sqlite_schema WHERE name = ?", fmt.Sprintf("vectors_%d", g.number)).Scan(&table)
	if err != nil {
		return nil, fmt.Errorf("looking at the table of vectors: %w", err)
	}
	if found := holds.FindStringSubmatch(table); found != nil {
		g.reports, err = strconv.Atoi(found[1])
	}
	return g, err
}

// State implements docs.Index.
func (x *Index) State(ctx context.Context) (s docs.State, err error) {
	err = x.look(ctx, func(tx *sql.Tx, g *generation) error {
		s = docs.State{Generation: g.name, Mark: g.state, Made: g.made, Reports: g.reports}
		return nil
	})
	return s, err
}

// Count implements docs.Writable.
func (x *Index) Count(ctx context.Context, name string) (n docs.Counts, err error) {
	err = x.within(ctx, name, func(tx *sql.Tx, g *generation) error {
		return tx.QueryRowContext(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM documents_%[1]d), (SELECT count(*) FROM passages_%[1]d)", g.number)).Scan(&n.Documents, &n.Passages)
	})
	return n, err
}

// List implements docs.Index.
func (x *Index) List(ctx context.Context, l docs.Listing) (all []docs.Document, err error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	err = x.within(ctx, l.Generation, func(tx *sql.Tx, g *generation) error {
		may, args := readable(g.number, l.Roles)
		rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM documents_%d AS d WHERE %s AND d.uri > ? ORDER BY d.uri LIMIT ?", columns, g.number, may), append(args, l.After, l.Limit)...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err has told what went wrong
		for rows.Next() {
			var d documentRow
			if err := rows.Scan(d.into()...); err != nil {
				return err
			}
			kept, err := d.document()
			if err != nil {
				return err
			}
			all = append(all, kept)
		}
		return rows.Err()
	})
	return all, err
}

// Read implements docs.Index.
func (x *Index) Read(ctx context.Context, name, uri string, roles []string) (d docs.Document, passages []docs.Passage, err error) {
	err = x.within(ctx, name, func(tx *sql.Tx, g *generation) error {
		var row documentRow
		var id int64
		may, args := readable(g.number, roles)
		err := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT %s, d.id FROM documents_%d AS d WHERE %s AND d.uri = ?", columns, g.number, may), append(args, uri)...).Scan(append(row.into(), &id)...)
		if errors.Is(err, sql.ErrNoRows) {
			return docs.ErrNone
		}
		if err != nil {
			return err
		}
		if d, err = row.document(); err != nil {
			return err
		}
		passages, err = passagesOf(ctx, tx, g.number, id)
		return err
	})
	return d, passages, err
}

// passagesOf are those of a document, in their order.
func passagesOf(ctx context.Context, db reads, number, document int64) (all []docs.Passage, err error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT name, heading, start, text FROM passages_%d WHERE document = ? ORDER BY id", number), document)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	for rows.Next() {
		var p docs.Passage
		if err := rows.Scan(&p.ID, &p.Heading, &p.Start, &p.Text); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
