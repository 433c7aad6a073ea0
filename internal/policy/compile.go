package policy

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// Role is what a set of principals may and may not reach. The zero value
// grants nothing.
type Role struct {
	// Scopes and Groups of tokens, and Subjects (globs) of tokens and certificates,
	// that have the role; Issuers narrows all three to those realms.
	Scopes, Groups, Subjects, Issuers []string

	Allow []Rule // what the role opens
	Deny  []Rule // what it closes; wins over the allow of every role
}

// Rule names things by glob. A rule matches what any one of its patterns
// matches; an empty rule matches nothing.
//
// Tools and Prompts are written "upstream/name" and split at the first slash:
// the two parts are matched apart. "*" and "?" never match a slash, "**" as a
// whole segment does, so "up/*" leaves out a tool named "a/b" and "up/**" does
// not. Resources match the URI as the client wrote it.
//
// In a deny on tools and prompts "*" and "?" match a slash as well: the upstream
// chooses its names, and must not get past "up/delete_*" with "delete_/x".
type Rule struct {
	Tools     []string
	Resources []string
	Prompts   []string
}

// Fault is one thing wrong with a role. Path is relative to the map of roles:
// "reader.allow[0].tools[1]".
type Fault struct {
	Path string
	Text string
}

// maxPattern bounds a pattern, in bytes: far above any name or URI in use, and
// low enough that matching stays in the microseconds.
const maxPattern = 1024

// Policy is the compiled form of a map of roles. The zero value and nil grant
// nothing.
type Policy struct {
	names []string // of roles, sorted
	roles map[string]*role
}

type role struct {
	members     members
	allow, deny side
}

// side is one of a role's two halves.
type side struct {
	tools, prompts named
	resources      uris
}

// Compile makes a policy of roles. It returns every fault it finds; with any
// fault the policy is nil, which grants nothing. Config calls it once per load.
func Compile(roles map[string]Role) (*Policy, []Fault) {
	p := &Policy{roles: make(map[string]*role, len(roles))}
	var faults []Fault
	p.names = slices.Sorted(maps.Keys(roles))
	for _, name := range p.names {
		c, r := compiler{}, roles[name]
		for i, glob := range r.Subjects {
			if !utf8.ValidString(glob) || !doublestar.ValidatePattern(glob) {
				c.fault(fmt.Sprintf("%s.subjects[%d]", name, i), "the glob is malformed")
			}
		}
		p.roles[name] = &role{
			members: members{scopes: r.Scopes, groups: r.Groups, subjects: r.Subjects, issuers: r.Issuers},
			allow:   c.side(name+".allow", r.Allow, false),
			deny:    c.side(name+".deny", r.Deny, true),
		}
		faults = append(faults, c.faults...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return p, nil
}

type compiler struct{ faults []Fault }

// notText: the glob matcher takes every invalid byte for the same character.
const notText = "the pattern is not UTF-8"

func (c *compiler) side(path string, rules []Rule, deny bool) side {
	var s side
	for i, r := range rules {
		at := fmt.Sprintf("%s[%d]", path, i)
		for j, p := range r.Tools {
			c.named(&s.tools, fmt.Sprintf("%s.tools[%d]", at, j), p, deny)
		}
		for j, p := range r.Prompts {
			c.named(&s.prompts, fmt.Sprintf("%s.prompts[%d]", at, j), p, deny)
		}
		for j, p := range r.Resources {
			c.uri(&s.resources, fmt.Sprintf("%s.resources[%d]", at, j), p, deny)
		}
	}
	return s
}

func (c *compiler) fault(path, text string) {
	c.faults = append(c.faults, Fault{Path: path, Text: text})
}

func (c *compiler) named(n *named, path, pattern string, deny bool) {
	if !utf8.ValidString(pattern) {
		c.fault(path, notText)
		return
	}
	if err := n.add(pattern, "roles."+path+": "+pattern, deny); err != nil {
		c.fault(path, err.Error())
	}
}

func (c *compiler) uri(u *uris, path, pattern string, deny bool) {
	if !utf8.ValidString(pattern) {
		c.fault(path, notText)
		return
	}
	rule := "roles." + path + ": " + pattern
	if err := u.add(pattern, rule); err != nil {
		c.fault(path, err.Error())
		return
	}
	if plain := canonicalPattern(pattern); deny && plain != pattern {
		if err := u.add(plain, rule); err != nil {
			c.fault(path, err.Error())
		}
	}
}
