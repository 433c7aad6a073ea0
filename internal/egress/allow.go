package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"doorward/internal/policy/places"
)

// maxAllowed bounds a list.
const maxAllowed = 256

// opaquePrefix begins an entry whose connections are not looked at.
const opaquePrefix = "tcp://"

// allowed is an operator's list, read.
type allowed struct {
	exact map[target]way
	below map[below]way
}

// below is all names that lie below one, at a port.
type below struct {
	name string
	port uint16
}

// way is how the targets of an entry are reached. The zero value is the narrow one.
type way struct {
	opaque bool       // no TLS is asked for
	at     netip.Addr // dialled instead of asking for the name; not valid for none
}

// Check says what is wrong with a list of places, entry by entry; nil for nothing.
func Check(allow []string) error {
	_, err := readAllowed(allow)
	return err
}

// readAllowed reads entries of the form [tcp://]HOST:PORT[=ADDRESS], where HOST may
// begin with "*." for every name below one.
func readAllowed(entries []string) (allowed, error) {
	list := allowed{exact: map[target]way{}, below: map[below]way{}}
	if len(entries) > maxAllowed {
		return allowed{}, fmt.Errorf("egress: a list has at most %d places", maxAllowed)
	}
	var faults []error
	for _, e := range entries {
		if err := list.add(e); err != nil {
			faults = append(faults, fmt.Errorf("egress: place %q: %w", e, err))
		}
	}
	return list, errors.Join(faults...)
}

func (l *allowed) add(entry string) (err error) {
	var w way
	place, opaque := strings.CutPrefix(entry, opaquePrefix)
	place, at, pinned := strings.Cut(place, "=")
	place, star := strings.CutPrefix(place, "*.")
	w.opaque = opaque
	t, err := readTarget(place, 0)
	if err != nil {
		return err
	}
	if pinned {
		if w.at, err = netip.ParseAddr(at); err != nil {
			return errors.New("what stands after = is no address")
		}
	}
	switch {
	case star && t.name == "":
		return errors.New("*. stands before a name alone")
	case star && !strings.Contains(t.name, "."):
		return errors.New("*. stands before a name of two labels at least")
	case pinned && (star || t.name == ""):
		return errors.New("an address stands after a whole name alone")
	case t.addr.IsValid() && !places.Named(t.addr), pinned && !places.Named(w.at):
		return errors.New("the address is one that nobody may be sent to: it is no unicast address, or hides another one")
	}
	if !star {
		return put(l.exact, t, w)
	}
	return put(l.below, below{t.name, t.port}, w)
}

func put[K comparable](m map[K]way, k K, w way) error {
	if had, there := m[k]; there && had != w {
		return errors.New("the place is listed twice, and differently")
	}
	m[k] = w
	return nil
}

// find is how a target is reached; false for one that is not listed.
func (l *allowed) find(t target) (way, bool) {
	if w, ok := l.exact[t]; ok {
		return w, true
	}
	for name := t.name; ; {
		_, rest, more := strings.Cut(name, ".")
		if !more {
			return way{}, false
		}
		if w, ok := l.below[below{rest, t.port}]; ok {
			return w, true
		}
		name = rest
	}
}
