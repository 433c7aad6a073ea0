package review_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/review"
)

// offered is the snippet for an upstream with tools of these schemas.
func offered(t *testing.T, typed map[string]string, items ...review.Item) string {
	t.Helper()
	src := policy.Source{
		Roles:     map[string]policy.Role{"r": {Groups: []string{"g"}, Allow: []policy.Rule{{Tools: []string{"up/*"}, Prompts: []string{"up/*"}}}}},
		Arguments: map[string]map[string]string{"up": typed},
	}
	for _, f := range review.Review(&review.Input{Source: src, Upstreams: []string{"up"}, Pinned: true, Items: items}) {
		if f.Path == "upstreams.up.arguments" {
			if f.Severity != review.Hint {
				t.Errorf("offered as %v", f.Severity)
			}
			return f.Snippet
		}
	}
	return ""
}

func TestLooks(t *testing.T) {
	for _, tc := range []struct{ tool, parameter, schema, want string }{
		{"t", "path", `{"type":"string"}`, "path"},
		{"t", "outputDir", `{"type":"string"}`, "path"},
		{"t", "file_paths", `{"type":"array","items":{"type":"string"}}`, "path"},
		{"t", "source", `{"type":"string"}`, "path"},
		{"t", "imageURL", `{"type":["string","null"]}`, "url"},
		{"t", "where", `{"type":"string","format":"uri"}`, "url"},
		{"t", "node", `{"format":"hostname"}`, "host"},
		{"t", "db-host", `{}`, "host"},
		{"t", "statement", `{"type":"string"}`, "sql"},
		{"t", "query", `{"type":"string","description":"the SQL to run"}`, "sql"},
		{"run_sql", "query", `{"type":"string"}`, "sql"},
		{"search", "query", `{"type":"string","description":"words"}`, ""},
		{"t", "cmd", `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}`, "command"},
		{"t", "bcc", `{"type":"array","items":{"type":"string"}}`, "email"},
		{"t", "contact", `{"type":"string","format":"email"}`, "email"},
		{"t", "path", `{"type":"string","enum":["a","b"]}`, ""},
		{"t", "path", `{"type":"object"}`, ""},
		{"t", "files", `{"type":"integer"}`, ""},
		{"t", "profile", `{"type":"string"}`, ""},
		{"t", "pathology", `{"type":"string"}`, ""},
		{"t", "to_do", `{"type":"string"}`, ""},
	} {
		t.Run(tc.tool+" "+tc.parameter+" "+tc.schema, func(t *testing.T) {
			want := ""
			if tc.want != "" {
				want = "upstreams:\n  up:\n    arguments:\n      " + tc.parameter + ": " + tc.want + "\n"
			}
			schema := fmt.Sprintf(`{"properties":{%q:%s}}`, tc.parameter, tc.schema)
			if got := offered(t, nil, item("up", tc.tool, schema)); got != want {
				t.Errorf("offered %q, want %q", got, want)
			}
			for _, nested := range []string{
				`{"properties":{"a":{"type":"array","items":` + schema + `}}}`,
				`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":` + schema + `}}`,
				`{"oneOf":[` + schema + `]}`,
			} {
				if got := offered(t, nil, item("up", tc.tool, nested)); got != want {
					t.Errorf("%s: offered %q, want %q", nested, got, want)
				}
			}
		})
	}
}

func TestNothingIsOfferedThat(t *testing.T) {
	path := `{"properties":{"path":{"type":"string"}}}`
	for name, got := range map[string]string{
		"has a type":             offered(t, map[string]string{"PATH": "text"}, item("up", "t", path)),
		"no rule opens":          offered(t, nil, item("up", "a/b", path)),
		"another tool means not": offered(t, nil, item("up", "sql", `{"properties":{"query":{}}}`), item("up", "search", `{"properties":{"query":{}}}`)),
		"is hidden":              offered(t, nil, item("up", "t", "{\"properties\":{\"a\u200b-path\":{}}}")),
		"has no sound schema":    offered(t, nil, item("up", "t", `{"properties":[`)),
		"lies too deep":          offered(t, nil, item("up", "t", strings.Repeat(`{"items":`, 40)+path+strings.Repeat(`}`, 40))),
	} {
		if got != "" {
			t.Errorf("what %s: %s", name, got)
		}
	}
}

// A prompt's arguments are judged as a tool's are.
func TestPrompts(t *testing.T) {
	got := offered(t, nil, review.Item{Upstream: "up", Kind: gate.Prompt, Name: "p", Schema: []byte(`{"properties":{"repo url":{}}}`)})
	if want := "      \"repo url\": url\n"; !strings.HasSuffix(got, want) {
		t.Errorf("offered %q", got)
	}
}

// A finding is plain JSON.
func TestFindingJSON(t *testing.T) {
	text, err := json.Marshal(review.Finding{Severity: review.Warning, Path: "roles", Text: "a", Advice: "b"})
	if err != nil || string(text) != `{"severity":"warning","path":"roles","text":"a","advice":"b"}` {
		t.Errorf("%s, %v", text, err)
	}
}
