package condition

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Bounds of a schema that a condition is checked against. Beyond them the check
// does not say anything: it is help for the operator, and decides nothing.
const (
	maxSchema   = 256 << 10 // bytes
	maxBranches = 64        // subschemas that one value may have
	maxSteps    = 1000      // subschemas looked at for one condition
)

// schema is what a tool's JSON Schema says about one value. It holds when one of
// its branches does; nil says nothing.
type schema struct {
	doc      *document
	branches []map[string]any
	root     bool
}

// document is one JSON Schema and what is left of the steps.
type document struct {
	root  any
	steps int
}

// newSchema reads a schema; ok is false when it is malformed or too large.
func newSchema(raw []byte) (s *schema, ok bool) {
	if len(raw) > maxSchema || !affordableSchema(raw) || !sound(raw) {
		return nil, false
	}
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil {
		return nil, false
	}
	doc := &document{root: root, steps: maxSteps}
	s = doc.schema(root)
	if s != nil {
		s.root = true
	}
	return s, true
}

// affordableSchema bounds the depth alone, which recursion follows.
func affordableSchema(raw []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxDepth {
			return false
		}
	}
	return true
}

// schema is that of any of the nodes. One that cannot be followed says nothing,
// and so does the whole.
func (d *document) schema(nodes ...any) *schema {
	s := &schema{doc: d}
	for _, n := range nodes {
		if !d.branch(s, n) {
			return nil
		}
	}
	if len(s.branches) == 0 {
		return nil
	}
	return s
}

// branch adds what a node says, with references followed and alternatives apart.
// It is false when that is nothing, or too much.
func (d *document) branch(s *schema, node any) bool {
	d.steps--
	m, ok := node.(map[string]any)
	if !ok || d.steps < 0 || len(s.branches) >= maxBranches {
		return false
	}
	if ref, ok := m["$ref"].(string); ok {
		target, found := d.resolve(ref)
		return found && d.branch(s, target)
	}
	if _, ok := m["$dynamicRef"]; ok {
		return false
	}
	alternatives := alternativesOf(m)
	if alternatives == nil {
		s.branches = append(s.branches, m)
		return true
	}
	for _, alternative := range alternatives {
		a, ok := alternative.(map[string]any)
		if !ok {
			return false
		}
		if !d.branch(s, merged(m, a)) {
			return false
		}
	}
	return true
}

func alternativesOf(m map[string]any) []any {
	for _, key := range [...]string{"anyOf", "oneOf"} {
		if list, ok := m[key].([]any); ok && len(list) > 0 {
			return list
		}
	}
	return nil
}

// merged is an alternative with what stands beside it: the properties of both, and
// both words where both have one.
func merged(outer, inner map[string]any) map[string]any {
	rest := make(map[string]any, len(outer))
	for k, v := range outer {
		if k != "anyOf" && k != "oneOf" {
			rest[k] = v
		}
	}
	if len(rest) == 0 {
		return inner
	}
	if _, isRef := inner["$ref"]; isRef {
		return map[string]any{"allOf": []any{inner, rest}}
	}
	m := maps.Clone(inner)
	all, _ := inner["allOf"].([]any)
	m["allOf"] = append(slices.Clone(all), rest)
	return m
}

// resolve follows a reference into the document itself (RFC 6901).
func (d *document) resolve(ref string) (any, bool) {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok || pointer != "" && pointer[0] != '/' || strings.Contains(pointer, "%") {
		return nil, false
	}
	node := d.root
	for pointer != "" {
		var key string
		key, pointer, ok = strings.Cut(pointer[1:], "/")
		if ok {
			pointer = "/" + pointer
		}
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		m, isObject := node.(map[string]any)
		if !isObject {
			return nil, false
		}
		if node, ok = m[key]; !ok {
			return nil, false
		}
	}
	return node, true
}

// parts are a branch and the schemas that hold besides it; false when one of
// them says nothing that can be followed.
func (s *schema) parts(branch map[string]any) ([]map[string]any, bool) {
	all := []map[string]any{branch}
	list, _ := branch["allOf"].([]any)
	for _, node := range list {
		more := s.doc.schema(node)
		if more == nil || len(more.branches) != 1 {
			return nil, false
		}
		parts, ok := more.parts(more.branches[0])
		if !ok || len(all)+len(parts) > maxBranches {
			return nil, false
		}
		all = append(all, parts...)
	}
	return all, true
}

// member is the schema of a member. missing is true when no branch has it.
func (s *schema) member(name string) (found *schema, missing bool) {
	var nodes []any
	silent := false
	for _, branch := range s.branches {
		parts, ok := s.parts(branch)
		if !ok {
			return nil, false
		}
		own := len(nodes)
		open, listed := false, s.root
		for _, m := range parts {
			properties, has := m["properties"].(map[string]any)
			listed = listed || has
			if node, ok := properties[name]; ok {
				nodes = append(nodes, node)
			}
			open = open || opens(m)
		}
		silent = silent || len(nodes) == own && (open || !listed && mayBe(parts, "object"))
	}
	if silent {
		return nil, false
	}
	if len(nodes) == 0 {
		return nil, true
	}
	return s.doc.schema(nodes...), false
}

// opens tells whether an object may have members that are not listed. Nearly no
// tool closes its schema in words; one that opens it in words means it.
func opens(m map[string]any) bool {
	if more, ok := m["additionalProperties"]; ok && more != false {
		return true
	}
	_, patterns := m["patternProperties"]
	_, dependent := m["dependentSchemas"]
	_, conditional := m["if"]
	return patterns || dependent || conditional
}

// elements is the schema of a list's elements, nil when it does not say.
func (s *schema) elements() *schema {
	if s == nil {
		return nil
	}
	var nodes []any
	for _, branch := range s.branches {
		if !mayBe([]map[string]any{branch}, "array") {
			continue
		}
		if _, tuple := branch["prefixItems"]; tuple {
			return nil
		}
		items, ok := branch["items"].(map[string]any)
		if !ok {
			return nil
		}
		nodes = append(nodes, items)
	}
	return s.doc.schema(nodes...)
}

// may tells whether the value can be of one of the JSON types.
func (s *schema) may(words ...string) bool {
	if s == nil {
		return true
	}
	for _, branch := range s.branches {
		parts, ok := s.parts(branch)
		if !ok || mayBe(parts, words...) {
			return true
		}
	}
	return false
}

// mayBe tells whether all parts leave one of the types.
func mayBe(parts []map[string]any, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		for _, m := range parts {
			if !allows(m["type"], word) {
				return false
			}
		}
		return true
	})
}

func allows(types any, word string) bool {
	switch t := types.(type) {
	case string:
		return t == word
	case []any:
		return slices.ContainsFunc(t, func(one any) bool { return one == any(word) })
	}
	return true
}
