// Package pinecone keeps documents in a serverless index of Pinecone, over its REST API:
// vectors, and words as sparse ones where the index takes these. A generation is two
// namespaces, and a record in another one says which is in use.
package pinecone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"doorward/internal/docs"
	"doorward/internal/docs/rest"
)

// Index is one index of Pinecone, which has nothing else in it.
type Index struct {
	place   Place
	control *rest.Client
	name    string
	known   atomic.Pointer[target]
}

// New makes the index of a name, which has to be there. It connects when it is asked something.
func New(s Place, name string) (*Index, error) {
	if !regexp.MustCompile(`^[a-z0-9-]{1,45}$`).MatchString(name) {
		return nil, errors.New("the name of an index of Pinecone has 1 to 45 small letters, digits and -")
	}
	if s.URL == "" {
		s.URL = ControlPlane
	}
	c, err := newClient(s)
	if err != nil {
		return nil, err
	}
	return &Index{place: s, control: c, name: name}, nil
}

// Close implements docs.Index.
func (x *Index) Close() error {
	x.control.Close()
	if t := x.known.Load(); t != nil {
		t.data.Close()
	}
	return nil
}

// generation is what is in use, or was begun.
type generation struct {
	name string
	mark string
	made docs.Description
}

// marked is the generation that a record of marks names; nil: there is no such record.
func (t *target) marked(ctx context.Context, id string) (*generation, error) {
	found, err := t.fetch(ctx, marks, []string{id})
	if err != nil || found[id] == nil {
		return nil, err
	}
	p := &found[id].Metadata
	g := &generation{name: p.Generation, mark: p.Mark}
	if err := json.Unmarshal([]byte(p.Made), &g.made); err != nil || g.name == "" {
		return nil, fmt.Errorf("pinecone: what %s of the namespace %s says cannot be read: make the index again", id, marks)
	}
	return g, nil
}

// used is the generation in use; ErrEmpty.
func (t *target) used(ctx context.Context) (*generation, error) {
	g, err := t.marked(ctx, markUse)
	if err == nil && g == nil {
		return nil, docs.ErrEmpty
	}
	return g, err
}

// still refuses an answer from a generation that is not in use: ErrGone. It is asked after
// the generation was read, of which nothing is removed while it is in use.
func (t *target) still(ctx context.Context, generation string) error {
	g, err := t.used(ctx)
	if errors.Is(err, docs.ErrEmpty) || err == nil && g.name != generation {
		return docs.ErrGone
	}
	return err
}

// State implements docs.Index.
func (x *Index) State(ctx context.Context) (docs.State, error) {
	t, err := x.now(ctx)
	if err != nil {
		return docs.State{}, err
	}
	g, err := t.used(ctx)
	if err != nil {
		return docs.State{}, err
	}
	return docs.State{Generation: g.name, Mark: g.mark, Made: g.made, Reports: t.dimension}, nil
}

// Count implements docs.Writable.
func (x *Index) Count(ctx context.Context, name string) (docs.Counts, error) {
	t, err := x.now(ctx)
	if err != nil {
		return docs.Counts{}, err
	}
	var stats struct {
		Namespaces map[string]struct {
			Count int `json:"vectorCount"`
		} `json:"namespaces"`
	}
	if _, err := t.data.Ask(ctx, post("counting", "describe_index_stats"), map[string]any{}, &stats); err != nil {
		return docs.Counts{}, err
	}
	return docs.Counts{Documents: stats.Namespaces[documentsOf(name)].Count, Passages: stats.Namespaces[passagesOf(name)].Count}, t.still(ctx, name)
}

// List implements docs.Index. Pinecone has no order by text: all documents that may be read
// are looked at for each page.
func (x *Index) List(ctx context.Context, l docs.Listing) ([]docs.Document, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	t, err := x.now(ctx)
	if err != nil {
		return nil, err
	}
	var found []docs.Document
	cut := func() {
		slices.SortFunc(found, func(a, b docs.Document) int { return strings.Compare(a.URI, b.URI) })
		found = found[:min(len(found), l.Limit)]
	}
	err = t.scroll(ctx, documentsOf(l.Generation), readable(l.Roles), func(p *payload) {
		if p.URI > l.After {
			if found = append(found, p.document()); len(found) >= 2*l.Limit+atOnce {
				cut()
			}
		}
	})
	cut()
	if err == nil {
		err = t.still(ctx, l.Generation)
	}
	return found, err
}

// Read implements docs.Index.
func (x *Index) Read(ctx context.Context, name, uri string, roles []string) (d docs.Document, passages []docs.Passage, err error) {
	if !docs.Storable(uri) {
		return d, nil, docs.ErrNone
	}
	t, err := x.now(ctx)
	if err != nil {
		return d, nil, err
	}
	f := all(is("document", short(uri)), readable(roles))
	found := false
	var parts []payload
	err = t.scroll(ctx, documentsOf(name), f, func(p *payload) { d, found = p.document(), true })
	if err == nil && found {
		err = t.scroll(ctx, passagesOf(name), f, func(p *payload) { parts = append(parts, *p) })
	}
	if err == nil {
		err = t.still(ctx, name)
	}
	if err == nil && !found {
		err = docs.ErrNone
	}
	if err != nil {
		return docs.Document{}, nil, err
	}
	slices.SortFunc(parts, func(a, b payload) int { return int(a.Place) - int(b.Place) })
	for i := range parts {
		passages = append(passages, parts[i].passage())
	}
	return d, passages, nil
}
