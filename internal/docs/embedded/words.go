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
// on average is counted over all.
func (x *Index) byReadableWords(ctx context.Context, tx *sql.Tx, g *generation, q *docs.Query, terms []string) ([]docs.Hit, error) {
	documents, err := x.documentOf(ctx, tx, g)
	if err != nil {
		return nil, err
	}
	may, args := readable(g.number, q.Roles)
	read, err := numbers(ctx, tx, fmt.Sprintf("SELECT d.id FROM documents_%d AS d WHERE %s", g.number, may), args)
	if err != nil {
		return nil, err
	}
	wanted := read
	if q.Source != "" || q.Under != "" {
		stmt, args := eligible(g.number, q)
		if wanted, err = numbers(ctx, tx, stmt, args); err != nil {
			return nil, err
		}
	}
	all := 0
	for _, document := range documents {
		if read[document] {
			all++
		}
	}
	worth := map[int64]float64{}
	stmt, err := tx.PrepareContext(ctx, fmt.Sprintf("SELECT rowid, -bm25(words_%[1]d) FROM words_%[1]d WHERE words_%[1]d MATCH ?", g.number))
	if err != nil {
		return nil, err
	}
	defer func() { _ = stmt.Close() }() // each query has told what went wrong
	for _, term := range terms {
		with, err := having(ctx, stmt, term)
		if err != nil {
			return nil, err
		}
		n := 0
		for _, s := range with {
			if read[documents[s.passage]] {
				n++
			}
		}
		by := rarity(all, n) / rarity(len(documents), len(with))
		for _, s := range with {
			if wanted[documents[s.passage]] {
				worth[s.passage] += by * s.score
			}
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

// having are all passages that have a word, with their scores.
func having(ctx context.Context, stmt *sql.Stmt, term string) (all []scored, err error) {
	rows, err := stmt.QueryContext(ctx, term)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	for rows.Next() {
		var s scored
		if err := rows.Scan(&s.passage, &s.score); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// documentOf are the documents of all passages, by the passages' numbers: from the vectors
// that are kept, where they are of the same state.
func (x *Index) documentOf(ctx context.Context, tx *sql.Tx, g *generation) (map[int64]int64, error) {
	if k := x.kept.Load(); k != nil && k.state == g.state {
		return k.of, nil
	}
	return documentsOf(ctx, tx, g.number, math.MaxInt32)
}
