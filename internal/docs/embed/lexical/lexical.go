// Package lexical makes vectors of texts from their words alone: it finds the same words
// and parts of them, not meaning. "car" and "automobile" are strangers to it, "configure"
// and "configuration" are not. It needs no model and no network, and the same text has the
// same vector, to the bit, on every machine. docs/embed calls it.
package lexical

import (
	"context"
	"fmt"
	"sync"

	"doorward/internal/docs"
)

// Kind is the embedder's kind in a configuration and in the description of an index.
const Kind = docs.Lexical

// Name is the model's name. Another way to make the vectors takes another number, since
// they cannot be compared with those of this one.
const Name = "lexical-1"

// Dimensions of a vector. Fewer make more words share a place.
const (
	Default = 384
	Least   = 64
)

// most is how many texts are embedded together. The embedder does not gain by it: it is
// what others are given at a time, so that they are asked for less than a second's work.
const most = 256

// kept is the largest table of features that is used again: a passage's is smaller.
const kept = 1 << 15

// Embedder is the embedder. It holds nothing but memory that is used again.
type Embedder struct {
	dimensions int
	scratch    sync.Pool // of *scratch
}

// New makes an embedder; dimensions 0 are Default.
func New(dimensions int) (*Embedder, error) {
	if dimensions == 0 {
		dimensions = Default
	}
	if dimensions < Least || dimensions > docs.MaxDimension {
		return nil, fmt.Errorf("the lexical embedder makes vectors of %d to %d dimensions, and not of %d", Least, docs.MaxDimension, dimensions)
	}
	return &Embedder{dimensions: dimensions}, nil
}

// Model implements docs.Embedder.
func (e *Embedder) Model() docs.Model {
	return docs.Model{Kind: Kind, Name: Name, Dimensions: e.dimensions}
}

// Most implements docs.Embedder.
func (e *Embedder) Most() int { return most }

// Embed implements docs.Embedder. It fails when ctx is done and never otherwise; questions
// and passages are the same to it.
func (e *Embedder) Embed(ctx context.Context, t docs.Texts) ([][]float32, error) {
	s, _ := e.scratch.Get().(*scratch)
	if s == nil {
		s = new(scratch)
	}
	defer func() {
		if len(s.table) <= kept {
			e.scratch.Put(s)
		}
	}()
	values := make([]float32, len(t.All)*e.dimensions)
	vectors := make([][]float32, len(t.All))
	for i, text := range t.All {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		vectors[i] = values[i*e.dimensions : (i+1)*e.dimensions : (i+1)*e.dimensions]
		s.embed(text, vectors[i])
	}
	return vectors, nil
}

// Close implements docs.Embedder.
func (e *Embedder) Close() error { return nil }
