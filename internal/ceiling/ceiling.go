// Package ceiling bounds what the gateway holds for messages under way, of all clients together: how
// many there are, and how many bytes of bodies and answers. What finds no room is refused at once; nobody
// waits.
//
// Of both, one principal has half at most, so that a flood of one leaves room for the others. Who it
// is is known once it has signed in; until then a message counts for nobody. Principals are told apart
// by a hash: two in some thousand share one half (McKenney, "Stochastic Fairness Queueing", INFOCOM
// 1990), and nothing is kept for one who has nothing under way.
//
// listen enters messages and their bodies, and upstream the answers. Nothing here locks or allocates.
package ceiling

import (
	"hash/maphash"
	"sync/atomic"
)

// shares is how many principals are told apart.
const shares = 4096

// Most is how much there may be. Both are more than zero.
type Most struct {
	Messages int64 // under way
	Bytes    int64 // of bodies and answers
}

// Ceiling counts what is under way. Any number of goroutines may use it; nil bounds nothing.
type Ceiling struct {
	mostMessages, mostBytes atomic.Int64
	messages, bytes         atomic.Int64
	refused                 atomic.Int64
	seed                    maphash.Seed
	of                      [shares]amount
}

// amount is what principals of one hash have under way.
type amount struct{ messages, bytes atomic.Int64 }

// New makes a ceiling.
func New(m Most) *Ceiling {
	c := &Ceiling{seed: maphash.MakeSeed()}
	c.Resize(m)
	return c
}

// Resize changes how much there may be. What is under way stays.
func (c *Ceiling) Resize(m Most) {
	c.mostMessages.Store(m.Messages)
	c.mostBytes.Store(m.Bytes)
}

// Most is how much there may be.
func (c *Ceiling) Most() Most { return Most{c.mostMessages.Load(), c.mostBytes.Load()} }

// Held is how much there is.
func (c *Ceiling) Held() Most { return Most{c.messages.Load(), c.bytes.Load()} }

// Refused is how often something found no room.
func (c *Ceiling) Refused() int64 { return c.refused.Load() }

// Holding is what one message holds. The zero value holds nothing. One goroutine uses it at a time.
type Holding struct {
	of      *Ceiling
	share   *amount // its principal's; nil until that is known
	entered bool
	bytes   int64
}

// Enter takes in a message. False: there are too many, and h holds nothing.
func (c *Ceiling) Enter(h *Holding) bool {
	if c == nil {
		return true
	}
	if c.messages.Add(1) > c.mostMessages.Load() {
		c.messages.Add(-1)
		c.refused.Add(1)
		return false
	}
	h.of, h.entered = c, true
	return true
}

// Begin has h hold bytes and no message: those of an answer.
func (c *Ceiling) Begin(h *Holding) { h.of = c }

// Belongs says whose message it is, once. False: the principal has its share under way.
func (h *Holding) Belongs(realm, tenant, subject string) bool {
	c := h.of
	if c == nil || h.share != nil {
		return true
	}
	const odd = 0x9e3779b97f4a7c15 // so that the order counts
	sum := (maphash.String(c.seed, realm)*odd+maphash.String(c.seed, tenant))*odd + maphash.String(c.seed, subject)
	share := &c.of[sum%shares]
	if share.messages.Add(1) > (c.mostMessages.Load()+1)/2 || share.bytes.Load() > c.mostBytes.Load()/2 {
		share.messages.Add(-1)
		c.refused.Add(1)
		return false
	}
	h.share = share
	return true
}

// Grow takes in n bytes more. False: there is no room. A message that has entered leaves a quarter of
// it to answers, for a call whose answer finds none was made for nothing.
func (h *Holding) Grow(n int64) bool {
	c := h.of
	if c == nil {
		return true
	}
	most := c.mostBytes.Load()
	if h.entered {
		most -= most / 4
	}
	if c.bytes.Add(n) > most {
		c.bytes.Add(-n)
		c.refused.Add(1)
		return false
	}
	if h.share != nil {
		h.share.bytes.Add(n)
	}
	h.bytes += n
	return true
}

// Bytes is how many it holds.
func (h *Holding) Bytes() int64 { return h.bytes }

// Leave gives back everything. Another call does nothing.
func (h *Holding) Leave() {
	c := h.of
	if c == nil {
		return
	}
	c.bytes.Add(-h.bytes)
	if h.share != nil {
		h.share.messages.Add(-1)
		h.share.bytes.Add(-h.bytes)
	}
	if h.entered {
		c.messages.Add(-1)
	}
	*h = Holding{}
}
