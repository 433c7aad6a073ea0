package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"doorward/internal/docs"
)

// byWords are the passages with any of the words, the best by BM25 first: each word counts
// the more the rarer it is, among what the caller may read. Each is a text to FTS5, and no
// syntax.
func (x *Index) byWords(ctx context.Context, tx *sql.Tx, g *generation, q *docs.Query) ([]docs.Hit, error) {
	terms := docs.Terms(q.Words, docs.MaxTerms)
	if len(terms) == 0 {
		return nil, nil
	}
	for i, term := range terms {
		terms[i] = `"` + term + `"`
	}
	may, args := readable(g.number, q.Roles)
	var hidden bool
	if err := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT EXISTS (SELECT 1 FROM documents_%d AS d WHERE NOT %s)", g.number, may), args...).Scan(&hidden); err != nil {
		return nil, err
	}
	if hidden {
		return x.byReadableWords(ctx, tx, g, q, terms)
	}
	stmt, args := eligible(g.number, q)
	// Asked of each passage that has one of the words: to list all that may be found first
	// would cost as much for the rarest word as for any.
	found := fmt.Sprintf("SELECT rowid AS id, -bm25(words_%[1]d) AS score FROM words_%[1]d WHERE words_%[1]d MATCH ? AND (SELECT document FROM passages_%[1]d INDEXED BY documents_of_%[1]d WHERE id = words_%[1]d.rowid) IN (%[2]s) ORDER BY 2 DESC, 1 LIMIT ?", g.number, stmt)
	args = append([]any{strings.Join(terms, " OR ")}, append(args, q.Limit)...)
	return hits(ctx, tx, g.number, found, args)
}

// byReadableWords is byWords where there is more in the index than the caller may read. FTS5
// counts how rare a word is over all of it, which would tell what is in the rest. So each word
// is searched for by itself, what its rarity makes of its scores is taken out of them, and
// what it is among the passages that may be read is put in its place. How long a passage is
// on average is counted over all. It holds the passages with one word that may be found at a
// time, and of all words what each is worth.
func (x *Index) byReadableWords(ctx context.Context, tx *sql.Tx, g *generation, q *docs.Query, terms []string) ([]docs.Hit, error) {
	in, err := x.reach(ctx, tx, g, q)
	if err != nil {
		return nil, err
	}
	all, ours, err := in.passages(ctx, tx, g.number, q.Roles)
	if err != nil {
		return nil, err
	}
	worth := map[int64]float64{}
	document := "0"
	if in.k == nil {
		document = fmt.Sprintf("(SELECT document FROM passages_%[1]d INDEXED BY documents_of_%[1]d WHERE id = words_%[1]d.rowid)", g.number)
	}
	stmt, err := tx.PrepareContext(ctx, fmt.Sprintf("SELECT rowid, -bm25(words_%[1]d), %[2]s FROM words_%[1]d WHERE words_%[1]d MATCH ?", g.number, document))
	if err != nil {
		return nil, err
	}
	defer func() { _ = stmt.Close() }() // each query has told what went wrong
	for _, term := range terms {
		with, err := in.having(ctx, stmt, term)
		if err != nil {
			return nil, err
		}
		by := rarity(ours, with.readable) / rarity(all, with.all)
		for _, s := range with.wanted {
			worth[s.passage] += by * s.score
		}
	}
	best := make([]scored, 0, q.Limit+1)
	for passage, score := range worth {
		best = among(best, scored{passage, score}, q.Limit)
	}
	return ranked(ctx, tx, g.number, best)
}

// rarity is what FTS5 multiplies the scores of a word with that n of so many passages have
// (sqlite.org/fts5.html, "The bm25() function").
func rarity(all, n int) float64 {
	const least = 1e-6
	return max(least, math.Log((float64(all-n)+0.5)/(float64(n)+0.5)))
}

// reach are the documents, by number, that may be read, and those of them that are asked for.
type reach struct {
	k            *kept // which tells the documents of passages; nil: each hit does
	read, wanted map[int64]bool
}

// reach is that of a query.
func (x *Index) reach(ctx context.Context, tx *sql.Tx, g *generation, q *docs.Query) (*reach, error) {
	may, args := readable(g.number, q.Roles)
	read, err := numbers(ctx, tx, fmt.Sprintf("SELECT d.id FROM documents_%d AS d WHERE %s", g.number, may), args)
	if err != nil {
		return nil, err
	}
	r := &reach{read: read, wanted: read}
	if q.Source != "" || q.Under != "" {
		stmt, args := eligible(g.number, q)
		if r.wanted, err = numbers(ctx, tx, stmt, args); err != nil {
			return nil, err
		}
	}
	if k := x.kept.Load(); k != nil && k.state == g.state {
		r.k = k
	}
	return r, nil
}

// passages are how many there are, and how many of them may be read: of those documents, by
// those roles. Where vectors are kept, what is kept tells, and the file otherwise.
func (r *reach) passages(ctx context.Context, tx *sql.Tx, number int64, roles []string) (all, ours int, err error) {
	if r.k != nil {
		for _, document := range r.k.documents {
			if r.read[document] {
				ours++
			}
		}
		return len(r.k.documents), ours, nil
	}
	may, args := readable(number, roles)
	err = tx.QueryRowContext(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM passages_%[1]d), (SELECT count(*) FROM passages_%[1]d AS p WHERE p.document IN (SELECT d.id FROM documents_%[1]d AS d WHERE %[2]s))", number, may), args...).Scan(&all, &ours)
	return all, ours, err
}

// held are the passages that have a word: how many there are, how many of them may be read,
// and those that are asked for.
type held struct {
	all, readable int
	wanted        []scored
}

// having are the passages that have a word, of documents that may be read and of those of
// them that are asked for.
func (r *reach) having(ctx context.Context, stmt *sql.Stmt, term string) (with held, err error) {
	rows, err := stmt.QueryContext(ctx, term)
	if err != nil {
		return held{}, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	for rows.Next() {
		var s scored
		var document int64
		if err := rows.Scan(&s.passage, &s.score, &document); err != nil {
			return held{}, err
		}
		if r.k != nil {
			document = r.k.of[s.passage]
		}
		with.all++
		if r.read[document] {
			with.readable++
		}
		if r.wanted[document] {
			with.wanted = append(with.wanted, s)
		}
	}
	return with, rows.Err()
}
