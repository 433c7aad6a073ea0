// Package onnx makes vectors by a model of the BERT family that runs in this process, such
// as all-MiniLM-L6-v2: its weights are a file in the ONNX format, and nothing is sent
// anywhere. docs/embed makes its embedder.
package onnx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/onnx/graph"
)

// Kind is the embedder's kind in a configuration and in the description of an index.
const Kind = "onnx"

// length is how many tokens of a text are read: max_seq_length of all-MiniLM-L6-v2. What
// follows is not in the vector.
const length = 256

// most is how many texts are embedded together. They run one after the other: it is what
// others are given at a time, so that a command that is ended ends soon.
const most = 16

// Settings are a model. Model and Directory are required.
type Settings struct {
	Model      string // its name, for people
	Directory  string // has model.onnx, also below onnx, and tokenizer.json
	Digest     string // SHA-256 of model.onnx in hexadecimal; another file is refused. Empty: any is taken
	Dimensions int    // 0: as many as the model has
	Query      string // put before a question
	Passage    string // put before a passage
}

// Embedder runs a model.
type Embedder struct {
	model          docs.Model
	graph          *graph.Graph
	tokenizer      *tokenizer
	query, passage string
	running        chan struct{} // as many texts as run at a time
}

// New reads a model.
func New(s Settings) (*Embedder, error) {
	switch {
	case s.Model == "" || len(s.Model) > 256:
		return nil, errors.New("the embedder onnx: the model needs a name, of at most 256 bytes")
	case s.Dimensions < 0 || s.Dimensions > docs.MaxDimension:
		return nil, fmt.Errorf("the embedder onnx: there are 1 to %d dimensions", docs.MaxDimension)
	}
	files, err := read(s.Directory, s.Digest)
	if err != nil {
		return nil, fmt.Errorf("the embedder onnx: %w", err)
	}
	e := &Embedder{query: s.Query, passage: s.Passage, running: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	if e.tokenizer, err = readTokenizer(files.tokenizer); err != nil {
		return nil, fmt.Errorf("the embedder onnx: %s: %w", NameWords, err)
	}
	if e.graph, err = graph.Read(files.model, "last_hidden_state", "token_embeddings"); err != nil {
		return nil, fmt.Errorf("the embedder onnx: %s: %w", NameModel, err)
	}
	for _, name := range e.graph.Inputs {
		if name != "input_ids" && name != "attention_mask" && name != "token_type_ids" {
			return nil, fmt.Errorf("the embedder onnx: %s wants the input %q, which a model of BERT's family does not have", NameModel, name)
		}
	}
	e.model = docs.Model{Kind: Kind, Name: named(&s, files), Dimensions: s.Dimensions}
	v, err := e.vector(context.Background(), "word")
	if err != nil {
		return nil, fmt.Errorf("the embedder onnx: %s: %w", NameModel, err)
	}
	if s.Dimensions == 0 {
		e.model.Dimensions = len(v)
	}
	return e, nil
}

// named is the model's name with whatever makes its vectors others: the files, the length
// of a text and the prefixes.
func named(s *Settings, f *files) string {
	h := sha256.New()
	for _, b := range [][]byte{f.model, f.tokenizer} {
		d := sha256.Sum256(b)
		h.Write(d[:])
	}
	fmt.Fprintf(h, "%d %q %q", length, s.Query, s.Passage)
	return s.Model + " " + hex.EncodeToString(h.Sum(nil)[:6])
}

// Model implements docs.Embedder.
func (e *Embedder) Model() docs.Model { return e.model }

// Most implements docs.Embedder.
func (e *Embedder) Most() int { return most }

// Embed implements docs.Embedder. Half as many texts run at a time as there are processors,
// whoever they are of; others wait.
func (e *Embedder) Embed(ctx context.Context, t docs.Texts) ([][]float32, error) {
	before := e.passage
	if t.Query {
		before = e.query
	}
	vectors := make([][]float32, len(t.All))
	for i, text := range t.All {
		select {
		case e.running <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		v, err := e.vector(ctx, before+text)
		<-e.running
		if err != nil {
			return nil, err
		}
		if len(v) != e.model.Dimensions {
			return nil, &docs.MismatchError{
				What: "dimensions", Here: fmt.Sprintf("the configuration says %d", e.model.Dimensions), There: fmt.Sprintf("the model %s answers with vectors of %d", e.model.Name, len(v)),
				Do: "configure the model's own dimensions, or another model",
			}
		}
		vectors[i] = v
	}
	return vectors, nil
}

// vector is the mean of a text's tokens, brought to length 1. Each text runs by itself, so
// that there is nothing to fill up and to mask.
func (e *Embedder) vector(ctx context.Context, text string) ([]float32, error) {
	ids := e.tokenizer.tokens(text, length)
	n := len(ids)
	mask := make([]int64, n)
	for i := range mask {
		mask[i] = 1
	}
	shape := []int{1, n}
	out, err := e.graph.Run(ctx, map[string]*graph.Tensor{
		"input_ids": graph.Integers(shape, ids), "attention_mask": graph.Integers(shape, mask), "token_type_ids": graph.Integers(shape, make([]int64, n)),
	})
	if err != nil {
		return nil, err
	}
	if len(out.Shape) != 3 || out.Shape[0] != 1 || out.Shape[1] != n || len(out.Floats) == 0 {
		return nil, fmt.Errorf("the model makes %v of %d tokens, and not a vector of each", out.Shape, n)
	}
	return mean(out.Floats, out.Shape[2])
}

// mean is the mean of vectors, brought to length 1. The number of them does not matter then.
func mean(list []float32, dimensions int) ([]float32, error) {
	sums, square := make([]float64, dimensions), 0.0
	for at := 0; at < len(list); at += dimensions {
		for i, x := range list[at : at+dimensions] {
			sums[i] += float64(x)
		}
	}
	for _, s := range sums {
		square += s * s
	}
	if math.IsNaN(square) || math.IsInf(square, 0) || square < 1e-60 {
		return nil, errors.New("the model's vector is zero, or holds a number that is none")
	}
	v, length := make([]float32, dimensions), math.Sqrt(square)
	for i, s := range sums {
		v[i] = float32(s / length)
	}
	return v, nil
}

// Close implements docs.Embedder.
func (e *Embedder) Close() error { return nil }

// digestOf checks how a digest is written.
func digestOf(s string) (string, error) {
	s = strings.ToLower(strings.TrimPrefix(s, "sha256:"))
	if b, err := hex.DecodeString(s); err != nil || len(b) != sha256.Size {
		return "", errors.New("a digest is SHA-256 in 64 hexadecimal digits")
	}
	return s, nil
}
