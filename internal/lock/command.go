package lock

import (
	"fmt"

	"doorward/internal/gate"
)

// commandName is the name of an upstream's one Command item: how it is started or
// reached.
const commandName = ""

// ReachAllowed tells whether an upstream may be started, or contacted, as it is
// configured. It may when that is what was approved. What nobody has decided about
// may only while nothing of that upstream is approved (first use): it is recorded,
// and pinned with the first approval of anything the upstream offers. Anything else
// is upstream.held until a person approves it (CVE-2025-54136: approval binds to
// content, not to a name). The upstream adapter asks before each start and each
// connection.
func (p *Pins) ReachAllowed(it gate.Item) gate.Verdict {
	s := p.snapshot.Load()
	k := key{it.Upstream, gate.Command, commandName}
	state := s.state(k, it.Digest)
	if state == gate.Held && s.approved[it.Upstream] > 0 {
		p.note(s, k, &it)
		return held(it.Upstream, "the upstream has approved definitions, and how it is started or reached is not approved")
	}
	p.Observe([]gate.Item{it})
	switch state {
	case gate.Approved, gate.Held:
		return gate.Pass()
	case gate.Rejected:
		return held(it.Upstream, "how it is started or reached was rejected")
	case gate.Changed, gate.Flagged:
	}
	return held(it.Upstream, "how it is started or reached differs, or differed since, from what was approved")
}

func held(upstream, reason string) gate.Verdict {
	return gate.Refuse(gate.CodeUpstreamHeld, reason,
		fmt.Sprintf("upstream %s is waiting for approval: doorward trust approve %s", upstream, upstream))
}
