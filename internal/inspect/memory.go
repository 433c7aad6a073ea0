package inspect

import (
	"container/list"
	"sync"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
)

// maxConversations bounds Memory. The one that was quiet longest is forgotten.
const maxConversations = 4096

// Memory keeps, of each conversation, the little that it takes to recognise a
// secret that is sent in pieces over several calls (secrets.Pieces). It is made
// once, outlives reloads, and any number of goroutines may use it.
type Memory struct {
	mu     sync.Mutex
	recent *list.List // of *conversationPieces, latest first
	by     map[string]*list.Element
}

// conversationPieces is what is kept of one conversation.
type conversationPieces struct {
	key    string
	mu     sync.Mutex
	pieces secrets.Pieces
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{recent: list.New(), by: make(map[string]*list.Element)}
}

// conversation is whose calls are joined: a principal's, whatever session they
// come in, so that a new session forgets nothing.
func conversation(ex *gate.Exchange) string { return ex.Principal.Key() }

func (m *Memory) of(key string) *conversationPieces {
	m.mu.Lock()
	defer m.mu.Unlock()
	if el, ok := m.by[key]; ok {
		m.recent.MoveToFront(el)
		return el.Value.(*conversationPieces) //nolint:forcetypeassert // the list holds nothing else
	}
	if m.recent.Len() >= maxConversations {
		last := m.recent.Back()
		m.recent.Remove(last)
		delete(m.by, last.Value.(*conversationPieces).key) //nolint:forcetypeassert // the list holds nothing else
	}
	c := &conversationPieces{key: key}
	m.by[key] = m.recent.PushFront(c)
	return c
}

// add takes the strings of a call to a sink and says what they complete. What was found is
// forgotten: the next call has nothing to do with it.
func (m *Memory) add(key, sink string, texts []string, canaries *secrets.Canaries) (found, planted []gate.Finding) {
	c := m.of(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	found = c.pieces.Add(sink, texts)
	if canaries != nil {
		if planted = canaries.Find(c.pieces.Tail()); len(planted) > 0 {
			c.pieces = secrets.Pieces{}
		}
	}
	return found, planted
}
