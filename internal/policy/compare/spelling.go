package compare

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// key is the key of a configuration for a member of ours.
func key(member string) string {
	switch member {
	case "OneOf":
		return "one_of"
	case "Pattern":
		return "regex"
	}
	return strings.ToLower(member)
}

// plain is a text that YAML reads as itself without quotes, also within brackets.
var plain = regexp.MustCompile(`^[A-Za-z0-9/._-]([A-Za-z0-9/._@*-]|:[A-Za-z0-9/])*$`)

// spelled is a where, which is the JSON of whereText, as a configuration writes it, on
// one line: {path: {under: [/srv/docs]}}. It is for people; what is compared is the
// JSON.
func spelled(where string) string {
	var v map[string]any
	if err := json.Unmarshal([]byte(where), &v); err != nil {
		return where
	}
	values, _ := v["Values"].(map[string]any)
	for name, value := range values {
		// A value's text is no key of its own.
		if members, ok := value.(map[string]any); ok {
			text, _ := members["Text"].(map[string]any)
			delete(members, "Text")
			maps.Copy(members, text)
			values[name] = members
		}
	}
	var b strings.Builder
	spell(&b, v, true)
	return b.String()
}

// spell writes a value. The keys of an object are members of ours, or names of
// parameters, which stay as they are.
func spell(b *strings.Builder, v any, ours bool) {
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			word := name
			if ours {
				word = key(name)
			}
			spell(b, word, ours)
			b.WriteString(": ")
			spell(b, v[name], !ours || name != "Values")
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, each := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			spell(b, each, ours)
		}
		b.WriteByte(']')
	case string:
		if plain.MatchString(v) {
			b.WriteString(v)
			return
		}
		spellJSON(b, v)
	default:
		spellJSON(b, v)
	}
}

// spellJSON writes a value as JSON, which YAML reads as well.
func spellJSON(b *strings.Builder, v any) {
	var raw strings.Builder
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.WriteString("unreadable")
		return
	}
	b.WriteString(strings.TrimSuffix(raw.String(), "\n"))
}
