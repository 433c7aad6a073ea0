package embedded

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"doorward/internal/docs"
)

// readable is the condition that a document AS d may be read with the roles, and what it
// is asked with.
func readable(number int64, roles []string) (condition string, args []any) {
	held, _ := json.Marshal(docs.Held(roles)) // texts have a form in JSON
	return fmt.Sprintf("(d.roles IS NULL OR d.id IN (SELECT document FROM readers_%d WHERE role IN (SELECT value FROM json_each(?))))", number), []any{string(held)}
}

// eligible are the numbers of the documents that a query may find, as a statement.
func eligible(number int64, q *docs.Query) (stmt string, args []any) {
	may, args := readable(number, q.Roles)
	if q.Source != "" {
		may += " AND d.source = ?"
		args = append(args, q.Source)
	}
	if q.Under != "" { // by its bytes: LIKE and GLOB have signs of their own
		may += " AND substr(CAST(d.uri AS BLOB), 1, ?) = CAST(? AS BLOB)"
		args = append(args, len(q.Under), q.Under)
	}
	return fmt.Sprintf("SELECT d.id FROM documents_%d AS d WHERE %s", number, may), args
}

// Search implements docs.Index.
func (x *Index) Search(ctx context.Context, q docs.Query) (a docs.Answer, err error) {
	err = x.within(ctx, q.Generation, func(tx *sql.Tx, g *generation) error {
		if err := q.Check(g.reports); err != nil || q.Nothing() {
			return err
		}
		if a.Words, err = x.byWords(ctx, tx, g, &q); err != nil {
			return err
		}
		a.Meaning, err = x.byMeaning(ctx, tx, g, &q)
		return err
	})
	return a, err
}

// byMeaning are the passages whose vectors are nearest, the nearest first: each that may be
// found is compared, and none is missed.
func (x *Index) byMeaning(ctx context.Context, tx *sql.Tx, g *generation, q *docs.Query) ([]docs.Hit, error) {
	if q.Vector == nil {
		return nil, nil
	}
	k, err := x.vectors(ctx, tx, g)
	if err != nil {
		return nil, err
	}
	if k != nil {
		return k.byMeaning(ctx, tx, g.number, q)
	}
	stmt, args := eligible(g.number, q)
	found := fmt.Sprintf("SELECT rowid AS id, 1 - distance AS score FROM vectors_%[1]d WHERE vector MATCH ? AND k = ? AND rowid IN (SELECT id FROM passages_%[1]d WHERE document IN (%[2]s))", g.number, stmt)
	return hits(ctx, tx, g.number, found, append([]any{floats(q.Vector), q.Limit}, args...))
}

// byMeaning is that of the index, with the vectors that are kept. What may be found the
// file says, in the same transaction.
func (k *kept) byMeaning(ctx context.Context, tx *sql.Tx, number int64, q *docs.Query) ([]docs.Hit, error) {
	stmt, args := eligible(number, q)
	documents, err := numbers(ctx, tx, stmt, args)
	if err != nil {
		return nil, err
	}
	to := slices.Clone(q.Vector)
	if !unit(to) {
		return nil, errors.New("the vector that is looked for has no direction")
	}
	return ranked(ctx, tx, number, k.nearest(to, documents, q.Limit))
}

// numbers are those that a statement finds.
func numbers(ctx context.Context, tx *sql.Tx, stmt string, args []any) (map[int64]bool, error) {
	rows, err := tx.QueryContext(ctx, stmt, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	all := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		all[id] = true
	}
	return all, rows.Err()
}

// ranked are the passages of a list.
func ranked(ctx context.Context, tx *sql.Tx, number int64, best []scored) ([]docs.Hit, error) {
	var list [][2]any
	for _, s := range best {
		list = append(list, [2]any{s.passage, s.score})
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return hits(ctx, tx, number, "SELECT value ->> 0 AS id, value ->> 1 AS score FROM json_each(?)", []any{string(text)})
}

// hits are the passages that a statement finds by number, with their scores.
func hits(ctx context.Context, tx *sql.Tx, number int64, found string, args []any) (all []docs.Hit, err error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`WITH found AS MATERIALIZED (%[2]s) SELECT f.score, p.name, p.heading, p.start, p.text, %[3]s
 FROM found AS f JOIN passages_%[1]d AS p ON p.id = f.id JOIN documents_%[1]d AS d ON d.id = p.document ORDER BY f.score DESC, p.id`, number, found, columns), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	for rows.Next() {
		var h docs.Hit
		var d documentRow
		if err := rows.Scan(append([]any{&h.Score, &h.Passage.ID, &h.Passage.Heading, &h.Passage.Start, &h.Passage.Text}, d.into()...)...); err != nil {
			return nil, err
		}
		if h.Document, err = d.document(); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}

// floats is a vector as sqlite-vec takes it.
func floats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
