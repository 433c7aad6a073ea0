package review

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Bounds of a schema that is looked into: beyond them it says nothing.
const (
	maxSchema     = 1 << 20 // bytes
	maxDepth      = 32      // of subschemas
	maxParameters = 2000    // of one schema
)

// parameter is a member of a call's arguments that a schema names, wherever it
// stands.
type parameter struct {
	name   string
	format string
	about  string // title and description
	text   bool   // it can be a text, or a list of texts, that is not one of a few
}

// parameters are those of one item's schema, sorted by name; ok is false when the
// schema is not known or too large.
func (v *view) parameters(item int) (all []parameter, ok bool) {
	if p, seen := v.shapes[item]; seen {
		return p, p != nil
	}
	raw := v.Items[item].Schema
	var root any
	if len(raw) == 0 || len(raw) > maxSchema || json.Unmarshal(raw, &root) != nil {
		v.shapes[item] = nil
		return nil, false
	}
	w := walk{seen: map[string]parameter{}}
	w.schema(root, 0)
	all = make([]parameter, 0, len(w.seen))
	for _, name := range slices.Sorted(maps.Keys(w.seen)) {
		all = append(all, w.seen[name])
	}
	v.shapes[item] = all
	return all, true
}

type walk struct{ seen map[string]parameter }

func (w *walk) schema(node any, depth int) {
	m, ok := node.(map[string]any)
	if !ok || depth > maxDepth {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch key {
		case "properties":
			w.properties(m[key], depth)
		case "$defs", "definitions", "patternProperties", "dependentSchemas":
			if of, ok := m[key].(map[string]any); ok {
				for _, name := range slices.Sorted(maps.Keys(of)) {
					w.schema(of[name], depth+1)
				}
			}
		case "allOf", "anyOf", "oneOf", "prefixItems":
			if of, ok := m[key].([]any); ok {
				for _, one := range of {
					w.schema(one, depth+1)
				}
			}
		case "items", "additionalProperties", "if", "then", "else", "not", "contains":
			w.schema(m[key], depth+1)
		}
	}
}

func (w *walk) properties(node any, depth int) {
	of, _ := node.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(of)) {
		p := parameter{name: name, text: true}
		if m, ok := of[name].(map[string]any); ok {
			p.format, _ = m["format"].(string)
			if items, ok := m["items"].(map[string]any); ok && p.format == "" {
				p.format, _ = items["format"].(string)
			}
			title, _ := m["title"].(string)
			about, _ := m["description"].(string)
			p.about = strings.TrimSpace(title + " " + about)
			p.text = textual(m, 0)
		}
		if was, twice := w.seen[name]; (!twice || !was.text) && len(w.seen) < maxParameters {
			w.seen[name] = p
		}
		w.schema(of[name], depth+1)
	}
}

// textual tells whether a schema lets a free text pass, or a list of such.
func textual(m map[string]any, depth int) bool {
	_, closed := m["enum"]
	_, fixed := m["const"]
	if closed || fixed || depth > maxDepth {
		return false
	}
	for _, key := range [...]string{"anyOf", "oneOf"} {
		if of, ok := m[key].([]any); ok {
			return slices.ContainsFunc(of, func(one any) bool {
				sub, ok := one.(map[string]any)
				return ok && textual(sub, depth+1)
			})
		}
	}
	var types []string
	switch t := m["type"].(type) {
	case string:
		types = []string{t}
	case []any:
		for _, one := range t {
			s, _ := one.(string)
			types = append(types, s)
		}
	default:
		return true
	}
	if slices.Contains(types, "array") {
		items, ok := m["items"].(map[string]any)
		return !ok || textual(items, depth+1)
	}
	return slices.Contains(types, "string")
}
