package qdrant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/docs"
	"doorward/internal/docs/sparse"
)

// Writer writes to one generation.
type Writer struct {
	x    *Index
	turn *turn
	at   *generation
}

// Open implements docs.Writable.
func (x *Index) Open(ctx context.Context) (docs.Writer, error) {
	if _, err := x.used(ctx); err != nil {
		return nil, err
	}
	return x.write(ctx, x.used)
}

// Begin implements docs.Writable.
func (x *Index) Begin(ctx context.Context, made docs.Description) (docs.Writer, error) {
	if err := made.Check(); err != nil {
		return nil, err
	}
	return x.write(ctx, func(ctx context.Context) (*generation, error) { return x.begin(ctx, &made) })
}

// write lets a writer in, into the generation that at finds or makes.
func (x *Index) write(ctx context.Context, at func(ctx context.Context) (*generation, error)) (docs.Writer, error) {
	turn, err := x.take(ctx)
	if err != nil {
		return nil, err
	}
	w := &Writer{x: x, turn: turn}
	if w.at, err = at(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// put is a request that writes, whose effect is seen once it is answered.
func put(doing, method string, path ...string) call {
	return call{doing: doing, method: method, path: path, wait: true}
}

// others are the collections of this name's generations but one.
func (x *Index) others(ctx context.Context, but string) ([]string, error) {
	var all struct {
		Collections []struct {
			Name string `json:"name"`
		} `json:"collections"`
	}
	if err := x.c.ask(ctx, call{doing: "listing collections", method: http.MethodGet, path: []string{"collections"}}, nil, &all); err != nil {
		return nil, err
	}
	var names []string
	for _, c := range all.Collections {
		if rest, ok := strings.CutPrefix(c.Name, x.name+"-g"); ok && len(rest) == generationLetters && !strings.Contains(rest, "-") && c.Name != but {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// generationLetters are those of docs.NewGeneration after the first.
const generationLetters = 15

// begin goes on with a generation that was not finished and is made with the same, or
// makes one. Any other that is not in use is removed; one that cannot be, Finish tries again.
func (x *Index) begin(ctx context.Context, made *docs.Description) (*generation, error) {
	used, err := x.used(ctx)
	if err != nil && !errors.Is(err, docs.ErrEmpty) {
		return nil, err
	}
	but := ""
	if used != nil {
		but = used.collection
	}
	names, err := x.others(ctx, but)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		g, err := x.at(ctx, name)
		if err != nil {
			return nil, err
		}
		if g.name != "" && !g.over && g.made.Same(made) && g.reports == made.Dimensions {
			return g, nil
		}
		if x.drop(ctx, name) != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return x.create(ctx, made)
}

func (x *Index) drop(ctx context.Context, collection string) error {
	err := x.c.ask(ctx, call{doing: "removing a collection", method: http.MethodDelete, path: []string{"collections", collection}}, nil, nil)
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}

// clear removes all generations but one.
func (x *Index) clear(ctx context.Context, but string) error {
	names, err := x.others(ctx, but)
	for _, name := range names {
		err = errors.Join(err, x.drop(ctx, name))
	}
	return err
}

// create makes the collection of a generation. Its description comes last: without it the
// next one begins anew.
func (x *Index) create(ctx context.Context, made *docs.Description) (*generation, error) {
	g := &generation{name: docs.NewGeneration(), made: *made, reports: made.Dimensions}
	g.collection = x.collection(g.name)
	err := x.c.ask(ctx, call{doing: "making a collection", method: http.MethodPut, path: []string{"collections", g.collection}}, map[string]any{
		"vectors":        map[string]any{meaning: map[string]any{"size": made.Dimensions, "distance": "Cosine"}},
		"sparse_vectors": map[string]any{words: map[string]any{"modifier": "idf"}},
	}, nil)
	for field, schema := range map[string]string{"kind": "keyword", "uri": "keyword", "source": "keyword", "roles": "keyword", "within": "keyword", "open": "bool", "place": "integer"} {
		if err == nil {
			err = x.c.ask(ctx, put("indexing a field", http.MethodPut, "collections", g.collection, "index"), map[string]any{"field_name": field, "field_schema": schema}, nil)
		}
	}
	if err == nil {
		err = x.describe(ctx, g)
	}
	return g, err
}

// describe puts what a generation was made with, with points of its documents, and marks it
// anew.
func (x *Index) describe(ctx context.Context, g *generation, documents ...point) error {
	text, err := json.Marshal(&g.made)
	if err != nil {
		return err
	}
	made := point{ID: idOf(kindMade), Vector: map[string]any{}, Payload: payload{Kind: kindMade, Generation: g.name, Made: string(text), Mark: rand.Text(), Over: g.over}}
	return x.upsert(ctx, g.collection, append(documents, made))
}

func (x *Index) upsert(ctx context.Context, collection string, points []point) error {
	return x.c.ask(ctx, put("putting points", http.MethodPut, "collections", collection, "points"), map[string]any{"points": points}, nil)
}

// Held implements docs.Writer.
func (w *Writer) Held(ctx context.Context, source string) (map[string][sha256.Size]byte, error) {
	held := map[string][sha256.Size]byte{}
	if !docs.Storable(source) || source == "" {
		return held, nil
	}
	f := filter{Must: []condition{is("kind", kindDocument), is("source", source)}}
	err := w.x.scroll(ctx, w.at.collection, f, []string{"uri", "digest"}, func(p *payload) {
		held[p.URI] = [sha256.Size]byte{} // no document's: one that was put in parts is put again, or removed
		if digest, err := hex.DecodeString(p.Digest); err == nil && len(digest) == sha256.Size {
			held[p.URI] = [sha256.Size]byte(digest)
		}
	})
	return held, err
}

// together bounds the bytes of one request that puts points, well below the 32 MB that
// Qdrant takes by default.
const together = 2 << 20

// Put implements docs.Writer. The document loses its digest first; then passages take the
// place of those before, what is left of these goes, and the digest comes last: one that was
// put in parts, some of them perhaps with others' roles, is put again or removed by the next.
func (w *Writer) Put(ctx context.Context, d *docs.Document, passages []docs.Passage, vectors [][]float32) error {
	if err := d.Check(passages, vectors, w.at.reports); err != nil {
		return err
	}
	if err := w.turn.still(ctx); err != nil {
		return err
	}
	p := about(d)
	p.Kind, p.Findings = kindDocument, d.Findings
	document := point{ID: idOf(kindDocument, d.URI), Vector: map[string]any{}, Payload: p}
	if err := w.x.describe(ctx, w.at, document); err != nil {
		return err
	}
	var points []point
	size := 0
	for i := range passages {
		points = append(points, w.point(d, i, &passages[i], vectors[i]))
		size += docs.MaxHeading + len(passages[i].Text) + 12*len(vectors[i]) + 4*len(d.URI)
		if size < together && i < len(passages)-1 {
			continue
		}
		if err := w.x.upsert(ctx, w.at.collection, points); err != nil {
			return err
		}
		points, size = nil, 0
	}
	from := int64(len(passages))
	left := filter{Must: []condition{is("kind", kindPassage), is("uri", d.URI), {Key: "place", Range: &span{GTE: &from}}}}
	if err := w.remove(ctx, left); err != nil {
		return err
	}
	p.Digest = hex.EncodeToString(d.Digest[:])
	document.Payload = p
	return w.x.describe(ctx, w.at, document)
}

// point is that of a passage.
func (w *Writer) point(d *docs.Document, place int, p *docs.Passage, vector []float32) point {
	kept := about(d)
	kept.Kind, kept.ID, kept.Place, kept.Heading, kept.Start, kept.Text = kindPassage, p.ID, place, p.Heading, p.Start, p.Text
	vectors := map[string]any{meaning: vector}
	if said := sparse.Spoken(d.Title + " " + p.Heading + " " + p.Text); len(said.Indices) > 0 {
		vectors[words] = said
	}
	return point{ID: idOf(kindPassage, d.URI, strconv.Itoa(place)), Vector: vectors, Payload: kept}
}

func (w *Writer) remove(ctx context.Context, f filter) error {
	return w.x.c.ask(ctx, put("removing points", http.MethodPost, "collections", w.at.collection, "points", "delete"), map[string]any{"filter": f}, nil)
}

// atOnce is how many documents are removed with one request.
const atOnce = 100

// Remove implements docs.Writer.
func (w *Writer) Remove(ctx context.Context, uris []string) error {
	if err := w.turn.still(ctx); err != nil {
		return err
	}
	if err := w.x.describe(ctx, w.at); err != nil { // marked anew also where this ends half-way
		return err
	}
	for some := range slices.Chunk(uris, atOnce) {
		some = slices.DeleteFunc(slices.Clone(some), func(uri string) bool { return !docs.Storable(uri) })
		if len(some) == 0 {
			continue
		}
		if err := w.remove(ctx, filter{Must: []condition{among("uri", some)}}); err != nil {
			return err
		}
	}
	return w.x.describe(ctx, w.at)
}

// Finish implements docs.Writer. The alias leads to the generation at one moment.
func (w *Writer) Finish(ctx context.Context, made docs.Description) error {
	if err := made.Check(); err != nil {
		return err
	}
	if made.Dimensions != w.at.reports {
		return fmt.Errorf("the generation holds vectors of %d, and not of %d", w.at.reports, made.Dimensions)
	}
	if err := w.turn.still(ctx); err != nil {
		return err
	}
	w.at.made = made
	if err := w.x.describe(ctx, w.at); err != nil {
		return err
	}
	if err := w.bringIn(ctx); err != nil {
		return err
	}
	return docs.Left(w.x.clear(ctx, w.at.collection))
}

// bringIn has the alias lead to the generation. The one before is over first: should it not
// be removed, nobody takes it for one that was begun and not finished.
func (w *Writer) bringIn(ctx context.Context) error {
	used, err := w.x.used(ctx)
	if err != nil && !errors.Is(err, docs.ErrEmpty) {
		return err
	}
	if used != nil && used.name == w.at.name {
		return nil
	}
	actions := []any{map[string]any{"create_alias": map[string]any{"collection_name": w.at.collection, "alias_name": w.x.name}}}
	if used != nil {
		used.over = true
		if err := w.x.describe(ctx, used); err != nil {
			return err
		}
		actions = slices.Insert(actions, 0, any(map[string]any{"delete_alias": map[string]any{"alias_name": w.x.name}}))
	}
	return w.x.c.ask(ctx, post("bringing a collection into use", "collections", "aliases"), map[string]any{"actions": actions}, nil)
}

// Close implements docs.Writer.
func (w *Writer) Close() error { return w.turn.end() }
