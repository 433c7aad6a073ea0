package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Show is a configuration as YAML with every default written out. It parses to
// the same Config again.
func Show(c *Config) []byte {
	w := writer{}
	w.fields(reflect.ValueOf(*c), 0)
	if c.BuiltInRole {
		w.b.WriteString("# roles is not written: the built-in role " + BuiltInRoleName + " allows everything that is approved\n")
	}
	return []byte(w.b.String())
}

type writer struct{ b strings.Builder }

func (w *writer) fields(v reflect.Value, depth int) {
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "-" || skipped(v, key, v.Field(i)) {
			continue
		}
		w.member(key, v.Field(i), depth)
	}
}

// skipped tells what would not parse, or not to the same: absent things.
func skipped(parent reflect.Value, key string, v reflect.Value) bool {
	if c, ok := reflect.TypeAssert[Config](parent); ok && key == "roles" {
		return c.BuiltInRole
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		if _, ok := namedType(v.Type()); ok {
			return v.IsZero()
		}
		return isEmpty(v)
	}
	return false
}

func (w *writer) member(key string, v reflect.Value, depth int) {
	w.b.WriteString(strings.Repeat("  ", depth) + plain(key) + ":")
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if text, ok := single(v); ok {
		w.b.WriteString(" " + text + "\n")
		return
	}
	w.b.WriteString("\n")
	switch v.Kind() {
	case reflect.Struct:
		w.fields(v, depth+1)
	case reflect.Map:
		for _, name := range slices.SortedFunc(maps.Keys(keysOf(v)), strings.Compare) {
			w.member(name, v.MapIndex(reflect.ValueOf(name)), depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			w.element(v.Index(i), depth+1)
		}
	}
}

// element writes a rule, the only kind of list element that has members.
func (w *writer) element(v reflect.Value, depth int) {
	part := writer{}
	part.fields(v, 0)
	if part.b.Len() == 0 {
		part.b.WriteString("{}\n")
	}
	for i, line := range strings.Split(strings.TrimSuffix(part.b.String(), "\n"), "\n") {
		mark := "  "
		if i == 0 {
			mark = "- "
		}
		w.b.WriteString(strings.Repeat("  ", depth) + mark + line + "\n")
	}
}

func keysOf(v reflect.Value) map[string]bool {
	m := map[string]bool{}
	for _, k := range v.MapKeys() {
		m[k.String()] = true
	}
	return m
}

// single is a value that fits on its key's line.
func single(v reflect.Value) (string, bool) {
	switch v.Kind() {
	case reflect.String:
		return plain(v.String()), true
	case reflect.Bool, reflect.Int:
		if _, ok := reflect.TypeAssert[fmt.Stringer](v); !ok {
			return fmt.Sprint(v.Interface()), true
		}
	case reflect.Map:
		return "{}", v.Len() == 0
	case reflect.Slice:
		if e := v.Type().Elem(); e.Kind() == reflect.Struct && !e.Implements(reflect.TypeFor[fmt.Stringer]()) {
			return "[]", v.Len() == 0
		}
		var all []string
		for i := range v.Len() {
			text, _ := single(v.Index(i))
			all = append(all, text)
		}
		return "[" + strings.Join(all, ", ") + "]", true
	case reflect.Struct:
		if isEmpty(v) {
			return "{}", true
		}
	}
	if s, ok := reflect.TypeAssert[fmt.Stringer](v); ok {
		return plain(s.String()), true
	}
	return "", false
}

// isEmpty tells of a mapping with no line of its own, such as a role without rules.
func isEmpty(v reflect.Value) bool {
	if _, ok := namedType(v.Type()); ok {
		return false
	}
	nothing := writer{}
	nothing.fields(v, 0)
	return nothing.b.Len() == 0
}

// plain is text as YAML: bare when that can only be read one way.
func plain(s string) string {
	if matches(`^[a-z][a-z0-9_./-]*$`, s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, s) {
		return s
	}
	if matches(`^[0-9]+([a-z][a-zA-Z]*|[KMG]iB|B)$`, s) && !strings.Contains(s, "e") && !strings.Contains(s, "x") && !strings.Contains(s, "o") && !strings.Contains(s, "b") {
		return s
	}
	return strconv.Quote(s)
}
