package lock

import (
	"fmt"
	"unicode/utf8"

	"doorward/internal/gate"
)

// commandName is the name of an upstream's one Command item.
const commandName = ""

// CommandItem is the definition of a child process: its argv and the digest of
// the executable that argv[0] resolved to.
func CommandItem(upstream string, argv []string, executable gate.Digest) (gate.Item, error) {
	raw := []byte(`{"argv":[`)
	for i, a := range argv {
		if i > 0 {
			raw = append(raw, ',')
		}
		if !utf8.ValidString(a) {
			return gate.Item{}, fmt.Errorf("describing the command of %s: argument %d is not UTF-8", upstream, i)
		}
		raw = appendString(raw, a)
	}
	raw = fmt.Appendf(raw, `],"executable":%q}`, executable.String())
	text, digest, err := canonical(gate.Command, raw)
	if err != nil {
		return gate.Item{}, fmt.Errorf("describing the command of %s: %w", upstream, err)
	}
	return gate.Item{Kind: gate.Command, Upstream: upstream, Name: commandName, Digest: digest, Raw: text}, nil
}

// CommandAllowed tells whether a child process may be started. It may when it
// is what was approved. One that nobody has decided about may only while
// nothing of that upstream is approved (first use): it is recorded, and pinned
// with the first approval of anything the upstream offers. Anything else is
// upstream.held until a person approves the command (CVE-2025-54136: approval
// binds to content, not to a name). The upstream adapter asks before each
// start.
func (p *Pins) CommandAllowed(upstream string, argv []string, executable gate.Digest) gate.Verdict {
	it, err := CommandItem(upstream, argv, executable)
	if err != nil {
		return gate.Refuse(gate.CodeUpstreamHeld, err.Error(), "")
	}
	s := p.snapshot.Load()
	state := s.state(key{upstream, gate.Command, commandName}, it.Digest)
	if state == gate.Held && s.approved[upstream] > 0 {
		p.note(s, key{upstream, gate.Command, commandName}, &it)
		return held(upstream, "the upstream has approved definitions but no approved command")
	}
	p.Observe([]gate.Item{it})
	switch state {
	case gate.Approved, gate.Held:
		return gate.Pass()
	case gate.Rejected:
		return held(upstream, "the command was rejected")
	case gate.Changed, gate.Flagged:
	}
	return held(upstream, "the command or its executable differs, or differed since, from what was approved")
}

func held(upstream, reason string) gate.Verdict {
	return gate.Refuse(gate.CodeUpstreamHeld, reason,
		fmt.Sprintf("upstream %s is waiting for approval: doorward trust approve %s", upstream, upstream))
}
