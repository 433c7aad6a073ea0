package pinecone

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/docs"
	"doorward/internal/docs/sparse"
)

// Search implements docs.Index. Where the index takes no sparse vectors there is nothing by
// words.
func (x *Index) Search(ctx context.Context, q docs.Query) (a docs.Answer, err error) {
	t, err := x.now(ctx)
	if err != nil {
		return a, err
	}
	if err := q.Check(t.dimension); err != nil {
		return a, err
	}
	if !q.Nothing() {
		if a, err = t.search(ctx, &q); err != nil {
			return docs.Answer{}, err
		}
	}
	if err := t.still(ctx, q.Generation); err != nil {
		return docs.Answer{}, err
	}
	return a, nil
}

// Of a search by words. Its vector of meaning may not be all zeros, and counts for nothing:
// least is more than it can give, and less than a word does.
const (
	faint = 1e-6
	least = 1e-3
)

func (t *target) search(ctx context.Context, q *docs.Query) (a docs.Answer, err error) {
	f, err := t.eligible(ctx, q)
	if err != nil || f == nil {
		return a, err
	}
	if q.Vector != nil {
		if a.Meaning, err = t.nearest(ctx, q, map[string]any{"filter": f, "vector": q.Vector}, -2); err != nil {
			return a, err
		}
	}
	if terms := sparse.Asked(q.Words); t.words && len(terms.Indices) > 0 {
		none := axis(t.dimension)
		none[0] = faint
		a.Words, err = t.nearest(ctx, q, map[string]any{"filter": f, "vector": none, "sparseVector": terms}, least)
	}
	return a, err
}

// whole is how many records an answer of 4 MB holds with their metadata.
const whole = 80

// nearest are the passages with at least a score. More than fit into an answer are read
// afterwards, by their IDs, and each is looked at again then: it may have changed.
func (t *target) nearest(ctx context.Context, q *docs.Query, ask map[string]any, score float64) ([]docs.Hit, error) {
	maps.Copy(ask, map[string]any{"namespace": passagesOf(q.Generation), "topK": q.Limit, "includeMetadata": q.Limit <= whole})
	matches, _, err := t.query(ctx, ask)
	if err != nil {
		return nil, err
	}
	matches = slices.DeleteFunc(matches, func(r record) bool { return r.Score < score })
	if q.Limit > whole {
		var ids []string
		for i := range matches {
			ids = append(ids, matches[i].ID)
		}
		kept, err := t.fetch(ctx, passagesOf(q.Generation), ids)
		if err != nil {
			return nil, err
		}
		for i := range matches {
			if r := kept[matches[i].ID]; r != nil {
				matches[i].Metadata = r.Metadata
			}
		}
	}
	var hits []docs.Hit
	for i := range matches {
		if r := &matches[i]; r.Metadata.Text != "" && r.Metadata.fits(q) {
			hits = append(hits, docs.Hit{Document: r.Metadata.document(), Passage: r.Metadata.passage(), Score: r.Score})
		}
	}
	return hits, nil
}

// maxUnder bounds the documents that a prefix within a name is true of: they are named in
// the query.
const maxUnder = 2000

// eligible is the filter of the passages that a query may find; nil: there are none. Pinecone
// has no condition on the beginning of a text. Where a prefix ends in a slash it is one of
// those that are kept with each passage; the rest of it is looked for among the documents
// below.
func (t *target) eligible(ctx context.Context, q *docs.Query) (filter, error) {
	of := []filter{readable(q.Roles)}
	if q.Source != "" {
		of = append(of, is("source", q.Source))
	}
	if q.Under == "" {
		return all(of...), nil
	}
	above := q.Under[:strings.LastIndexByte(q.Under, '/')+1]
	if above != "" {
		of = append(of, among("within", []string{short(above)}))
	}
	if above == q.Under {
		return all(of...), nil
	}
	var named []string
	err := t.scroll(ctx, documentsOf(q.Generation), all(of...), func(p *payload) {
		if strings.HasPrefix(p.URI, q.Under) && len(named) <= maxUnder {
			named = append(named, p.Document)
		}
	})
	switch {
	case err != nil || len(named) == 0:
		return nil, err
	case len(named) > maxUnder:
		return nil, fmt.Errorf("more than %d documents begin so: end the prefix with a slash", maxUnder)
	}
	return all(append(of, among("document", named))...), nil
}
