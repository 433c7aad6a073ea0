package lock

import (
	"encoding/json"
	"fmt"

	"doorward/internal/gate"
)

// serverName is the name of an upstream's one Server item.
const serverName = ""

// ServerAllowed tells whether what an upstream offers may be listed and called,
// by what it says it is. d and definition are of its Server item; both are zero
// where it need not say anything and does not. A server that was rejected is upstream.held
// until another is approved, and so is one whose name is not the approved one:
// another server answers there. Once such a one was seen it stays so, also when
// the approved one is back, until a person decides. A new version or title is not another server,
// and one that nobody has decided about is held item by item. The upstream
// adapter asks before each look at a list and each call; nothing is parsed
// unless the server changed.
func (p *Pins) ServerAllowed(upstream string, d gate.Digest, definition []byte) gate.Verdict {
	s := p.snapshot.Load()
	k := key{upstream, gate.Server, serverName}
	pin, decided := s.lock.pins[k]
	switch {
	case !decided:
		return gate.Pass()
	case pin.State != gate.Approved:
		return notApproved(upstream, "the server was rejected")
	case s.drifted[k].stranger:
		return gate.Refuse(gate.CodeUpstreamHeld, "a server with another name was seen since this one was approved",
			fmt.Sprintf("upstream %s was another server for a time, and waits for a decision: doorward trust diff %s", upstream, upstream))
	case s.blocks(k):
		return notApproved(upstream, "what the server says of itself has a finding that blocks it")
	case pin.Digest == d || definition == nil:
		return gate.Pass()
	}
	if !sameName(pin.Definition, definition) {
		return notApproved(upstream, "the server's name differs from the approved one")
	}
	return gate.Pass()
}

// sameName tells whether two Server definitions have one name; not where either
// has none.
func sameName(approved, offered []byte) bool {
	a, err := nameOf(approved)
	if err != nil {
		return false
	}
	o, err := nameOf(offered)
	return err == nil && o == a
}

// nameOf is the name in a Server definition. It reads a map because struct
// fields would match in any letter case.
func nameOf(definition []byte) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(definition, &members); err != nil {
		return "", fmt.Errorf("reading a server's name: %w", err)
	}
	var name string
	if err := json.Unmarshal(members["name"], &name); err != nil {
		return "", fmt.Errorf("reading a server's name: %w", err)
	}
	return name, nil
}

func notApproved(upstream, reason string) gate.Verdict {
	return gate.Refuse(gate.CodeUpstreamHeld, reason,
		fmt.Sprintf("upstream %s is not the server that was approved: doorward trust diff %s", upstream, upstream))
}
