package upstream

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"sync"

	"doorward/internal/gate"
)

// maxAsks is how many of an upstream's requests may wait for one session's
// client at a time.
const maxAsks = 64

// ask is an upstream's request that waits for the client's answer.
type ask struct {
	upstream  string   // whose call it belongs to
	channel   *channel // nil for a question of Doorward's own
	conn      *conn
	id        []byte // the upstream's own token
	method    string
	task      []byte             // that it belongs to, the upstream's own id; nil for none
	shownTask []byte             // the same as the client knows it
	call      *calling           // during which it was made; nil outside any
	origin    *origin            // of the call that it is taken to be of, for a question for the model; nil: of none
	reply     chan *gate.Message // takes the answer, where it does not go to the upstream as it is; has room for it
}

type askKey struct{ session, shown string }

// asks are the requests that upstreams made of clients. An answer finds its
// request by a random id within its own session, so that it can be neither
// guessed nor given to another.
type asks struct {
	nestings *nestings

	mu   sync.Mutex
	open map[askKey]*ask
	each map[string]int // per session
}

// add returns the id token that the client shall see; false when the session
// has too many.
func (a *asks) add(session string, k *ask) ([]byte, bool) {
	var random [10]byte
	_, _ = rand.Read(random[:]) // does not fail (crypto/rand)
	shown := `"dw-` + strings.ToLower(base32.StdEncoding.EncodeToString(random[:])) + `"`
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open, a.each = map[askKey]*ask{}, map[string]int{}
	}
	if a.each[session] >= maxAsks || k.method == methodSampling && !a.sampled(session, shown, k) {
		return nil, false
	}
	a.open[askKey{session, shown}] = k
	a.each[session]++
	return []byte(shown), true
}

// sampled notes a question for the client's model; it needs mu. One that no call waits for leads to no chain of them.
func (a *asks) sampled(session, shown string, k *ask) bool {
	return k.origin == nil || a.nestings.ask(owner{ofSession, session}, k.origin, sampled{id: shown, upstream: k.upstream})
}

func (a *asks) find(session, shown string) *ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[askKey{session, shown}]
}

// answer is take for the client's answer.
func (a *asks) answer(session, shown string) *ask {
	a.nestings.answered(owner{ofSession, session}, func(q *sampled) bool { return q.id == shown })
	return a.take(session, shown)
}

// take returns a request once.
func (a *asks) take(session, shown string) *ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := askKey{session, shown}
	k := a.open[key]
	if k != nil {
		a.drop(key)
	}
	return k
}

// drop needs mu.
func (a *asks) drop(key askKey) {
	if a.open[key].method == methodSampling {
		a.nestings.over(owner{ofSession, key.session}, key.shown)
	}
	delete(a.open, key)
	if a.each[key.session]--; a.each[key.session] <= 0 {
		delete(a.each, key.session)
	}
}

func (a *asks) dropIf(match func(askKey, *ask) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, k := range a.open {
		if match(key, k) {
			a.drop(key)
		}
	}
}

func (a *asks) dropSession(session string) {
	a.dropIf(func(key askKey, _ *ask) bool { return key.session == session })
}

func (a *asks) dropChannel(c *channel) {
	a.dropIf(func(_ askKey, k *ask) bool { return k.channel == c })
}

// dropCall ends what a call has asked. A question on a stream that names no call is left to its answer.
func (a *asks) dropCall(c *calling) {
	a.dropIf(func(_ askKey, k *ask) bool { return k.call == c })
}

// Ask tells which upstream's request, and of which method, a client's answer
// with that id token belongs to.
func (p *Pool) Ask(session *gate.Session, shownID []byte) (upstream, method string, ok bool) {
	if session == nil {
		return "", "", false
	}
	k := p.asks.find(session.ID, string(shownID))
	if k == nil {
		return "", "", false
	}
	return k.upstream, k.method, true
}
