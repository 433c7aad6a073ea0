package docs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorward/internal/gate"
)

// Model is what an embedder is: its vectors can be compared with those of an equal one alone.
type Model struct {
	Kind       string // lexical, openai, gemini, onnx
	Name       string
	Dimensions int
}

// Lexical is the kind of the embedder whose vectors are of words and their parts.
const Lexical = "lexical"

// ErrNoKey is a call of an embedder with nobody's key: the operator configured none, and
// the caller brought none.
var ErrNoKey = errors.New("the embedder needs a key: the operator configured none, and the caller brought none")

// Texts are what is embedded together.
type Texts struct {
	All   []string
	Query bool        // they are questions, and not passages: some models tell them apart
	Key   gate.Secret // the caller's own, for this once; zero: the operator's
}

// Embedder makes vectors of length 1 from texts. Its methods are called by many at a time.
type Embedder interface {
	Model() Model
	// Most is how many texts may be embedded together, 1 or more.
	Most() int
	// Embed returns a vector for each text, all of Model's dimensions: *MismatchError where
	// the model answers with others, *LaterError where it asks to be left alone for a while.
	Embed(ctx context.Context, t Texts) ([][]float32, error)
	Close() error
}

// MismatchError are two sides that do not fit each other. Nothing was written or searched.
type MismatchError struct {
	What        string // dimensions, model, embedder, metric, chunker, access
	Here, There string // each with who says so: "the configuration: 1536", "the index docs: 384"
	Do          string // how it is mended
}

// Error implements error.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s do not fit: %s; %s: %s", e.What, e.Here, e.There, e.Do)
}

// EmbedderError is what a search fails by where the embedder, and not the index, is why.
type EmbedderError struct {
	Err     error
	WithOwn bool // the caller's own key was used
}

func (e *EmbedderError) Error() string { return e.Err.Error() }

// Unwrap returns what the embedder said.
func (e *EmbedderError) Unwrap() error { return e.Err }

// LaterError is an embedder that asks to be left alone for a while: a limit of its own.
type LaterError struct {
	After time.Duration // 0: it does not say
	Err   error
}

// Error implements error.
func (e *LaterError) Error() string { return "the embedder wants less to do: " + e.Err.Error() }

// Unwrap returns what it said.
func (e *LaterError) Unwrap() error { return e.Err }
