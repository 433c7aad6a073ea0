package issuer

import (
	"context"
	"net/netip"
	"sync"
)

// What one address may have of the questions to an issuer: strangers choose what
// is asked about, and must not keep everybody else's tokens from being judged
// (AUT-29).
const (
	maxShare   = 8  // questions at one time
	maxWaiting = 64 // more that wait for their turn
)

// shares are the addresses that wait for answers. There are no more of them than
// requests under way. The zero value is ready.
type shares struct {
	mu sync.Mutex
	of map[netip.Prefix]*share
}

// share is what one IPv4 address or IPv6 network of 64 bits has.
type share struct {
	places chan struct{}
	users  int // that have a place or wait for one
}

// take waits for the address's turn. give must be called when the answer is there.
func (s *shares) take(ctx context.Context, from netip.Addr) (give func(), err error) {
	at := network(from)
	s.mu.Lock()
	one := s.of[at]
	if one == nil {
		one = &share{places: make(chan struct{}, maxShare)}
		if s.of == nil {
			s.of = make(map[netip.Prefix]*share)
		}
		s.of[at] = one
	}
	if one.users >= maxShare+maxWaiting {
		s.mu.Unlock()
		return nil, errBusy
	}
	one.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(s.of, at)
		}
	}
	select {
	case one.places <- struct{}{}:
		return func() { <-one.places; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, errBusy
	}
}

// network is whose an address is: an IPv6 host has all of its last 64 bits to
// choose from.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // the zero address has a share as well
	return p
}
