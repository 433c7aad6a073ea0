package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// plural is what a type is called where there are several; values that may be are named as they are.
func plural(kind string) string {
	if stem, ok := strings.CutSuffix(kind, "ory"); ok {
		return stem + "ories"
	}
	if strings.HasSuffix(kind, "`") {
		return kind
	}
	return kind + "s"
}

// Schema is the JSON Schema (2020-12) of the file, for editors. It is made of
// the types and their comments, like Reference.
func Schema() []byte {
	c := defaults()
	s := schemaOf(reflect.ValueOf(c), "", "")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Doorward configuration"
	s["required"] = []string{"version"}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("config: the schema does not marshal: " + err.Error()) // it holds maps and strings alone
	}
	return append(text, '\n')
}

func schemaOf(v reflect.Value, tag reflect.StructTag, doc string) map[string]any {
	s := map[string]any{}
	if doc != "" {
		s["description"] = doc
	}
	if kind, ok := namedType(v.Type()); ok {
		s["type"] = "string"
		switch kind {
		case "size":
			s["type"] = []string{"string", "integer"}
		case "number":
			s["type"] = "number"
		case "value":
			s["type"] = []string{"string", "number", "boolean"}
		}
		return s
	}
	switch v.Kind() {
	case reflect.Pointer:
		return schemaOf(reflect.Zero(v.Type().Elem()), tag, doc)
	case reflect.Struct:
		members := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if key := f.Tag.Get("yaml"); key != "-" {
				members[key] = schemaOf(v.Field(i), f.Tag, docOf(v.Type().Name()+"."+f.Name))
			}
		}
		s["type"], s["properties"], s["additionalProperties"] = "object", members, false
		if reflect.PointerTo(v.Type()).Implements(reflect.TypeFor[whole]()) {
			s["type"] = []string{"object", "string"}
		}
		if reflect.PointerTo(v.Type()).Implements(reflect.TypeFor[listed]()) {
			object := s
			s = map[string]any{"anyOf": []any{map[string]any{"type": "array", "items": map[string]any{"type": "string"}}, object}}
		}
	case reflect.Map:
		s["type"], s["additionalProperties"] = "object", schemaOf(entry(v.Type().Elem()), tag, "")
	case reflect.Slice:
		one := schemaOf(reflect.Zero(v.Type().Elem()), tag, "")
		if orOne(tag) {
			s["anyOf"] = []any{one, map[string]any{"type": "array", "items": one}}
			break
		}
		s["type"], s["items"] = "array", one
	case reflect.Bool:
		s["type"] = "boolean"
	case reflect.Int:
		s["type"] = "integer"
	default:
		s["type"] = "string"
		if allowed := strings.Fields(tag.Get("enum")); len(allowed) > 0 {
			s["enum"] = allowed
		}
	}
	return s
}

// entry is a fresh element of a map, defaults set.
func entry(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if e, ok := reflect.TypeAssert[interface{ setDefaults() }](v); ok {
		e.setDefaults()
	}
	return v.Elem()
}

// namedType is the word for a type that is written as one value.
func namedType(t reflect.Type) (string, bool) {
	switch t {
	case reflect.TypeFor[Duration]():
		return "duration", true
	case reflect.TypeFor[Size]():
		return "size", true
	case reflect.TypeFor[Address]():
		return "address", true
	case reflect.TypeFor[Prefix]():
		return "network", true
	case reflect.TypeFor[Scalar]():
		return "value", true
	case reflect.TypeFor[Processors](), reflect.TypeFor[Part](), reflect.TypeFor[Share]():
		return "number", true
	case reflect.TypeFor[Amount]():
		return "amount", true
	case reflect.TypeFor[DataAmount]():
		return "volume", true
	case reflect.TypeFor[Rate]():
		return "rate", true
	case reflect.TypeFor[Volume]():
		return "volume", true
	case reflect.TypeFor[Measure]():
		return "measure", true
	}
	return "", false
}

// Reference is the reference of every key as Markdown (docs/reference/config.md).
func Reference() []byte {
	var b strings.Builder
	b.WriteString(`# Configuration reference

One YAML file, ` + "`version: 1`" + `. Unknown keys, keys written twice, anchors, aliases and tags are errors; every error is reported at once, with
its path and line. Relative paths start at the file's directory. Durations are written ` + "`30s`, `5m`, `90d`" + `; sizes ` + "`512KiB`, `4MiB`" + ` or in bytes;
rates and volumes ` + "`5/1m`, `100MiB/10m`" + `, or ` + "`off`" + `.

| key | type | default | meaning |
|---|---|---|---|
`)
	rows(&b, reflect.ValueOf(defaults()), "")
	return []byte(b.String())
}

func rows(b *strings.Builder, v reflect.Value, path string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := f.Tag.Get("yaml")
		if key == "-" {
			continue
		}
		at, field := join(path, key), v.Field(i)
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", at, typeOf(field.Type(), f.Tag), defaultOf(at, field), docOf(v.Type().Name()+"."+f.Name))
		below(b, field, at, f.Tag)
	}
}

func below(b *strings.Builder, v reflect.Value, at string, tag reflect.StructTag) {
	if _, ok := namedType(v.Type()); ok {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		rows(b, v, at)
	case reflect.Pointer:
		below(b, entry(v.Type().Elem()), at, tag) // as it is once it is written
	case reflect.Map:
		if _, named := namedType(v.Type().Elem()); !named && v.Type().Elem().Kind() == reflect.Struct {
			rows(b, entry(v.Type().Elem()), at+"."+strings.ToUpper(tag.Get("key")))
		}
	case reflect.Slice:
		if e := v.Type().Elem(); e.Kind() == reflect.Struct {
			if _, ok := namedType(e); !ok {
				rows(b, entry(e), at+"[]")
			}
		}
	}
}

func typeOf(t reflect.Type, tag reflect.StructTag) string {
	if name, ok := namedType(t); ok {
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem(), tag)
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[whole]()) {
			return "duration, or mapping"
		}
		return "mapping"
	case reflect.Map:
		if _, named := namedType(t.Elem()); named || t.Elem().Kind() != reflect.Struct {
			return "mapping of " + tag.Get("key") + " to " + typeOf(t.Elem(), tag)
		}
		return "mapping by " + tag.Get("key")
	case reflect.Slice:
		return "list of " + plural(typeOf(t.Elem(), tag))
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	}
	if allowed := strings.Fields(tag.Get("enum")); len(allowed) > 0 {
		return "`" + strings.Join(allowed, "`, `") + "`"
	}
	if kind := tag.Get("type"); kind != "" {
		return kind
	}
	return "text"
}

// defaultOf is what an unwritten key means. The few that depend on others are
// set in finish and named here.
func defaultOf(path string, v reflect.Value) string {
	switch path {
	case "version":
		return "required"
	case "identity.api_keys":
		return "`true` without `identity`"
	case "upstreams.NAME.transport":
		return "`streamable`, or what the URL implies"
	case "upstreams.NAME.sandbox.lifetime":
		return "`session` for a command"
	case "upstreams.NAME.sandbox.kind":
		return "`process` for a command"
	case "upstreams.NAME.sandbox.network":
		return "`none`"
	case "roles":
		return "the built-in role"
	}
	if implied, ok := impliedAt(path); ok {
		return implied
	}
	if v.Kind() == reflect.Bool {
		return fmt.Sprintf("`%v`", v.Interface())
	}
	if _, ok := namedType(v.Type()); !ok && v.Kind() == reflect.Struct || v.IsZero() {
		return ""
	}
	return fmt.Sprintf("`%v`", v.Interface())
}

// docOf is the comment of a field of the file, such as "Listen.Address".
func docOf(field string) string {
	_, rest, ok := strings.Cut(fieldDocs, "\n"+field+"\t")
	if !ok {
		return ""
	}
	doc, _, _ := strings.Cut(rest, "\n")
	return doc
}
