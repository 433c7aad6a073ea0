package config

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of audit.fields: those of a record.
const (
	maxFieldsOfTool = 16
	maxFieldPath    = 128
	maxFieldTools   = 1024
)

// FieldPointer is the JSON Pointer (RFC 6901) that a key of audit.fields means: a name is
// that of an argument.
func FieldPointer(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
}

// fields holds audit.fields against the upstreams that there are: a rule for nothing
// would leave readable what it was written for.
func (v *checker) fields() {
	if len(v.c.Audit.Fields) > maxFieldTools {
		v.fault("audit.fields", "has more than %d tools", maxFieldTools)
	}
	for of, rules := range v.c.Audit.Fields {
		at := "audit.fields." + of
		upstream, item, ok := strings.Cut(of, "/")
		if _, there := v.c.Upstreams[upstream]; !ok || item == "" || !there {
			v.fault(at, "is not an upstream of this configuration, / and a tool of it, or *")
		}
		if strings.Contains(item, "*") && item != "*" {
			v.fault(at, "has * for a part of a name: write the tool's name, or %s/* for all", upstream)
		}
		if len(rules) == 0 || len(rules) > maxFieldsOfTool {
			v.fault(at, "needs 1 to %d fields", maxFieldsOfTool)
		}
		v.paths(at, rules)
	}
}

// paths refuses a field that no argument can have, and one that lies in another: two
// rules would be for the same value.
func (v *checker) paths(at string, rules map[string]string) {
	var all []string
	for path := range rules {
		p := FieldPointer(path)
		// Beyond U+FFFF the order of RFC 8785 is not that of the bytes.
		odd := strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == utf8.RuneError || r > 0xffff })
		if path == "" || len(p) > maxFieldPath || odd || strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(p), "~") {
			v.fault(at, "%q is neither an argument's name nor a JSON Pointer of at most %d bytes", shorten(path), maxFieldPath)
		}
		all = append(all, p)
	}
	slices.Sort(all)
	for i, p := range all {
		for _, outer := range all[:i] {
			if p == outer || strings.HasPrefix(p, outer+"/") {
				v.fault(at, "%s lies in %s, which has a rule of its own", shorten(p), shorten(outer))
			}
		}
	}
}
