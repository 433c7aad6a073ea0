package pinecone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs"
	"doorward/internal/docs/sparse"
)

// maxTouched bounds the documents that were changed and cannot be found yet.
const maxTouched = 1000

// Writer writes to one generation.
type Writer struct {
	t       *target
	turn    *turn
	at      *generation
	used    bool                // at is in use
	written map[string]uint64   // the last number of each namespace that was not waited for
	touched map[string]struct{} // documents that were changed since, as their records identify them
}

// Open implements docs.Writable.
func (x *Index) Open(ctx context.Context) (docs.Writer, error) {
	t, err := x.describe(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := t.used(ctx); err != nil {
		return nil, err
	}
	w, err := t.writer(ctx, t.used)
	if err != nil {
		return nil, err
	}
	w.used = true
	return w, nil
}

// Begin implements docs.Writable.
func (x *Index) Begin(ctx context.Context, made docs.Description) (docs.Writer, error) {
	if err := made.Check(); err != nil {
		return nil, err
	}
	t, err := x.describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.holds(&made); err != nil {
		return nil, err
	}
	w, err := t.writer(ctx, func(ctx context.Context) (*generation, error) { return t.begin(ctx, &made) })
	if err != nil {
		return nil, err
	}
	return w, nil
}

// holds refuses a description of other dimensions than the index has, which are fixed.
func (t *target) holds(made *docs.Description) error {
	if made.Dimensions == t.dimension {
		return nil
	}
	return &docs.MismatchError{
		What: "dimensions", Here: fmt.Sprintf("the embedder makes vectors of %d", made.Dimensions), There: fmt.Sprintf("the index of Pinecone holds vectors of %d", t.dimension),
		Do: "make another index of Pinecone with the embedder's dimensions, and name it",
	}
}

// writer lets a writer in, into the generation that at finds or makes.
func (t *target) writer(ctx context.Context, at func(ctx context.Context) (*generation, error)) (*Writer, error) {
	turn, err := t.take(ctx)
	if err != nil {
		return nil, err
	}
	w := &Writer{t: t, turn: turn, written: map[string]uint64{}, touched: map[string]struct{}{}}
	if w.at, err = at(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// wrote notes the number of what was written.
func (w *Writer) wrote(namespace string, number uint64) {
	w.written[namespace] = max(w.written[namespace], number)
}

// settle waits until all that was written can be found, and marks the generation in use
// anew then. Of a writer that was cut off, or has lost its turn, the next one does that, also one that
// writes to a generation not yet in use.
func (w *Writer) settle(ctx context.Context) error {
	changed := len(w.written) > 0 || w.turn.cut
	if err := w.appear(ctx); err != nil {
		return err
	}
	if !changed || !w.used && !w.turn.cut || w.turn.still() != nil {
		return nil
	}
	in := w.at
	if !w.used { // the writer before may have changed the generation in use, which this one does not write to
		var err error
		if in, err = w.t.used(ctx); err != nil && !errors.Is(err, docs.ErrEmpty) {
			return err
		}
	}
	if in != nil {
		if err := w.t.mark(ctx, markUse, in.name, &in.made); err != nil {
			return err
		}
	}
	w.turn.cut = false
	return nil
}

// appear waits until all that was written can be found.
func (w *Writer) appear(ctx context.Context) error {
	for namespace, number := range w.written {
		if err := w.t.wait(ctx, namespace, number); err != nil {
			return err
		}
	}
	clear(w.written)
	clear(w.touched)
	return nil
}

// held are the passages of a document that are there: all of them, also those that this
// writer put.
func (w *Writer) held(ctx context.Context, document string) ([]string, error) {
	_, changed := w.touched[document]
	if changed || len(w.touched) >= maxTouched {
		if err := w.settle(ctx); err != nil {
			return nil, err
		}
	}
	w.touched[document] = struct{}{}
	return w.t.list(ctx, passagesOf(w.at.name), document+"#")
}

// Held implements docs.Writer.
func (w *Writer) Held(ctx context.Context, source string) (map[string][sha256.Size]byte, error) {
	held := map[string][sha256.Size]byte{}
	if !docs.Storable(source) || source == "" {
		return held, nil
	}
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	err := w.t.scroll(ctx, documentsOf(w.at.name), is("source", source), func(p *payload) {
		held[p.URI] = [sha256.Size]byte{} // no document's: one that was put in parts is put again, or removed
		if digest, err := hex.DecodeString(p.Digest); err == nil && len(digest) == sha256.Size {
			held[p.URI] = [sha256.Size]byte(digest)
		}
	})
	return held, err
}

// Put implements docs.Writer. The document loses its digest first; then passages take the
// place of those before, what is left of these goes, and the digest comes last: one that was
// put in parts, some of them perhaps with others' roles, is put again or removed by the next.
func (w *Writer) Put(ctx context.Context, d *docs.Document, passages []docs.Passage, vectors [][]float32) error {
	if err := d.Check(passages, vectors, w.t.dimension); err != nil {
		return err
	}
	if err := w.turn.still(); err != nil {
		return err
	}
	kept := record{ID: short(d.URI), Values: axis(w.t.dimension), Metadata: about(d)}
	kept.Metadata.Findings = d.Findings
	begun := kept
	kept.Metadata.Digest = hex.EncodeToString(d.Digest[:])
	document, err := kept.encoded() // larger than what is begun with
	if err != nil {
		return err
	}
	var records []jsontext.Value
	now := map[string]bool{}
	for i := range passages {
		r := w.record(d, i, &passages[i], vectors[i])
		text, err := r.encoded()
		if err != nil {
			return err
		}
		records = append(records, text)
		now[r.ID] = true
	}
	left, err := w.held(ctx, kept.ID)
	if err != nil {
		return err
	}
	if err := w.undo(ctx, begun); err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(id string) bool { return now[id] })
	number, err := w.t.upsert(ctx, passagesOf(w.at.name), records)
	if err != nil {
		return err
	}
	w.wrote(passagesOf(w.at.name), number)
	if err := w.remove(ctx, passagesOf(w.at.name), left); err != nil {
		return err
	}
	if number, err = w.t.upsert(ctx, documentsOf(w.at.name), []jsontext.Value{document}); err == nil {
		w.wrote(documentsOf(w.at.name), number)
	}
	return err
}

// undo puts documents without their digest: they are about to be changed.
func (w *Writer) undo(ctx context.Context, documents ...record) error {
	var all []jsontext.Value
	for i := range documents {
		r := &documents[i]
		r.Metadata.Digest = ""
		text, err := r.encoded()
		if err != nil {
			return err
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return nil
	}
	number, err := w.t.upsert(ctx, documentsOf(w.at.name), all)
	if err == nil {
		w.wrote(documentsOf(w.at.name), number)
	}
	return err
}

// record is that of a passage.
func (w *Writer) record(d *docs.Document, place int, p *docs.Passage, vector []float32) *record {
	kept := about(d)
	kept.ID, kept.Place, kept.Heading, kept.Start, kept.Text = p.ID, float64(place), p.Heading, float64(p.Start), p.Text
	r := &record{ID: passageID(kept.Document, place), Values: vector, Metadata: kept}
	if w.t.words {
		if said := sparse.Spoken(d.Title + " " + p.Heading + " " + p.Text); len(said.Indices) > 0 {
			n := min(len(said.Indices), maxNonzero)
			said.Indices, said.Values = said.Indices[:n], said.Values[:n]
			r.Sparse = &said
		}
	}
	return r
}

func (w *Writer) remove(ctx context.Context, namespace string, ids []string) error {
	number, err := w.t.remove(ctx, namespace, ids)
	if err == nil {
		w.wrote(namespace, number)
	}
	return err
}

// Remove implements docs.Writer. A document loses its digest first and its own record goes
// last, by which it is put again or removed where this ends half-way.
func (w *Writer) Remove(ctx context.Context, uris []string) error {
	for some := range slices.Chunk(uris, atOnce) {
		if err := w.turn.still(); err != nil {
			return err
		}
		var passages, documents []string
		for _, uri := range some {
			if !docs.Storable(uri) {
				continue
			}
			ids, err := w.held(ctx, short(uri))
			if err != nil {
				return err
			}
			passages, documents = append(passages, ids...), append(documents, short(uri))
		}
		kept, err := w.t.fetch(ctx, documentsOf(w.at.name), documents)
		if err != nil {
			return err
		}
		begun := make([]record, 0, len(kept))
		for _, r := range kept {
			begun = append(begun, *r)
		}
		if err := w.undo(ctx, begun...); err != nil {
			return err
		}
		if err := w.remove(ctx, passagesOf(w.at.name), passages); err != nil {
			return err
		}
		if err := w.remove(ctx, documentsOf(w.at.name), documents); err != nil {
			return err
		}
	}
	return w.turn.still()
}

// Finish implements docs.Writer. One record leads to the generation, once all that is in it
// can be found.
func (w *Writer) Finish(ctx context.Context, made docs.Description) error {
	if err := made.Check(); err != nil {
		return err
	}
	if err := w.t.holds(&made); err != nil {
		return err
	}
	if err := w.appear(ctx); err != nil {
		return err
	}
	if err := w.turn.still(); err != nil {
		return err
	}
	others, err := w.t.begun(ctx, w.at.name)
	if err != nil {
		return err
	}
	for _, name := range others { // before one of them could be in use no more, and look as if it had been begun
		if err := w.t.give(ctx, name); err != nil {
			return err
		}
	}
	if err := w.t.mark(ctx, markUse, w.at.name, &made); err != nil {
		return err
	}
	w.at.made, w.used, w.turn.cut = made, true, false
	var left []error
	for _, name := range others {
		left = append(left, w.t.discard(ctx, name))
	}
	return docs.Left(errors.Join(left...))
}

// Close implements docs.Writer. What was put can be found then.
func (w *Writer) Close() error {
	if w.turn.ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*visible)
	defer cancel()
	return errors.Join(w.settle(ctx), w.turn.end())
}
