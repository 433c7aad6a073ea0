package lock

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// Effect is what follows from a finding in a definition (trust.findings). The
// zero value blocks.
type Effect uint8

// The effects, the strictest first.
const (
	Block Effect = iota // withheld, also when it is approved, unless a person names the rule
	Hold                // first use does not approve it: a person does
	Warn                // shown to whoever decides
)

// Effects are what follows from a finding of each severity.
type Effects struct{ High, Medium, Low Effect }

// of is the effect of a finding; one without a severity cannot be judged.
func (e Effects) of(f *gate.Finding) Effect {
	switch f.Severity {
	case gate.Medium:
		return e.Medium
	case gate.Low:
		return e.Low
	case gate.High:
		return e.High
	case gate.NoSeverity:
	}
	return Block
}

// ErrFindings says that a definition has findings that block it, and that whoever
// approves it has not accepted them. Nothing was decided.
var ErrFindings = errors.New("the definition has findings that block it")

// Inspect gives the findings of each of items, in their order. near is what a
// model may read beside them, items among it. app brings the detectors. It may ask
// somebody outside about items that are not Approved, and about no others.
type Inspect func(items, near []gate.Item) [][]gate.Finding

// Bounds of what an entry of the lock accepts.
const (
	maxAccepted = 64
	maxRule     = 64 // bytes
)

// found are the findings of definitions among neighbours.
type found struct {
	near fingerprint // of the neighbours
	by   map[key]findingsOf
}

// findingsOf are what was found in one definition.
type findingsOf struct {
	digest   gate.Digest
	findings []gate.Finding
}

// of are an item's findings; false where it was not inspected.
func (f *found) of(k key, digest gate.Digest) ([]gate.Finding, bool) {
	had, ok := f.by[k]
	return had.findings, ok && had.digest == digest
}

// inspected tells whether an item's kind is one that a model reads.
func inspected(kind gate.ItemKind) bool {
	switch kind {
	case gate.Tool, gate.Prompt, gate.Resource, gate.Template, gate.Instructions, gate.Server:
		return true
	case gate.Command, gate.NoItem:
	}
	return false
}

// approved are the definitions that l approves and a model may read, sorted.
func (l *Lock) approvedItems() []gate.Item {
	items := make([]gate.Item, 0, len(l.pins))
	for _, pin := range l.Pins() {
		if pin.State == gate.Approved && inspected(pin.Kind) {
			items = append(items, gate.Item{Kind: pin.Kind, Upstream: pin.Upstream, Name: pin.Name, Digest: pin.Digest, Raw: pin.Definition, State: gate.Approved})
		}
	}
	return items
}

// sumOf identifies a list of definitions.
func sumOf(items []gate.Item) fingerprint {
	h := sha256.New()
	for i := range items {
		it := &items[i]
		fmt.Fprintf(h, "%d %q %q", it.Kind, it.Upstream, it.Name)
		h.Write(it.Digest[:])
	}
	return fingerprint(h.Sum(nil))
}

// look inspects items among their neighbours. What the detectors say nothing
// about was not inspected.
func (c *Config) look(items, near []gate.Item) map[key]findingsOf {
	by := make(map[key]findingsOf, len(items))
	if c.Inspect == nil || len(items) == 0 {
		return by
	}
	all := c.Inspect(items, near)
	for i := range min(len(items), len(all)) {
		it := &items[i]
		kept := all[i]
		by[key{it.Upstream, it.Kind, it.Name}] = findingsOf{it.Digest, kept[:min(len(kept), gate.MaxFindings)]}
	}
	return by
}

// blocked are the rules that withhold a definition and are not accepted, sorted.
func (c *Config) blocked(findings []gate.Finding, accepted []string) []string {
	var rules []string
	for i := range findings {
		f := &findings[i]
		if c.Findings.of(f) == Block && !slices.Contains(accepted, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// withholds tells whether a person must decide about a definition that nobody
// has decided about, whatever first use says.
func (c *Config) withholds(findings []gate.Finding) bool {
	return slices.ContainsFunc(findings, func(f gate.Finding) bool { return c.Findings.of(&f) != Warn })
}

// appraise finds what is in the approved definitions of a lock, each among the
// others: what nobody approved says nothing against what somebody did. It is
// done when a lock comes into force, before anything is served by it, and not
// again while the approved definitions are the same.
func (p *Pins) appraise(s *snapshot) {
	if p.config.Inspect == nil {
		return
	}
	items := s.lock.approvedItems()
	sum := sumOf(items)
	if old := p.snapshot.Load(); old != nil && old.found.near == sum {
		s.found = old.found
	} else {
		s.found = found{near: sum, by: p.config.look(items, items)}
	}
	s.flagged = make(map[key]struct{})
	for i := range items {
		k := key{items[i].Upstream, items[i].Kind, items[i].Name}
		findings, ok := s.found.of(k, items[i].Digest)
		if !ok || len(p.config.blocked(findings, s.lock.pins[k].Accepted)) > 0 {
			s.flagged[k] = struct{}{}
		}
	}
}

// offers are the definitions as upstreams offer them: those that are recorded,
// and what is approved where no other is.
func (p *Pins) offers(s *snapshot) []gate.Item {
	observed := p.observed.all()
	other := make(map[key]bool, len(observed))
	for _, it := range observed {
		other[it.key] = true
	}
	items := slices.DeleteFunc(s.lock.approvedItems(), func(it gate.Item) bool { return other[key{it.Upstream, it.Kind, it.Name}] })
	for _, it := range observed {
		if inspected(it.kind) {
			items = append(items, gate.Item{Kind: it.kind, Upstream: it.upstream, Name: it.name, Digest: it.digest, Raw: it.canonical, State: s.state(it.key, it.digest)})
		}
	}
	return items
}

// findings are those of a definition that is approved, or offered and recorded.
func (s *snapshot) findings(offered *found, k key, digest gate.Digest) []gate.Finding {
	if list, ok := offered.of(k, digest); ok {
		return list
	}
	list, _ := s.found.of(k, digest)
	return list
}

// accepted are the rules that a decision accepts in a definition with these
// findings; ErrFindings when one that blocks it is missing.
func (c *Config) accepted(ref *Ref, findings []gate.Finding) ([]string, error) {
	if missing := c.blocked(findings, ref.Accept); len(missing) > 0 {
		return nil, fmt.Errorf("%s %q of %s: %w: %s", ref.Kind, gate.Visible(ref.Name), ref.Upstream, ErrFindings, strings.Join(missing, ", "))
	}
	var rules []string
	for _, f := range findings {
		if slices.Contains(ref.Accept, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	return rules[:min(len(rules), maxAccepted)], nil
}
