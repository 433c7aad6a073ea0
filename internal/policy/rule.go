package policy

import (
	"strings"
	"time"

	"doorward/internal/policy/paths"
	"doorward/internal/policy/places"
	"doorward/internal/policy/statement"
	"doorward/internal/policy/words"
)

// Source is what a policy is compiled from. Config makes it of the file.
type Source struct {
	Roles map[string]Role
	// Arguments gives the parameters of an upstream's tools and prompts a type, by
	// upstream and parameter name: one of Types. A parameter is meant wherever in
	// the arguments a member of that name stands, in any case.
	Arguments map[string]map[string]string
	// Tenants are those whom an upstream is for, by upstream; everybody where it is not
	// there. Rules give its things to nobody else.
	Tenants map[string][]string `json:",omitempty"`
}

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
// chooses its names, and must not get past "up/delete_*" with "delete_/x". An allow
// in mode approve that would match so asks people for what another rule allows.
type Rule struct {
	Tools     []string
	Resources []string
	Prompts   []string

	Where *Where // of an allow: what its arguments must keep to; nil: only their types
	When  string // a condition in CEL; empty: always
	Mode  Mode
	Terms Terms // of an allow in mode approve
}

// Mode says what a rule does when it matches.
type Mode uint8

// The modes. The zero value enforces.
const (
	Enforce Mode = iota
	// Observe carries a rule out in the record alone: an allow opens what it names
	// and records what its where and when would have refused, a deny records what
	// it would have closed.
	Observe
	Approve // an allow: people must agree first
)

// Terms are those on which people let a held call pass.
type Terms struct {
	Roles   []string      // whose holders may approve
	Count   int           // how many of them; 0 is one
	Self    bool          // the caller's own confirmation, in place of Roles
	Expires time.Duration // 0 is DefaultExpiry
}

// DefaultExpiry is how long people have to decide about a held call: config.md's
// own example.
const DefaultExpiry = 15 * time.Minute

// Span is a duration as a file writes it: "15m" and "2h", where Go's own text would be
// "15m0s" and "2h0m0s".
func Span(d time.Duration) string {
	s := d.String()
	if short, ok := strings.CutSuffix(s, "m0s"); ok {
		s = short + "m"
	}
	if short, ok := strings.CutSuffix(s, "h0m"); ok {
		s = short + "h"
	}
	return s
}

// Where is what the arguments of a call must keep to. Each part judges every
// argument of its type, wherever it stands; a part that is nil leaves the type at
// its own safe default.
type Where struct {
	Path    *paths.Rule // Windows is set by the type of the parameter
	URL     *places.Rule
	Host    *places.Rule
	SQL     *statement.Rule // Dialect is set by the type of the parameter
	Command *words.CommandRule
	Email   *words.EmailRule
	Text    *words.TextRule
	Values  map[string]Value // by parameter name, whatever its type
}

// Value is what one parameter must keep to.
type Value struct {
	Text     words.TextRule // of a text; OneOf and Equals of a number, true and false as well, as they are written
	Min, Max string         // of a number, decimal; empty: no bound
	Required bool           // a call without the parameter is refused
}

// Fault is one thing wrong with a source. Path is relative to the file's own:
// "roles.reader.allow[0].tools[1]".
type Fault struct {
	Path string
	Text string
}
