package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"doorward/internal/config"
	"doorward/internal/gatetest"
)

// FIL-22: a rule for paths knows every tool that the server of files offers, and each of its parameters that is a path: one
// that it does not know would pass unjudged.
func TestFIL22_RulesKnowEveryToolOfFiles(t *testing.T) {
	t.Parallel()
	paths := []string{"path", "from", "to"}
	others := []string{"after", "base64", "expected", "glob", "new", "old", "query", "text"} // which name no file to use
	_, yaml := servedFiles(t)
	gw := gatetest.Gateway(t, strings.Replace(yaml, "root:", "write: true, root:", 1), nil)
	gw.ApproveClean("notes") // how it is set; then what it offers
	gw.ApproveClean("notes")
	c := gw.As("alice").Open(modern)
	var m struct {
		Result struct {
			Tools []struct {
				Name        string
				InputSchema struct {
					Properties map[string]struct{ Type any }
					Required   []string
				}
			}
		}
	}
	r := c.Post(c.Request("1", "tools/list", ""))
	if err := json.Unmarshal(r.Final(), &m); err != nil || len(m.Result.Tools) < 8 {
		t.Fatalf("%s: %v", r, err)
	}
	for _, tool := range m.Result.Tools {
		name := strings.TrimPrefix(tool.Name, "notes__")
		var of []string
		for p, schema := range tool.InputSchema.Properties {
			switch {
			case slices.Contains(paths, p):
				of = append(of, p)
			case schema.Type == "string" && !slices.Contains(others, p):
				t.Errorf("%s: is %s a path?", name, p)
			}
		}
		slices.Sort(of)
		given := func(left string) string {
			var types []string
			for _, p := range of {
				if p != left {
					types = append(types, p+": path")
				}
			}
			return strings.Join(types, ", ")
		}
		for _, left := range of {
			rule(t, name, given(left), "", fmt.Sprintf("arguments: {%s: path}", left))
		}
		needed := ""
		if slices.Equal(of, []string{"path"}) && !slices.Contains(tool.InputSchema.Required, "path") {
			rule(t, name, given(""), "", "values: {path: {required: true}}")
			needed = ", values: {path: {required: true}}"
		}
		if len(of) == 0 {
			t.Errorf("%s has no path", name)
		}
		rule(t, name, given(""), needed, "")
	}
}

// rule reads a configuration with a rule for the paths of a tool of files; fault is what it is refused with,
// empty for none.
func rule(t *testing.T, tool, types, needed, fault string) {
	t.Helper()
	_, err := config.Parse("/etc/doorward/doorward.yaml", fmt.Appendf(nil, `version: 1
roles: {r: {allow: [{tools: [n/%s], where: {path: {under: [/srv/notes/sub], base: /srv/notes}%s}}]}}
upstreams: {n: {builtin: files, root: /srv/notes, arguments: {%s}}}
`, tool, needed, types))
	if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
		t.Errorf("%s with {%s}: %v, want %q", tool, types, err, fault)
	}
}
