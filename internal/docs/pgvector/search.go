package pgvector

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"doorward/internal/docs"
)

// Search implements docs.Index.
func (x *Index) Search(ctx context.Context, q docs.Query) (a docs.Answer, err error) {
	var refused error // of the query itself: no fault of the database's
	err = x.in(ctx, q.Generation, func(tx pgx.Tx, g *generation) (err error) {
		if refused = q.Check(g.reports); refused != nil || q.Nothing() {
			return nil
		}
		if a.Words, err = x.byWords(ctx, tx, g, &q); err != nil {
			return err
		}
		a.Meaning, err = x.byMeaning(ctx, tx, g, &q)
		return err
	})
	return a, cmp.Or(err, refused)
}

// eligible is the condition that passages of a document AS d may be found, and what it is
// asked with. By the first characters, and not LIKE: that has signs of its own.
func eligible(q *docs.Query) (condition string, args []any) {
	return readable + " AND ($2::text = '' OR d.source = $2::text) AND starts_with(d.uri, $3::text)", []any{docs.Held(q.Roles), q.Source, q.Under}
}

// byWords are the passages with any of the words, the best by ts_rank_cd first: those where
// more of them stand, and nearer to each other.
func (x *Index) byWords(ctx context.Context, tx pgx.Tx, g *generation, q *docs.Query) ([]docs.Hit, error) {
	terms := docs.Terms(q.Words, docs.MaxTerms)
	if len(terms) == 0 {
		return nil, nil
	}
	return x.hits(ctx, tx, g, q, found{"ts_rank_cd(p.words, to_tsquery('pg_catalog.english', $4::text))", "p.words @@ to_tsquery('pg_catalog.english', $4::text)", "'" + strings.Join(terms, "' | '") + "'"})
}

// byMeaning are the passages whose vectors are nearest, the nearest first: each that may be
// found is compared, and none is missed.
func (x *Index) byMeaning(ctx context.Context, tx pgx.Tx, g *generation, q *docs.Query) ([]docs.Hit, error) {
	if q.Vector == nil {
		return nil, nil
	}
	at, err := extension(ctx, tx)
	if err != nil {
		return nil, err
	}
	return x.hits(ctx, tx, g, q, found{fmt.Sprintf("1 - (p.vector OPERATOR(%[1]s.<=>) $4::text::%[1]s.vector)", at), "true", floats(q.Vector)})
}

// found is a way to search: the score and the condition as SQL, with what they are asked
// with as the fourth parameter.
type found struct{ score, condition, asked string }

func (x *Index) hits(ctx context.Context, tx pgx.Tx, g *generation, q *docs.Query, by found) ([]docs.Hit, error) {
	may, args := eligible(q)
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT (%[3]s)::float8 AS score, p.name, p.heading, p.start, p.text, %[4]s
 FROM %[1]s.passages_%[2]d AS p JOIN %[1]s.documents_%[2]d AS d ON d.id = p.document WHERE %[5]s AND %[6]s ORDER BY score DESC, p.id LIMIT $5::integer`,
		x.schema, g.number, by.score, columns, by.condition, may), append(args, by.asked, q.Limit)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h docs.Hit, err error) {
		var d documentRow
		err = row.Scan(append([]any{&h.Score, &h.Passage.ID, &h.Passage.Heading, &h.Passage.Start, &h.Passage.Text}, d.into()...)...)
		h.Document = d.document()
		return h, err
	})
}

// floats is a vector in pgvector's text form.
func floats(v []float32) string {
	b := append(make([]byte, 0, 12*len(v)), '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(x), 'g', -1, 32)
	}
	return string(append(b, ']'))
}
