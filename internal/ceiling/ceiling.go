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
	"math"
	"sync/atomic"
)

const (
	shares = 4096 // principals that are told apart

	// Small is the largest message, in bytes, that may have a place of the reserve. The reserve is for what
	// ends messages under way: without it a full ceiling would keep out what empties it.
	Small      = 64 << 10
	sparePart  = 16 // of the messages is the reserve, which is beside them
	leastSpare = 16
)

// Most is how much there may be. Both are more than zero.
type Most struct {
	Messages int64 // under way
	Bytes    int64 // of bodies and answers
}

// Ceiling counts what is under way. Any number of goroutines may use it; nil bounds nothing.
type Ceiling struct {
	mostMessages, mostBytes atomic.Int64
	messages, bytes         atomic.Int64
	spares                  atomic.Int64 // messages in the reserve
	refused                 atomic.Int64
	seed                    maphash.Seed
	of                      [shares]amount
}

// amount is what principals of one hash have under way.
type amount struct{ messages, spares, bytes atomic.Int64 }

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
	small   bool
	spare   bool // it has a place of the reserve
	bytes   int64
}

// Small lets h have a place of the reserve where there is no other: a message of Small bytes at most.
func (h *Holding) Small() { h.small = true }

// Spare tells whether it has a place of the reserve, which is for what ends messages under way alone.
func (h *Holding) Spare() bool { return h.spare }

// Refuse counts a message that has a place of the reserve and is not what that is for.
func (h *Holding) Refuse() {
	if h.of != nil {
		h.of.refused.Add(1)
	}
	h.Leave()
}

// reserve is how many places there are in it. One principal has half of them.
func (c *Ceiling) reserve() int64 { return max(leastSpare, c.mostMessages.Load()/sparePart) }

// spared gives h a place of the reserve instead of what it has, if it may have one. share is its
// principal's; nil until that is known.
func (c *Ceiling) spared(h *Holding, share *amount) bool {
	if !h.small || h.spare {
		return false
	}
	most := c.reserve()
	if c.spares.Add(1) > most {
		c.spares.Add(-1)
		return false
	}
	if share != nil && share.spares.Add(1) > most/2 {
		share.spares.Add(-1)
		c.spares.Add(-1)
		return false
	}
	h.Idle()
	h.of, h.share, h.spare = c, share, true
	return true
}

// Enter takes in a message. False: there are too many, and h holds nothing.
func (c *Ceiling) Enter(h *Holding) bool {
	if c == nil {
		return true
	}
	if c.messages.Add(1) > c.mostMessages.Load() {
		c.messages.Add(-1)
		if c.spared(h, nil) {
			return true
		}
		c.refused.Add(1)
		return false
	}
	h.of, h.entered = c, true
	return true
}

// Begin has h hold bytes and no message: those of an answer to the principal.
func (c *Ceiling) Begin(h *Holding, realm, tenant, subject string) {
	if c != nil {
		h.of, h.share = c, c.share(realm, tenant, subject)
	}
}

// share is what a principal has under way.
func (c *Ceiling) share(realm, tenant, subject string) *amount {
	const odd = 0x9e3779b97f4a7c15 // so that the order counts
	sum := (maphash.String(c.seed, realm)*odd+maphash.String(c.seed, tenant))*odd + maphash.String(c.seed, subject)
	return &c.of[sum%shares]
}

// Belongs says whose message it is, once, before it grows. False: the principal has its share under way.
func (h *Holding) Belongs(realm, tenant, subject string) bool {
	c := h.of
	if c == nil || h.share != nil {
		return true
	}
	share := c.share(realm, tenant, subject)
	if h.spare {
		if share.spares.Add(1) > c.reserve()/2 {
			share.spares.Add(-1)
			c.refused.Add(1)
			return false
		}
		h.share = share
		return true
	}
	if share.messages.Add(1) > (c.mostMessages.Load()+1)/2 {
		share.messages.Add(-1)
		if c.spared(h, share) {
			return true
		}
		c.refused.Add(1)
		return false
	}
	h.share = share
	return true
}

// Grow takes in n bytes more. False: there is no room, or the principal has its half. A message that has
// entered leaves a quarter of either to answers, for a call whose answer finds none was made for nothing.
func (h *Holding) Grow(n int64) bool {
	c := h.of
	if c == nil || h.grow(n) || c.spared(h, h.share) && h.grow(n) {
		return true
	}
	c.refused.Add(1)
	return false
}

// grow does what Grow does, and counts no refusal. What has a place of the reserve is bounded by that.
func (h *Holding) grow(n int64) bool {
	c := h.of
	most := c.mostBytes.Load()
	switch {
	case h.spare && h.bytes+n > Small:
		return false
	case h.spare:
		most = math.MaxInt64
	case h.entered:
		most -= most / 4
	}
	if c.bytes.Add(n) > most {
		c.bytes.Add(-n)
		return false
	}
	if h.share != nil && h.share.bytes.Add(n) > most/2 {
		h.share.bytes.Add(-n)
		c.bytes.Add(-n)
		return false
	}
	h.bytes += n
	return true
}

// Bytes is how many it holds.
func (h *Holding) Bytes() int64 { return h.bytes }

// Idle gives back the message and keeps the bytes: it waits from here on, and is there all the while.
func (h *Holding) Idle() {
	if !h.entered {
		return
	}
	h.entered = false
	h.of.messages.Add(-1)
	if h.share != nil {
		h.share.messages.Add(-1)
	}
}

// Leave gives back everything. Another call does nothing.
func (h *Holding) Leave() {
	c := h.of
	if c == nil {
		return
	}
	h.Idle()
	c.bytes.Add(-h.bytes)
	if h.share != nil {
		h.share.bytes.Add(-h.bytes)
	}
	if h.spare {
		c.spares.Add(-1)
		if h.share != nil {
			h.share.spares.Add(-1)
		}
	}
	*h = Holding{}
}
