package issuer

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The most that one token may bring (AUT-56, AUT-63).
const (
	maxScopes = 100
	maxGroups = 1000 // of groups, and of roles
)

// readGrants reads groups, roles and scopes. No scope implies another.
func (a *authority) readGrants(c object, r request, t *Token) error {
	var err error
	if t.Groups, err = c.members("the groups claim", a.groups); err != nil {
		return err
	}
	if t.Roles, err = c.members("the roles claim", a.roles); err != nil {
		return err
	}
	t.Scopes, err = c.scopes(a.scopes, r.asked)
	return err
}

// members is the claim at p as a set of names: an array of strings, or one
// string, which is one name and is never split (AUT-56: "x,admins").
func (o object) members(what string, p pointer) ([]string, error) {
	if p == nil {
		return nil, nil
	}
	v, err := o.find(p)
	if errors.Is(err, errNotThere) {
		return nil, nil
	}
	if err != nil {
		return nil, invalid(what + " " + err.Error())
	}
	list, ok := texts(v, maxGroups)
	if one, isText := text(v); isText {
		list, ok = []string{one}, true
	}
	if !ok {
		return nil, invalid(what + " is not a string or an array of at most 1000 strings")
	}
	for _, name := range list {
		if !clean(name) {
			return nil, invalid(what + " holds what is not 1 to 256 printable bytes")
		}
	}
	return set(list), nil
}

// scopes are those of the claim at p; with a nil p, of scope (RFC 8693 §4.2), or
// of scp where there is no scope. An answer to introspection must have them
// (AUT-26).
func (o object) scopes(p pointer, required bool) ([]string, error) {
	array := true // some issuers write one; for scope no RFC allows it
	if p == nil {
		p = pointer{"scp"}
		if _, found := o["scope"]; found {
			p, array = pointer{"scope"}, false
		}
	}
	v, err := o.find(p)
	if errors.Is(err, errNotThere) && !required {
		return nil, nil
	}
	if err != nil {
		return nil, invalid("the scope " + err.Error())
	}
	list, ok := splitScopes(v)
	if array && !ok {
		list, ok = texts(v, maxScopes)
	}
	if !ok {
		return nil, invalid("the scope is not a list of at most 100, with one space between two")
	}
	for _, scope := range list {
		if !scopeToken(scope) {
			return nil, invalid("the scope holds what is no scope")
		}
	}
	return set(list), nil
}

// splitScopes splits at single spaces and nothing else: what stands between two
// of them is an empty scope, and is refused (AUT-63). No text, no scopes.
func splitScopes(v jsontext.Value) ([]string, bool) {
	s, ok := text(v)
	if !ok || strings.Count(s, " ") >= maxScopes {
		return nil, false
	}
	if s == "" {
		return nil, true
	}
	return strings.Split(s, " "), true
}

// scopeToken is RFC 6749 §3.3: printable ASCII but the quote and the backslash.
func scopeToken(s string) bool {
	return s != "" && len(s) <= maxName &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' })
}

// set is list in order, each once.
func set(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
