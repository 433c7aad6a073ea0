package docs

import (
	"context"
	"crypto/sha256"
	"errors"
)

// Errors of an index, told from others with errors.Is.
var (
	ErrEmpty = errors.New("nothing was ingested yet") // no generation is in use
	ErrGone  = errors.New("the generation of the index is in use no more")
	ErrNone  = errors.New("no such document") // or one that the roles may not read: they are not told apart
	ErrBusy  = errors.New("another ingestion writes to the index")
)

// LeftError tells that a generation is in use as it was to be, and that one before it could not
// be removed. State names that one no more, and none goes on with it: the next Finish removes
// it.
type LeftError struct{ Err error }

func (e *LeftError) Error() string {
	return "documents of before could not be removed, and take room until an ingestion removes them: " + e.Err.Error()
}

func (e *LeftError) Unwrap() error { return e.Err }

// Left is what an index says of removing generations that are not in use; nil: it did.
func Left(err error) error {
	if err == nil {
		return nil
	}
	return &LeftError{err}
}

// Description is what a generation of an index was made with.
type Description struct {
	Embedder   string            `json:"embedder"` // kind: lexical, openai, gemini, onnx
	Model      string            `json:"model"`
	Dimensions int               `json:"dimensions"`
	Metric     string            `json:"metric"`  // cosine
	Chunker    string            `json:"chunker"` // how documents were cut, with its bounds
	Access     [sha256.Size]byte `json:"access"`  // of the rules by which documents got their roles
	Sources    []Source          `json:"sources"` // sorted by name
}

// Source is where documents are brought in from.
type Source struct {
	Name   string `json:"name"`   // the second part of the documents' URIs: docs://UPSTREAM/NAME/
	Kind   string `json:"kind"`   // tree, sitemap or urls
	Origin string `json:"origin"` // the absolute path or the URL
}

// MaxSources is the most sources of an index.
const MaxSources = 256

// State is an index's own word on its generation in use. It is asked before each search: to
// know it, no index counts anything.
type State struct {
	Generation string // name; another one with each reindexing
	Mark       string // another one once what was put, taken out or brought into use can be found; it says nothing else
	Made       Description
	Reports    int // dimensions that the store itself holds its vectors to, whatever it was made with
}

// Counts is how much a generation holds.
type Counts struct{ Documents, Passages int }

// Query is a search in one generation. Documents outside Roles are never looked at: they
// are left out within the query and not from its answer.
type Query struct {
	Generation string
	Words      string    // looked for in full text; empty: not searched by words
	Vector     []float32 // of length 1; nil: not searched by meaning
	Limit      int       // of each of the two lists; 1 to MaxHits
	Roles      []string  // of the caller, sorted
	Source     string    // documents of this source alone; empty: all
	Under      string    // documents whose URI begins with it; empty: all
}

// MaxHits is the most that one of the two lists of an answer has.
const MaxHits = 200

// Hit is a passage that was found.
type Hit struct {
	Document Document // Findings, Digest and Modified may be left out
	Passage  Passage
	Score    float64 // by meaning the cosine, by words the index's own; more is better
}

// Answer are the best passages by words and by meaning, best first.
type Answer struct{ Words, Meaning []Hit }

// Index finds documents. Its methods are called by many at a time. Each of them speaks of
// one generation: one that is not in use any more is ErrGone.
type Index interface {
	// State says what the index is now; ErrEmpty before the first ingestion.
	State(ctx context.Context) (State, error)
	Search(ctx context.Context, q Query) (Answer, error)
	// List is a page of the documents that the roles may read, by URI, of those after one.
	List(ctx context.Context, l Listing) ([]Document, error)
	// Read is a document and its passages in their order; ErrNone.
	Read(ctx context.Context, generation, uri string, roles []string) (Document, []Passage, error)
	// Close ends what the index keeps open.
	Close() error
}

// Listing is which documents are listed.
type Listing struct {
	Generation string
	After      string // URI; empty: from the first
	Limit      int    // 1 to 1000
	Roles      []string
}

// Writable is an index that documents are brought into. One writer at a time is let in:
// the next is ErrBusy, also from another process.
type Writable interface {
	Index
	// Count looks at all of a generation, for people who ask how much it holds.
	Count(ctx context.Context, generation string) (Counts, error)
	// Open continues the generation in use; ErrEmpty where there is none.
	Open(ctx context.Context) (Writer, error)
	// Begin starts a generation beside the one in use, which is in use from Finish on. What
	// an earlier one that was not finished left is continued where it was made with the same,
	// and removed otherwise.
	Begin(ctx context.Context, made Description) (Writer, error)
}

// Writer brings documents into one generation. It is called by one at a time.
type Writer interface {
	// Held are the digests of the source's documents, by URI.
	Held(ctx context.Context, source string) (map[string][sha256.Size]byte, error)
	// Put keeps a document in place of what its URI was before, whole or not at all as far as
	// the store can do that; otherwise a document that was put in parts is put again.
	// vectors[i] is that of passages[i].
	Put(ctx context.Context, d *Document, passages []Passage, vectors [][]float32) error
	// Remove takes documents out, by URI.
	Remove(ctx context.Context, uris []string) error
	// Finish brings the generation into use, as made with this, and removes the others. Where
	// that is all that failed it is in use, and the error a *LeftError.
	Finish(ctx context.Context, made Description) error
	// Close lets the next writer in. What was put stays.
	Close() error
}
