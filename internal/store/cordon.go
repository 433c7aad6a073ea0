package store

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"doorward/internal/gate"
)

// cordon is what is suspended, as calls look it up. It never changes once it is
// published.
type cordon struct {
	everything ending
	names      map[IncidentSubject]ending // principals, keys, upstreams, tools, tenants, whatever was erased
	sessions   map[sessionHash]ending
	nets       map[netip.Prefix]ending
	bits4      []int // lengths of the prefixes of IPv4, and of IPv6
	bits6      []int
	blind      blinder // who was erased is in names by their hash alone:
	people     bool    // such principals,
	places     []int   // and addresses, by the length of their prefixes
}

// sessionHash is how the audit log names a session: the first half of the SHA-256 of
// its id.
type sessionHash [16]byte

// ending says until when something is suspended. The zero value: it is not.
type ending struct {
	on    bool
	until time.Time // zero: until it is released
}

func (e ending) holds(now time.Time) bool { return e.on && (e.until.IsZero() || now.Before(e.until)) }

// and is the later of two.
func (e ending) and(until time.Time) ending {
	if e.on && (e.until.IsZero() || !until.IsZero() && until.Before(e.until)) {
		return e
	}
	return ending{on: true, until: until}
}

// newCordon is what the incidents of a list suspend.
func newCordon(l incidentList, now time.Time, blind blinder) *cordon {
	c := &cordon{names: map[IncidentSubject]ending{}, sessions: map[sessionHash]ending{}, nets: map[netip.Prefix]ending{}, blind: blind}
	for _, i := range l {
		for k := range i.Containments {
			if one := &i.Containments[k]; one.InForce(now) {
				c.add(one)
			}
		}
	}
	var has4, has6 [129]bool
	for p := range c.nets {
		if p.Addr().Is4() {
			has4[p.Bits()] = true
		} else {
			has6[p.Bits()] = true
		}
	}
	for bits := range has4 {
		if has4[bits] {
			c.bits4 = append(c.bits4, bits)
		}
		if has6[bits] {
			c.bits6 = append(c.bits6, bits)
		}
	}
	return c
}

func (c *cordon) add(one *Containment) {
	if one.Erased != "" {
		c.addErased(one)
		return
	}
	switch one.Kind {
	case OfEverything:
		c.everything = c.everything.and(one.Until)
	case OfSession:
		if h, ok := parseSession(one.Value); ok {
			c.sessions[h] = c.sessions[h].and(one.Until)
		}
	case OfAddress:
		if p, err := ParseContained(one.Value); err == nil {
			c.nets[p] = c.nets[p].and(one.Until)
		}
	default:
		c.names[one.IncidentSubject] = c.names[one.IncidentSubject].and(one.Until)
	}
}

// addErased adds what is known by its hash alone.
func (c *cordon) addErased(one *Containment) {
	c.names[one.IncidentSubject] = c.names[one.IncidentSubject].and(one.Until)
	if bits, ok := one.length(); ok {
		if !slices.Contains(c.places, bits) {
			c.places = append(c.places, bits)
		}
		return
	}
	c.people = true
}

// name tells whether a principal, key, upstream, tool or tenant is suspended: a
// principal of a tenant also where the subject is in every one.
func (c *cordon) name(what IncidentSubject, now time.Time) bool {
	switch {
	case len(c.names) == 0:
		return false
	case c.has(what, now):
		return true
	case what.Tenant == "":
		return false
	}
	what.Tenant = ""
	return c.has(what, now)
}

func (c *cordon) has(what IncidentSubject, now time.Time) bool {
	return c.names[what].holds(now) || c.people && what.Kind == OfPrincipal && c.names[c.blind.subject(what)].holds(now)
}

func (c *cordon) address(addr netip.Addr, now time.Time) bool {
	addr = addr.Unmap().WithZone("")
	lengths := c.bits6
	if addr.Is4() {
		lengths = c.bits4
	}
	for _, bits := range lengths {
		if p, err := addr.Prefix(bits); err == nil && c.nets[p].holds(now) {
			return true
		}
	}
	for _, bits := range c.places {
		if p, err := addr.Prefix(bits); err == nil && c.names[c.blind.prefix(p)].holds(now) {
			return true
		}
	}
	return false
}

func (c *cordon) session(id string, now time.Time) bool {
	if len(c.sessions) == 0 {
		return false
	}
	return c.sessions[hashOf(id)].holds(now)
}

// hashOf is the hash of a session's id.
func hashOf(id string) (h sessionHash) {
	var room [gate.MaxSessionID]byte
	sum := sha256.Sum256(append(room[:0], id...))
	copy(h[:], sum[:])
	return h
}

func parseSession(text string) (h sessionHash, ok bool) {
	n, err := hex.Decode(h[:], []byte(text[:min(len(text), 2*len(h))]))
	return h, err == nil && n == len(h) && len(text) == 2*len(h)
}

// inForce counts what is suspended now, by kind.
func (l incidentList) inForce(now time.Time) map[string]int {
	out := map[string]int{}
	for _, i := range l {
		for k := range i.Containments {
			if c := &i.Containments[k]; c.InForce(now) {
				out[c.Kind]++
			}
		}
	}
	return out
}
