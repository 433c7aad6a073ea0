package embedded

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"doorward/internal/docs"
)

// Writer writes to one generation of a file.
type Writer struct {
	lock *turn
	db   *sql.DB // nil once it is closed
	at   *generation
}

// Open implements docs.Writable.
func (x *Index) Open(ctx context.Context) (docs.Writer, error) {
	o, err := x.reading(ctx)
	if err != nil {
		return nil, err
	}
	_, err = used(ctx, o.db)
	x.leave(o)
	if err != nil {
		return nil, fault(err)
	}
	return x.write(ctx, func(ctx context.Context, tx *sql.Tx) (*generation, error) { return used(ctx, tx) })
}

// Begin implements docs.Writable.
func (x *Index) Begin(ctx context.Context, made docs.Description) (docs.Writer, error) {
	if err := made.Check(); err != nil {
		return nil, err
	}
	return x.write(ctx, func(ctx context.Context, tx *sql.Tx) (*generation, error) { return begin(ctx, tx, &made) })
}

// write lets a writer in, into the generation that at finds or makes.
func (x *Index) write(ctx context.Context, at func(ctx context.Context, tx *sql.Tx) (*generation, error)) (docs.Writer, error) {
	lock, err := take(ctx, x.path)
	if err != nil {
		return nil, err
	}
	w := &Writer{lock: lock}
	if w.db, err = openToWrite(ctx, x.path); err == nil {
		err = w.change(ctx, func(tx *sql.Tx) error {
			w.at, err = at(ctx, tx)
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// begin goes on with a generation that was not finished and is made with the same, or
// makes one.
func begin(ctx context.Context, tx *sql.Tx, made *docs.Description) (*generation, error) {
	g, err := one(ctx, tx, "SELECT number, name, made, state FROM generations WHERE NOT used")
	if err == nil && g.made.Same(made) && g.reports == made.Dimensions {
		return g, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if err == nil {
		if err := drop(ctx, tx, "NOT used"); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	name := docs.NewGeneration()
	added, err := tx.ExecContext(ctx, "INSERT INTO generations (name, made, state) VALUES (?, ?, ?)", name, string(text), rand.Text())
	if err != nil {
		return nil, err
	}
	number, err := added.LastInsertId()
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(tables, number, made.Dimensions, together(made.Dimensions))); err != nil {
		return nil, err
	}
	return &generation{number: number, name: name, made: *made, reports: made.Dimensions}, nil
}

// drop removes the generations that a condition is true of.
func drop(ctx context.Context, tx *sql.Tx, condition string) error {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT number FROM generations WHERE %s", condition))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	var all []int64
	for rows.Next() {
		var number int64
		if err := rows.Scan(&number); err != nil {
			return err
		}
		all = append(all, number)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, number := range all {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("%s DELETE FROM generations WHERE number = %d", removed(number), number)); err != nil {
			return err
		}
	}
	return nil
}

// change does something whole or not at all, and says that the state is another.
func (w *Writer) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	if w.db == nil {
		return errClosed
	}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return fault(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing is left of it after Commit
	let := w.at != nil                   // before, it is let in, which changes no document
	if err := do(tx); err != nil {
		return fault(err)
	}
	if let {
		if _, err := tx.ExecContext(ctx, "UPDATE generations SET state = ? WHERE number = ?", rand.Text(), w.at.number); err != nil {
			return fault(err)
		}
	}
	return fault(tx.Commit())
}

// Held implements docs.Writer.
func (w *Writer) Held(ctx context.Context, source string) (map[string][sha256.Size]byte, error) {
	if w.db == nil {
		return nil, errClosed
	}
	rows, err := w.db.QueryContext(ctx, fmt.Sprintf("SELECT uri, digest FROM documents_%d WHERE source = ?", w.at.number), source)
	if err != nil {
		return nil, fault(err)
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	held := map[string][sha256.Size]byte{}
	for rows.Next() {
		var uri string
		var digest []byte
		if err := rows.Scan(&uri, &digest); err != nil {
			return nil, fault(err)
		}
		if len(digest) == sha256.Size { // any other is as good as none: the document is put again
			held[uri] = [sha256.Size]byte(digest)
		}
	}
	return held, fault(rows.Err())
}

// Put implements docs.Writer.
func (w *Writer) Put(ctx context.Context, d *docs.Document, passages []docs.Passage, vectors [][]float32) error {
	if err := d.Check(passages, vectors, w.at.reports); err != nil {
		return err
	}
	return w.change(ctx, func(tx *sql.Tx) error {
		if err := remove(ctx, tx, w.at.number, d.URI); err != nil {
			return err
		}
		added, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO documents_%d (uri, source, origin, title, type, size, modified, digest, roles, findings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", w.at.number),
			d.URI, d.Source, d.Origin, d.Title, d.Type, d.Size, seconds(d.Modified), d.Digest[:], listText(d.Roles), listText(d.Findings))
		if err != nil {
			return err
		}
		id, err := added.LastInsertId()
		if err != nil {
			return err
		}
		for _, role := range d.Roles {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT OR IGNORE INTO readers_%d (role, document) VALUES (?, ?)", w.at.number), role, id); err != nil {
				return err
			}
		}
		return w.add(ctx, tx, &filed{id, d, passages, vectors})
	})
}

// filed is a document that has its row, with its passages.
type filed struct {
	id       int64
	document *docs.Document
	passages []docs.Passage
	vectors  [][]float32
}

// add adds the passages of a document, their words and their vectors.
func (w *Writer) add(ctx context.Context, tx *sql.Tx, f *filed) error {
	var stmts [3]*sql.Stmt
	for i, text := range [...]string{
		"INSERT INTO passages_%d (document, name, heading, start, text) VALUES (?, ?, ?, ?, ?)",
		"INSERT INTO words_%d (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
		"INSERT INTO vectors_%d (rowid, vector) VALUES (?, ?)",
	} {
		stmt, err := tx.PrepareContext(ctx, fmt.Sprintf(text, w.at.number))
		if err != nil {
			return err
		}
		defer func() { _ = stmt.Close() }() // each Exec has told what went wrong
		stmts[i] = stmt
	}
	for i := range f.passages {
		p := &f.passages[i]
		added, err := stmts[0].ExecContext(ctx, f.id, p.ID, p.Heading, p.Start, p.Text)
		if err != nil {
			return err
		}
		id, err := added.LastInsertId()
		if err != nil {
			return err
		}
		if _, err := stmts[1].ExecContext(ctx, id, f.document.Title, p.Heading, p.Text); err != nil {
			return err
		}
		if _, err := stmts[2].ExecContext(ctx, id, floats(f.vectors[i])); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements docs.Writer.
func (w *Writer) Remove(ctx context.Context, uris []string) error {
	return w.change(ctx, func(tx *sql.Tx) error {
		for _, uri := range uris {
			if err := remove(ctx, tx, w.at.number, uri); err != nil {
				return err
			}
		}
		return nil
	})
}

// remove takes out a document with all that belongs to it, where it is there.
func remove(ctx context.Context, tx *sql.Tx, number int64, uri string) error {
	var id int64
	err := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT id FROM documents_%d WHERE uri = ?", number), uri).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, stmt := range [...]string{
		"DELETE FROM vectors_%[1]d WHERE rowid IN (SELECT id FROM passages_%[1]d WHERE document = ?)",
		"DELETE FROM words_%[1]d WHERE rowid IN (SELECT id FROM passages_%[1]d WHERE document = ?)",
		"DELETE FROM passages_%[1]d WHERE document = ?",
		"DELETE FROM readers_%[1]d WHERE document = ?",
		"DELETE FROM documents_%[1]d WHERE id = ?",
	} {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(stmt, number), id); err != nil {
			return err
		}
	}
	return nil
}

// Finish implements docs.Writer.
func (w *Writer) Finish(ctx context.Context, made docs.Description) error {
	if err := made.Check(); err != nil {
		return err
	}
	if made.Dimensions != w.at.reports {
		return fmt.Errorf("the generation holds vectors of %d, and not of %d", w.at.reports, made.Dimensions)
	}
	text, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return w.change(ctx, func(tx *sql.Tx) error {
		if err := drop(ctx, tx, fmt.Sprintf("number <> %d", w.at.number)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE generations SET used = 1, made = ? WHERE number = ?", string(text), w.at.number)
		return err
	})
}

// Close implements docs.Writer.
func (w *Writer) Close() error {
	var err error
	if w.db != nil {
		err = w.db.Close()
		w.db = nil
	}
	return errors.Join(err, w.lock.end())
}
