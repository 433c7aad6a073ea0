package ingest

import (
	"context"
	"fmt"

	"doorward/internal/docs"
)

// Bounds of what is embedded together.
const (
	mostTexts = 128
	mostBytes = 256 << 10
)

// place is a passage of a document.
type place struct {
	of *filed
	at int
}

// batch are texts that are embedded together, of one document or of several.
type batch struct {
	texts  []string
	places []place
	bytes  int
}

// together puts the passages of documents together as far as the embedder takes them. What
// there is goes on at once where nothing more waits.
func (b *bringing) together(ctx context.Context) error {
	most := max(1, min(b.Embedder.Most(), mostTexts))
	var now batch
	flush := func() error {
		if len(now.texts) == 0 {
			return nil
		}
		full := now
		now = batch{}
		return send(ctx, b.batches, full)
	}
	for {
		f, more, err := b.next(ctx, flush)
		if err != nil || !more {
			return err
		}
		for i := range f.passages {
			text := docs.Embedded(&f.Document, &f.passages[i])
			if len(now.texts) == most || len(now.texts) > 0 && now.bytes+len(text) > mostBytes {
				if err := flush(); err != nil {
					return err
				}
			}
			now.texts, now.places, now.bytes = append(now.texts, text), append(now.places, place{f, i}), now.bytes+len(text)
		}
	}
}

// next is the next document, after what there is was sent on if there is none yet; false
// at the end.
func (b *bringing) next(ctx context.Context, flush func() error) (*filed, bool, error) {
	select {
	case f, ok := <-b.read:
		if !ok {
			return nil, false, flush()
		}
		return f, true, nil
	default:
	}
	if err := flush(); err != nil {
		return nil, false, err
	}
	select {
	case f, ok := <-b.read:
		return f, ok, nil
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

// embedding asks the embedder, and hands on documents that have all their vectors.
func (b *bringing) embedding(ctx context.Context) error {
	for batch := range b.batches {
		vectors, err := b.patience.embed(ctx, batch.texts)
		if err != nil {
			return fmt.Errorf("embedding %s: %w", batch.places[0].of.Origin, err)
		}
		for i, p := range batch.places {
			p.of.vectors[p.at] = vectors[i]
			if p.of.left.Add(-1) == 0 {
				if err := send(ctx, b.outcomes, outcome{what: kept, uri: p.of.URI, origin: p.of.Origin, filed: p.of}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
