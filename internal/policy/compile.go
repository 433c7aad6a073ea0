package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// maxPattern bounds a pattern, in bytes: far above any name or URI in use, and
// low enough that matching stays in the microseconds.
const maxPattern = 1024

// Policy is the compiled form of a Source. The zero value and nil grant nothing.
type Policy struct {
	version string
	names   []string // of roles, sorted
	roles   map[string]*role

	// allow and deny hold the rules of all roles: a decision looks a name up once,
	// however many roles there are.
	allow, deny side
	types       map[string]*types          // of parameters, by upstream
	safe        map[string]judge           // of types that a rule says nothing about
	approves    bool                       // some rule asks people
	tenants     map[string]map[string]bool // whom an upstream is for; those of everybody are not in it
}

// role is what concerns one role alone: who has it, and what its patterns open as
// a whole.
type role struct {
	members     members
	allow, deny side
}

// side is one of the two halves of a role, or of all roles.
type side struct {
	tools, prompts named
	resources      uris
}

// Version names what was compiled: the first 16 hexadecimal digits of the SHA-256
// of the source. Records and approvals carry it.
func (p *Policy) Version() string {
	if p == nil {
		return ""
	}
	return p.version
}

// Approves tells whether some rule lets a call pass only once people have agreed.
func (p *Policy) Approves() bool { return p != nil && p.approves }

// Compile makes a policy. It returns every fault it finds; with any fault the
// policy is nil, which grants nothing. Config calls it once per load.
func Compile(src Source) (*Policy, []Fault) {
	p := &Policy{roles: make(map[string]*role, len(src.Roles)), types: map[string]*types{}, safe: safe()}
	c := compiler{policy: p, roles: src.Roles}
	p.tenants = tenants(src.Tenants)
	for _, up := range slices.Sorted(maps.Keys(src.Arguments)) {
		c.arguments(up, src.Arguments[up])
	}
	p.names = slices.Sorted(maps.Keys(src.Roles))
	for _, name := range p.names {
		r := src.Roles[name]
		for i, glob := range r.Subjects {
			if !utf8.ValidString(glob) || !doublestar.ValidatePattern(glob) {
				c.fault(fmt.Sprintf("roles.%s.subjects[%d]", name, i), "the glob is malformed")
			}
		}
		own := &role{members: members{scopes: r.Scopes, groups: r.Groups, subjects: r.Subjects, issuers: r.Issuers}}
		p.roles[name] = own
		c.side("roles."+name+".allow", r.Allow, half{role: name, own: &own.allow, all: &p.allow})
		c.side("roles."+name+".deny", r.Deny, half{role: name, own: &own.deny, all: &p.deny, deny: true})
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	text, err := json.Marshal(src) // maps come out sorted
	if err != nil {
		return nil, []Fault{{Path: "roles", Text: err.Error()}}
	}
	sum := sha256.Sum256(text)
	p.version = hex.EncodeToString(sum[:8])
	return p, nil
}

type compiler struct {
	policy *Policy
	roles  map[string]Role
	faults []Fault
}

// half is the half of a role that is being compiled, and where it goes.
type half struct {
	role     string
	own, all *side
	deny     bool
}

// notUTF8: the glob matcher takes every invalid byte for the same character.
const notUTF8 = "the pattern is not UTF-8"

func (c *compiler) side(path string, rules []Rule, h half) {
	for i := range rules {
		r, at := &rules[i], fmt.Sprintf("%s[%d]", path, i)
		made := c.rule(at, r, h)
		for j, p := range r.Tools {
			c.named(fmt.Sprintf("%s.tools[%d]", at, j), p, made, h, func(s *side) *named { return &s.tools })
		}
		for j, p := range r.Prompts {
			c.named(fmt.Sprintf("%s.prompts[%d]", at, j), p, made, h, func(s *side) *named { return &s.prompts })
		}
		for j, p := range r.Resources {
			c.uri(fmt.Sprintf("%s.resources[%d]", at, j), p, made, h)
		}
	}
}

func (c *compiler) fault(path, format string, args ...any) {
	c.faults = append(c.faults, Fault{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (c *compiler) named(path, pattern string, made *rule, h half, of func(*side) *named) {
	if !utf8.ValidString(pattern) {
		c.fault(path, notUTF8)
		return
	}
	at := &hit{role: h.role, text: path + ": " + pattern, rule: made}
	for _, s := range [...]*side{h.own, h.all} {
		if err := of(s).add(pattern, at, h.deny || made.mode == Approve); err != nil {
			c.fault(path, "%v", err)
			return
		}
	}
}

func (c *compiler) uri(path, pattern string, made *rule, h half) {
	if !utf8.ValidString(pattern) {
		c.fault(path, notUTF8)
		return
	}
	at := &hit{role: h.role, text: path + ": " + pattern, rule: made}
	patterns := []string{pattern}
	if plain := canonicalPattern(pattern); h.deny && plain != pattern {
		patterns = append(patterns, plain)
	}
	for _, s := range [...]*side{h.own, h.all} {
		for _, p := range patterns {
			if err := s.resources.add(p, at); err != nil {
				c.fault(path, "%v", err)
				return
			}
		}
	}
}
