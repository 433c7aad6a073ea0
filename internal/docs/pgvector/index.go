package pgvector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"doorward/internal/docs"
)

// generation is a row of generations, with what the catalogue says.
type generation struct {
	number  int64
	name    string
	mark    string
	made    docs.Description
	reports int
}

// look does something in the schema as it is at one moment.
func (x *Index) look(ctx context.Context, do func(tx pgx.Tx) error) error {
	return x.within(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, readWithin, do)
}

// in is look in a generation that is still in use. That this program can work with the tables
// State has told whoever knows its name.
func (x *Index) in(ctx context.Context, name string, do func(tx pgx.Tx, g *generation) error) error {
	err := x.look(ctx, func(tx pgx.Tx) error {
		g, err := x.one(ctx, tx, "used")
		if err == nil && g.name != name {
			return docs.ErrGone
		}
		if err == nil {
			err = do(tx, g)
		}
		if isGone(err) {
			return docs.ErrGone
		}
		return err
	})
	if errors.Is(err, docs.ErrEmpty) {
		return docs.ErrGone
	}
	return err
}

// one is the generation that a condition is true of; ErrEmpty.
func (x *Index) one(ctx context.Context, tx pgx.Tx, condition string) (*generation, error) {
	g := &generation{}
	var made string
	// The type's modifier is the number of dimensions: pgvector's own. xmin is the transaction
	// that changed the row last (PostgreSQL's manual, "System Columns"): each change of
	// documents does.
	err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT g.number, g.name, g.xmin::text, g.made, coalesce((SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass($1::text || '.passages_' || g.number) AND attname = 'vector'), 0)
 FROM %s.generations AS g WHERE %s ORDER BY g.number DESC LIMIT 1`, x.schema, condition), x.schema).Scan(&g.number, &g.name, &g.mark, &made, &g.reports)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, docs.ErrEmpty
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(made), &g.made); err != nil {
		return nil, &saidError{"what a generation was made with cannot be read"}
	}
	return g, nil
}

// State implements docs.Index.
func (x *Index) State(ctx context.Context) (s docs.State, err error) {
	err = x.look(ctx, func(tx pgx.Tx) error {
		done, err := x.migrated(ctx, tx)
		if err != nil {
			return err
		}
		if done == 0 {
			return docs.ErrEmpty
		}
		g, err := x.one(ctx, tx, "used")
		if err == nil {
			s = docs.State{Generation: g.name, Mark: g.mark, Made: g.made, Reports: g.reports}
		}
		return err
	})
	return s, err
}

// Count implements docs.Writable.
func (x *Index) Count(ctx context.Context, name string) (n docs.Counts, err error) {
	err = x.in(ctx, name, func(tx pgx.Tx, g *generation) error {
		return tx.QueryRow(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM %[1]s.documents_%[2]d), (SELECT count(*) FROM %[1]s.passages_%[2]d)", x.schema, g.number)).Scan(&n.Documents, &n.Passages)
	})
	return n, err
}

// readable is the condition that a document AS d may be read with the roles that are the
// statement's first parameter.
const readable = "(d.roles IS NULL OR d.roles && $1::text[])"

// List implements docs.Index.
func (x *Index) List(ctx context.Context, l docs.Listing) (all []docs.Document, err error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	err = x.in(ctx, l.Generation, func(tx pgx.Tx, g *generation) error {
		rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s FROM %s.documents_%d AS d WHERE %s AND d.uri > $2::text ORDER BY d.uri LIMIT $3::integer", columns, x.schema, g.number, readable), docs.Held(l.Roles), l.After, l.Limit)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (docs.Document, error) {
			var d documentRow
			err := row.Scan(d.into()...)
			return d.document(), err
		})
		return err
	})
	return all, err
}

// Read implements docs.Index.
func (x *Index) Read(ctx context.Context, name, uri string, roles []string) (d docs.Document, passages []docs.Passage, err error) {
	err = x.in(ctx, name, func(tx pgx.Tx, g *generation) error {
		if !docs.Storable(uri) {
			return docs.ErrNone
		}
		var row documentRow
		var id int64
		err := tx.QueryRow(ctx, fmt.Sprintf("SELECT %s, d.id FROM %s.documents_%d AS d WHERE %s AND d.uri = $2::text", columns, x.schema, g.number, readable), docs.Held(roles), uri).Scan(append(row.into(), &id)...)
		if errors.Is(err, pgx.ErrNoRows) {
			return docs.ErrNone
		}
		if err != nil {
			return err
		}
		d = row.document()
		rows, err := tx.Query(ctx, fmt.Sprintf("SELECT name, heading, start, text FROM %s.passages_%d WHERE document = $1::bigint ORDER BY id", x.schema, g.number), id)
		if err != nil {
			return err
		}
		passages, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p docs.Passage, err error) {
			return p, row.Scan(&p.ID, &p.Heading, &p.Start, &p.Text)
		})
		return err
	})
	return d, passages, err
}

// columns are those of a documentRow, of documents AS d.
const columns = "d.uri, d.source, d.origin, d.title, d.type, d.size, d.modified, d.digest, d.roles, d.findings"

// documentRow is a document as its table has it.
type documentRow struct {
	kept     docs.Document
	modified *int64 // seconds since 1970; nil: the origin does not say
	digest   []byte
}

func (r *documentRow) into() []any {
	d := &r.kept
	return []any{&d.URI, &d.Source, &d.Origin, &d.Title, &d.Type, &d.Size, &r.modified, &r.digest, &d.Roles, &d.Findings}
}

func (r *documentRow) document() docs.Document {
	d := r.kept
	if r.modified != nil {
		d.Modified = time.Unix(*r.modified, 0).UTC()
	}
	copy(d.Digest[:], r.digest)
	return d
}
