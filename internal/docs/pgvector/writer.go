package pgvector

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"doorward/internal/docs"
)

// Writer writes to one generation of a schema.
type Writer struct {
	x    *Index
	turn *turn
	at   *generation
}

// Open implements docs.Writable.
func (x *Index) Open(ctx context.Context) (docs.Writer, error) {
	if _, err := x.State(ctx); err != nil {
		return nil, err
	}
	return x.write(ctx, func(ctx context.Context, tx pgx.Tx) (*generation, error) { return x.one(ctx, tx, "used") })
}

// Begin implements docs.Writable.
func (x *Index) Begin(ctx context.Context, made docs.Description) (docs.Writer, error) {
	if err := made.Check(); err != nil {
		return nil, err
	}
	if err := x.migrate(ctx); err != nil {
		return nil, err
	}
	return x.write(ctx, func(ctx context.Context, tx pgx.Tx) (*generation, error) { return x.begin(ctx, tx, &made) })
}

// write lets a writer in, into the generation that at finds or makes.
func (x *Index) write(ctx context.Context, at func(ctx context.Context, tx pgx.Tx) (*generation, error)) (docs.Writer, error) {
	turn, err := x.take(ctx)
	if err != nil {
		return nil, err
	}
	w := &Writer{x: x, turn: turn}
	err = w.within(ctx, func(tx pgx.Tx) (err error) {
		w.at, err = at(ctx, tx)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	// Of a writer before. What is left of it Finish tries again, and tells.
	if _, err := w.clear(ctx, fmt.Sprintf("number < %d", w.at.number)); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// begin goes on with a generation that was not finished and is made with the same, or
// makes one. The writer clears what is before it.
func (x *Index) begin(ctx context.Context, tx pgx.Tx, made *docs.Description) (*generation, error) {
	// One before that in use was finished once, and could not be removed yet.
	g, err := x.one(ctx, tx, fmt.Sprintf("NOT used AND number > coalesce((SELECT number FROM %s.generations WHERE used), 0)", x.schema))
	if err == nil && g.made.Same(made) && g.reports == made.Dimensions {
		return g, nil
	}
	if err != nil && !errors.Is(err, docs.ErrEmpty) {
		return nil, err
	}
	where, err := extension(ctx, tx)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	g = &generation{name: docs.NewGeneration(), made: *made, reports: made.Dimensions}
	if err := tx.QueryRow(ctx, fmt.Sprintf("INSERT INTO %s.generations (name, made) VALUES ($1::text, $2::text) RETURNING number", x.schema), g.name, string(text)).Scan(&g.number); err != nil {
		return nil, err
	}
	return g, run(ctx, tx, fmt.Sprintf(tables, x.schema, g.number, where, made.Dimensions))
}

// within does something whole or not at all, as long as it is the writer's turn.
func (w *Writer) within(ctx context.Context, do func(tx pgx.Tx) error) error {
	return w.x.within(ctx, pgx.TxOptions{}, writeWithin, func(tx pgx.Tx) error {
		if err := w.turn.still(ctx, tx); err != nil {
			return err
		}
		return do(tx)
	})
}

// change is within, of documents: the generation's row is written anew, and its mark is
// another one.
func (w *Writer) change(ctx context.Context, do func(tx pgx.Tx) error) error {
	return w.within(ctx, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s.generations SET used = used WHERE number = $1::bigint", w.x.schema), w.at.number)
		return err
	})
}

// Held implements docs.Writer.
func (w *Writer) Held(ctx context.Context, source string) (map[string][sha256.Size]byte, error) {
	held := map[string][sha256.Size]byte{}
	if !docs.Storable(source) {
		return held, nil
	}
	err := w.within(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf("SELECT uri, digest FROM %s.documents_%d WHERE source = $1::text", w.x.schema, w.at.number), source)
		if err != nil {
			return err
		}
		var uri string
		var digest []byte
		_, err = pgx.ForEachRow(rows, []any{&uri, &digest}, func() error {
			if len(digest) == sha256.Size { // any other is as good as none: the document is put again
				held[uri] = [sha256.Size]byte(digest)
			}
			return nil
		})
		return err
	})
	return held, err
}

// Put implements docs.Writer.
func (w *Writer) Put(ctx context.Context, d *docs.Document, passages []docs.Passage, vectors [][]float32) error {
	if err := d.Check(passages, vectors, w.at.reports); err != nil {
		return err
	}
	return w.change(ctx, func(tx pgx.Tx) error {
		if err := w.remove(ctx, tx, []string{d.URI}); err != nil {
			return err
		}
		var id int64
		err := tx.QueryRow(ctx, fmt.Sprintf(`INSERT INTO %s.documents_%d (uri, source, origin, title, type, size, modified, digest, roles, findings)
 VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::integer, $7::bigint, $8::bytea, $9::text[], $10::text[]) RETURNING id`, w.x.schema, w.at.number),
			d.URI, d.Source, d.Origin, d.Title, d.Type, d.Size, seconds(d.Modified), d.Digest[:], d.Roles, d.Findings).Scan(&id)
		if err != nil {
			return err
		}
		return w.add(ctx, tx, id, &filed{d.Title, passages, vectors})
	})
}

// filed are the passages of a document that has its row.
type filed struct {
	title    string
	passages []docs.Passage
	vectors  [][]float32
}

// together is how many passages go to the server in one batch.
const together = 100

// add adds the passages of a document. Their words are in small letters and without signs,
// so that the server's rules for hosts, paths and the like do not join them.
func (w *Writer) add(ctx context.Context, tx pgx.Tx, id int64, f *filed) error {
	where, err := extension(ctx, tx)
	if err != nil {
		return err
	}
	stmt := fmt.Sprintf(`INSERT INTO %s.passages_%d (document, name, heading, start, text, words, vector)
 VALUES ($1::bigint, $2::text, $3::text, $4::integer, $5::text, to_tsvector('pg_catalog.english', $6::text), $7::text::%s.vector)`, w.x.schema, w.at.number, where)
	for from := 0; from < len(f.passages); from += together {
		var batch pgx.Batch
		for i := from; i < min(from+together, len(f.passages)); i++ {
			p := &f.passages[i]
			batch.Queue(stmt, id, p.ID, p.Heading, p.Start, p.Text, docs.Spoken(f.title+" "+p.Heading+" "+p.Text), floats(f.vectors[i]))
		}
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		if err := w.turn.still(ctx, tx); err != nil { // what takes long must not outlast its turn
			return err
		}
	}
	return nil
}

// seconds is a time as its column has it.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// Remove implements docs.Writer.
func (w *Writer) Remove(ctx context.Context, uris []string) error {
	return w.change(ctx, func(tx pgx.Tx) error { return w.remove(ctx, tx, uris) })
}

func (w *Writer) remove(ctx context.Context, tx pgx.Tx, uris []string) error {
	known := make([]string, 0, len(uris))
	for _, uri := range uris {
		if docs.Storable(uri) {
			known = append(known, uri)
		}
	}
	_, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s.documents_%d WHERE uri = ANY ($1::text[])", w.x.schema, w.at.number), known)
	return err
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
	err = w.within(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s.generations SET used = false WHERE used AND number <> $1::bigint", w.x.schema), w.at.number); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s.generations SET used = true, made = $1::text WHERE number = $2::bigint", w.x.schema), string(text), w.at.number)
		return err
	})
	if err != nil {
		return err
	}
	left, err := w.clear(ctx, fmt.Sprintf("number <> %d", w.at.number))
	return docs.Left(errors.Join(err, left))
}

// clear removes generations that are not in use, each by itself: one that cannot be removed
// now, as long as somebody reads from it, keeps no other. left says why those stay that do.
func (w *Writer) clear(ctx context.Context, condition string) (left, err error) {
	var all []int64
	err = w.within(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf("SELECT number FROM %s.generations WHERE NOT used AND %s", w.x.schema, condition))
		if err == nil {
			all, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		}
		return err
	})
	for _, number := range all {
		left = errors.Join(left, w.within(ctx, func(tx pgx.Tx) error { return run(ctx, tx, w.x.removed(number)) }))
	}
	return left, err
}

// Close implements docs.Writer.
func (w *Writer) Close() error { return w.turn.end() }
