package policy

import (
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"doorward/internal/gate"
)

// members are those who have a role without having been given it by name.
type members struct {
	scopes, groups []string
	subjects       []string // globs, sound
	issuers        []string // realms of the above; empty: all
}

// of tells whether those of a realm can have the role at all.
func (m *members) of(realm string) bool {
	return len(m.issuers) == 0 || slices.Contains(m.issuers, realm)
}

// take tells whether the principal, who came with a token or a certificate, is one.
func (m *members) take(who *gate.Principal) bool {
	return shares(m.scopes, who.Scopes) || shares(m.groups, who.Groups) ||
		slices.ContainsFunc(m.subjects, func(glob string) bool { return doublestar.MatchUnvalidated(glob, who.Subject) })
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// RolesOf are the roles, sorted, of a principal who came with a token or a
// certificate: those that its scopes, groups or subject have, and of those that
// the token itself claims the ones that there are. Identify asks it (app hands it
// over); keys have the roles that they were made with, and are not asked about.
func (p *Policy) RolesOf(who *gate.Principal, claimed []string) []string {
	if p == nil || who == nil {
		return nil
	}
	var roles []string
	for _, name := range p.names {
		if m := &p.roles[name].members; m.of(who.Realm) && (m.take(who) || slices.Contains(claimed, name)) {
			roles = append(roles, name)
		}
	}
	return roles
}

// Lacks are the scopes with which a token of the same principal would be allowed
// what Decide refuses it: exactly those that the operation needs, so one scope,
// that of the role which opens least, where several would do. Nil when no scope would help, as for a principal that
// came without a token, and where a rule denies it.
func (p *Policy) Lacks(who *gate.Principal, kind gate.ItemKind, upstream, name string) []string {
	if p == nil || !who.HasScopes() {
		return nil
	}
	var least *role
	for _, more := range p.names {
		m := &p.roles[more].members
		if len(m.scopes) == 0 || slices.Contains(who.Roles, more) || !m.of(who.Realm) {
			continue
		}
		wider := *who
		wider.Roles = append(slices.Clone(who.Roles), more)
		if p.Decide(&wider, kind, upstream, name).Allowed && (least == nil || p.roles[more].allow.breadth() < least.allow.breadth()) {
			least = p.roles[more]
		}
	}
	if least == nil {
		return nil
	}
	return least.members.scopes[:1:1]
}

// breadth is how much a side opens, as far as its patterns tell: what is named by
// its whole name counts least, what any upstream may offer most.
func (s *side) breadth() int {
	n := 0
	for _, list := range [...]*named{&s.tools, &s.prompts} {
		n += len(list.exact)
		for _, own := range list.own {
			for i := range own {
				n += own[i].breadth()
			}
		}
		for i := range list.any {
			n += list.any[i].upstream.breadth() * list.any[i].name.breadth()
		}
	}
	n += len(s.resources.exact)
	for i := range s.resources.globs {
		n += s.resources.globs[i].breadth()
	}
	return n
}

func (g *glob) breadth() int {
	const one, some, more, all = 1, 10, 100, 1000
	switch {
	case g.whole():
		return all
	case g.shape == literal:
		return one
	case g.shape == tree:
		return more
	}
	return some
}
