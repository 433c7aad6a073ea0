package main

import (
	"fmt"
	"strings"
)

// era is one of the protocol's two ways of talking: with a handshake and a
// session, or with everything in each request.
type era int

const (
	stateful era = iota
	stateless
)

// The revision that each era is measured with: the newest of each.
const (
	statefulRevision  = "2025-11-25"
	statelessRevision = "2026-07-28"
)

func (e era) String() string {
	if e == stateless {
		return "stateless"
	}
	return "stateful"
}

func (e era) revision() string {
	if e == stateless {
		return statelessRevision
	}
	return statefulRevision
}

func parseEra(s string) (era, error) {
	for _, e := range []era{stateful, stateless} {
		if strings.EqualFold(s, e.String()) {
			return e, nil
		}
	}
	return stateful, fmt.Errorf("-eras: %q is neither stateful nor stateless", s)
}
