package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/chunk"
	"doorward/internal/docs/embed/lexical"
	"doorward/internal/docs/embedded"
	"doorward/internal/docs/gather"
	"doorward/internal/docs/ingest"
)

// counting is the lexical embedder, which counts and fails when it is told to.
type counting struct {
	docs.Embedder
	texts atomic.Int64
	fail  func(n int64, t docs.Texts) ([][]float32, error) // n texts were embedded before; nil, nil: go on
}

func (c *counting) Embed(ctx context.Context, t docs.Texts) ([][]float32, error) {
	n := c.texts.Add(int64(len(t.All))) - int64(len(t.All))
	if c.fail != nil {
		if v, err := c.fail(n, t); v != nil || err != nil {
			c.texts.Add(-int64(len(t.All)))
			return v, err
		}
	}
	return c.Embedder.Embed(ctx, t)
}

// Most makes batches small, so that a run has several.
func (*counting) Most() int { return 4 }

// place is an index with what documents are brought into it.
type place struct {
	t     *testing.T
	dir   string // of the source "one"; "two" lies beside it
	index *embedded.Index
	model *counting
	job   ingest.Job
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	model, err := lexical.New(lexical.Least)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: filepath.Join(dir, "one"), index: embedded.New(filepath.Join(dir, "docs.db")), model: &counting{Embedder: model}}
	t.Cleanup(func() {
		if err := errors.Join(p.index.Close(), model.Close()); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.job = ingest.Job{
		Index: p.index, Embedder: p.model, Bounds: chunk.Default(),
		Wanted: docs.Wanted{Name: "up", Model: model.Model(), Chunker: chunk.Default().Name(), Access: [32]byte{1}},
		Access: func(string) []string { return nil },
		Inspect: func(_ context.Context, text string) (ingest.Verdict, error) {
			return ingest.Verdict{Block: strings.Contains(text, "BLOCK"), Findings: map[bool][]string{true: {"a.rule"}}[strings.Contains(text, "BLOCK") || strings.Contains(text, "MARK")]}, nil
		},
	}
	return p
}

// write makes documents of the source "one", or of "two" under that name; "" removes one.
func (p *place) write(files map[string]string) {
	p.t.Helper()
	for name, text := range files {
		at := filepath.Join(p.dir, name)
		if text == "" {
			if err := os.Remove(at); err != nil {
				p.t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// many are documents that say something different each.
func (p *place) many(n int) {
	p.t.Helper()
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%02d.md", i)] = fmt.Sprintf("# Document %d\n\n%s\n\n## More\n\n%s\n", i, strings.Repeat(fmt.Sprintf("It is about thing%d. ", i), 40), strings.Repeat("There is more to say. ", 40))
	}
	p.write(files)
}

// from is a source by its name.
func (p *place) from(names ...string) (all []ingest.From) {
	p.t.Helper()
	for _, name := range names {
		dir := filepath.Join(filepath.Dir(p.dir), name)
		tree, err := gather.OpenTree(dir, gather.Prefix("up", name), nil)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = tree.Close() })
		all = append(all, ingest.From{Source: docs.Source{Name: name, Kind: gather.KindTree, Origin: dir}, Documents: tree})
	}
	return all
}

// run brings documents in and fails the test with an error.
func (p *place) run(names ...string) ingest.Report {
	p.t.Helper()
	r, err := p.job.Run(p.t.Context(), p.from(names...))
	if err != nil {
		p.t.Fatal(err)
	}
	if !r.Finished {
		p.t.Fatal("the run has not finished, and has no error")
	}
	return r
}

// holds is what the index has, by URI with the text.
func (p *place) holds() map[string]string {
	p.t.Helper()
	state, err := p.index.State(p.t.Context())
	if errors.Is(err, docs.ErrEmpty) {
		return nil
	}
	if err != nil {
		p.t.Fatal(err)
	}
	all, err := p.index.List(p.t.Context(), docs.Listing{Generation: state.Generation, Limit: docs.MaxListed, Roles: []string{"reader"}})
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range all {
		_, passages, err := p.index.Read(p.t.Context(), state.Generation, d.URI, []string{"reader"})
		if err != nil {
			p.t.Fatal(err)
		}
		for _, passage := range passages {
			out[d.URI] += passage.Text
		}
	}
	return out
}

// uris are the names of what the index has, without what all begin with.
func (p *place) uris() []string {
	p.t.Helper()
	var all []string
	for uri := range maps.Keys(p.holds()) {
		all = append(all, strings.TrimPrefix(uri, "docs://up/"))
	}
	slices.Sort(all)
	return all
}
