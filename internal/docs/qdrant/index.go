// Package qdrant keeps documents in Qdrant, over its REST API (1.16 or newer): vectors, and
// words as sparse vectors. A generation is a collection, and an alias names the one in use.
package qdrant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"doorward/internal/docs"
)

// Index is the collections of one name.
type Index struct {
	c     *client
	name  string                     // of the alias, and what the collections' names begin with
	known atomic.Pointer[generation] // that was described last; nil: none. Its dimensions stay
}

// New makes the index. It connects when it is asked something.
func New(s Place, name string) (*Index, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`).MatchString(name) {
		return nil, errors.New("the name of a collection has 1 to 100 letters, digits, - and _")
	}
	c, err := newClient(s)
	if err != nil {
		return nil, err
	}
	return &Index{c: c, name: name}, nil
}

// Close implements docs.Index.
func (x *Index) Close() error {
	x.c.rest.Close()
	return nil
}

// collection is the name of a generation's.
func (x *Index) collection(generation string) string { return x.name + "-" + generation }

func post(doing string, path ...string) call {
	return call{doing: doing, method: http.MethodPost, path: path}
}

// record is a point that is read.
type record struct {
	ID      string  `json:"id"`
	Payload payload `json:"payload"`
	Score   float64 `json:"score"`
}

// generation is a collection, with what it and its point of kindMade say.
type generation struct {
	name       string
	collection string
	mark       string
	made       docs.Description
	reports    int
	over       bool // none goes on with it once it is not in use
}

// at is the generation of a collection or an alias; errAbsent. One without a description,
// which was not begun to its end, has no name.
func (x *Index) at(ctx context.Context, collection string) (*generation, error) {
	var info struct {
		Config struct {
			Params struct {
				Vectors map[string]struct {
					Size int `json:"size"`
				} `json:"vectors"`
			} `json:"params"`
		} `json:"config"`
	}
	if err := x.c.ask(ctx, call{doing: "describing a collection", method: http.MethodGet, path: []string{"collections", collection}}, nil, &info); err != nil {
		return nil, err
	}
	var found []record
	if err := x.c.ask(ctx, post("reading what a collection was made with", "collections", collection, "points"), map[string]any{"ids": []string{idOf(kindMade)}, "with_payload": true}, &found); err != nil {
		return nil, err
	}
	g := &generation{reports: info.Config.Params.Vectors[meaning].Size}
	if len(found) == 0 {
		return g, nil
	}
	p := &found[0].Payload
	if err := json.Unmarshal([]byte(p.Made), &g.made); err != nil {
		return nil, fmt.Errorf("qdrant: what %s was made with cannot be read: make it again", collection)
	}
	g.name, g.mark, g.collection, g.over = p.Generation, p.Mark, x.collection(p.Generation), p.Over
	x.known.Store(g)
	return g, nil
}

// used is the generation in use; ErrEmpty.
func (x *Index) used(ctx context.Context) (*generation, error) {
	g, err := x.at(ctx, x.name)
	if errors.Is(err, errAbsent) || err == nil && g.name == "" {
		return nil, docs.ErrEmpty
	}
	return g, err
}

// State implements docs.Index.
func (x *Index) State(ctx context.Context) (docs.State, error) {
	g, err := x.used(ctx)
	if err != nil {
		return docs.State{}, err
	}
	return docs.State{Generation: g.name, Mark: g.mark, Made: g.made, Reports: g.reports}, nil
}

// Count implements docs.Writable.
func (x *Index) Count(ctx context.Context, name string) (n docs.Counts, err error) {
	for kind, to := range map[string]*int{kindDocument: &n.Documents, kindPassage: &n.Passages} {
		var counted struct {
			Count int `json:"count"`
		}
		err := x.c.ask(ctx, post("counting", "collections", x.collection(name), "points", "count"), map[string]any{"filter": filter{Must: []condition{is("kind", kind)}}, "exact": true}, &counted)
		if err != nil {
			return docs.Counts{}, gone(err)
		}
		*to = counted.Count
	}
	return n, nil
}

// gone makes of a collection that is not there a generation that is not.
func gone(err error) error {
	if errors.Is(err, errAbsent) {
		return docs.ErrGone
	}
	return err
}

// page is how many points are read at a time, at most 16 KiB each.
const page = 256

// maxScrolled bounds the points that are read for one answer: more is no index of ours.
const maxScrolled = 4 << 20

// errEndless is that of a service whose points do not end.
var errEndless = errors.New("qdrant gives more points than there can be: this is no index of Doorward's, or it does not go on where it ended")

// scroll reads the points that a filter is true of, in no order that means something.
func (x *Index) scroll(ctx context.Context, collection string, f filter, fields []string, each func(p *payload)) error {
	ask := map[string]any{"filter": f, "limit": page, "with_payload": fields}
	for seen := 0; seen <= maxScrolled; {
		var got struct {
			Points []record `json:"points"`
			Next   *string  `json:"next_page_offset"`
		}
		if err := x.c.ask(ctx, post("reading points", "collections", collection, "points", "scroll"), ask, &got); err != nil {
			return gone(err)
		}
		for i := range got.Points {
			each(&got.Points[i].Payload)
		}
		if got.Next == nil || len(got.Points) == 0 {
			return nil
		}
		if ask["offset"] == *got.Next {
			return errEndless
		}
		ask["offset"] = *got.Next
		seen += len(got.Points)
	}
	return errEndless
}

// fields of a document, and those of a passage besides.
func documentFields() []string {
	return []string{"kind", "uri", "source", "origin", "title", "type", "size", "modified", "digest", "open", "roles", "findings"}
}

func passageFields() []string { return []string{"id", "place", "heading", "start", "text"} }

// List implements docs.Index. Qdrant has no order by text: all documents that may be read are
// looked at for each page.
func (x *Index) List(ctx context.Context, l docs.Listing) ([]docs.Document, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	var all []docs.Document
	cut := func() {
		slices.SortFunc(all, func(a, b docs.Document) int { return strings.Compare(a.URI, b.URI) })
		all = all[:min(len(all), l.Limit)]
	}
	err := x.scroll(ctx, x.collection(l.Generation), readable(kindDocument, l.Roles), documentFields(), func(p *payload) {
		if p.URI > l.After {
			if all = append(all, p.document()); len(all) >= 2*l.Limit+page {
				cut()
			}
		}
	})
	cut()
	return all, err
}

// Read implements docs.Index.
func (x *Index) Read(ctx context.Context, name, uri string, roles []string) (d docs.Document, passages []docs.Passage, err error) {
	if !docs.Storable(uri) {
		return d, nil, docs.ErrNone
	}
	found := false
	f := readable(kindDocument, roles)
	f.Must = append(f.Must, is("uri", uri))
	if err := x.scroll(ctx, x.collection(name), f, documentFields(), func(p *payload) { d, found = p.document(), true }); err != nil {
		return d, nil, err
	}
	if !found {
		return d, nil, docs.ErrNone
	}
	f = readable(kindPassage, roles)
	f.Must = append(f.Must, is("uri", uri))
	var all []payload
	size := 0
	err = x.scroll(ctx, x.collection(name), f, passageFields(), func(p *payload) {
		if size += len(p.Text); size <= docs.MaxDocument {
			all = append(all, *p)
		}
	})
	if err == nil && size > docs.MaxDocument {
		err = errEndless
	}
	slices.SortFunc(all, func(a, b payload) int { return a.Place - b.Place })
	for i := range all {
		passages = append(passages, all[i].passage())
	}
	return d, passages, err
}
