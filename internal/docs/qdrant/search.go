package qdrant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"doorward/internal/docs"
	"doorward/internal/docs/sparse"
)

// query is one of a batch.
type query struct {
	Query   any            `json:"query"`
	Using   string         `json:"using"`
	Filter  filter         `json:"filter"`
	Limit   int            `json:"limit"`
	Payload bool           `json:"with_payload"`
	Params  map[string]any `json:"params,omitempty"`
}

// Search implements docs.Index. Vectors are compared exactly: the graph of Qdrant would miss
// some.
func (x *Index) Search(ctx context.Context, q docs.Query) (a docs.Answer, err error) {
	g := x.known.Load()
	if g == nil || g.name != q.Generation {
		if g, err = x.at(ctx, x.collection(q.Generation)); err != nil {
			return a, gone(err)
		}
	}
	if err := q.Check(g.reports); err != nil || q.Nothing() {
		return a, err
	}
	f, err := x.eligible(ctx, g, &q)
	if err != nil || f == nil {
		return a, err
	}
	var searches []query
	var to []*[]docs.Hit
	if terms := sparse.Asked(q.Words); len(terms.Indices) > 0 {
		searches, to = append(searches, query{Query: terms, Using: words, Filter: *f, Limit: q.Limit, Payload: true}), append(to, &a.Words)
	}
	if q.Vector != nil {
		searches, to = append(searches, query{Query: q.Vector, Using: meaning, Filter: *f, Limit: q.Limit, Payload: true, Params: map[string]any{"exact": true}}), append(to, &a.Meaning)
	}
	if len(searches) == 0 {
		return a, nil
	}
	var answers []struct {
		Points []record `json:"points"`
	}
	if err := x.c.ask(ctx, post("searching", "collections", g.collection, "points", "query", "batch"), map[string]any{"searches": searches}, &answers); err != nil {
		return a, gone(err)
	}
	if len(answers) != len(searches) {
		return a, errors.New("qdrant: searching: it did not answer each question")
	}
	for i := range answers {
		for j := range answers[i].Points {
			r := &answers[i].Points[j]
			*to[i] = append(*to[i], docs.Hit{Document: r.Payload.document(), Passage: r.Payload.passage(), Score: r.Score})
		}
	}
	return a, nil
}

// maxUnder bounds the documents that a prefix within a name is true of: they are named in
// the query.
const maxUnder = 2000

// eligible is the filter of the passages that a query may find; nil: there are none. Qdrant
// has no condition on the beginning of a text. Where a prefix ends in a slash it is one of
// those that are kept with each passage; the rest of it is looked for among the documents
// below.
func (x *Index) eligible(ctx context.Context, g *generation, q *docs.Query) (*filter, error) {
	f := readable(kindPassage, q.Roles)
	if q.Source != "" {
		f.Must = append(f.Must, is("source", q.Source))
	}
	if q.Under == "" {
		return &f, nil
	}
	above := q.Under[:strings.LastIndexByte(q.Under, '/')+1]
	if above == q.Under {
		f.Must = append(f.Must, is("within", above))
		return &f, nil
	}
	of := readable(kindDocument, q.Roles)
	if above != "" {
		of.Must = append(of.Must, is("within", above))
	}
	var uris []string
	err := x.scroll(ctx, g.collection, of, []string{"uri"}, func(p *payload) {
		if strings.HasPrefix(p.URI, q.Under) && len(uris) <= maxUnder {
			uris = append(uris, p.URI)
		}
	})
	switch {
	case err != nil || len(uris) == 0:
		return nil, err
	case len(uris) > maxUnder:
		return nil, fmt.Errorf("more than %d documents begin so: end the prefix with a slash", maxUnder)
	}
	f.Must = append(f.Must, among("uri", uris))
	return &f, nil
}
