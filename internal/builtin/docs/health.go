package docs

import (
	"cmp"
	"errors"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"doorward/internal/docs"
)

// health is whether the index and its embedder did what they were asked for last. One that fails goes
// on failing while the other answers.
type health struct {
	tell func(error) // nil: nobody is told

	mu              sync.Mutex
	index, embedder error
}

// called notes what a call that was not given up shows, whose error has not been made one for callers.
// Wrong arguments, a document that is not there, a key that a caller brought or did not, and an
// embedder that wants less to do say nothing against either.
func (h *health) called(err error) {
	_, wrong := errors.AsType[*jsonrpc.Error](err)
	_, later := errors.AsType[*docs.LaterError](err)
	of, embedding := errors.AsType[*docs.EmbedderError](err)
	switch {
	case wrong || later || errors.Is(err, errInput) || errors.Is(err, docs.ErrNoKey) || errors.Is(err, errNone) || embedding && of.WithOwn:
	case embedding:
		h.note(&h.embedder, of)
	case errors.Is(err, docs.ErrNone), errors.Is(err, docs.ErrEmpty):
		h.note(&h.index, nil)
	default:
		h.note(&h.index, err)
	}
}

// embedded notes that the embedder did what it was asked for.
func (h *health) embedded() { h.note(&h.embedder, nil) }

func (h *health) note(part *error, err error) {
	if h.tell == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	*part = err
	h.tell(cmp.Or(h.index, h.embedder))
}
