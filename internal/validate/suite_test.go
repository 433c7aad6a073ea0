package validate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/validate"
)

// Why cases of the suite cannot be run: their schema is refused as a whole.
const (
	metaschema = "$ref to the metaschema of 2020-12, which refers to itself dynamically"
	outside    = "$ref to a schema that only a loader could fetch"
	dynamic    = "$dynamicRef whose target depends on the caller"
)

// withheld are the cases of the suite whose schema is refused on purpose. Every
// other case must compile and agree with the suite.
func withheld() map[string]string {
	return map[string]string{
		"draft2020-12/defs: validate definition against metaschema":                                                                                                           metaschema,
		"draft2020-12/dynamicRef: A $dynamicRef to a $dynamicAnchor in the same schema resource behaves like a normal $ref to an $anchor":                                     dynamic,
		"draft2020-12/dynamicRef: A $dynamicRef resolves to the first $dynamicAnchor still in scope that is encountered when the schema is evaluated":                         dynamic,
		"draft2020-12/dynamicRef: A $dynamicRef with intermediate scopes that don't include a matching $dynamicAnchor does not affect dynamic scope resolution":               dynamic,
		"draft2020-12/dynamicRef: An $anchor with the same name as a $dynamicAnchor is not used for dynamic scope resolution":                                                 dynamic,
		"draft2020-12/dynamicRef: A $dynamicRef that initially resolves to a schema with a matching $dynamicAnchor resolves to the first $dynamicAnchor in the dynamic scope": dynamic,
		"draft2020-12/dynamicRef: multiple dynamic paths to the $dynamicRef keyword":                                                                                          dynamic,
		"draft2020-12/dynamicRef: after leaving a dynamic scope, it is not used by a $dynamicRef":                                                                             dynamic,
		"draft2020-12/dynamicRef: strict-tree schema, guards against misspelled properties":                                                                                   outside,
		"draft2020-12/dynamicRef: tests for implementation dynamic anchor and reference link":                                                                                 outside,
		"draft2020-12/dynamicRef: $ref and $dynamicAnchor are independent of order - $defs first":                                                                             outside,
		"draft2020-12/dynamicRef: $ref and $dynamicAnchor are independent of order - $ref first":                                                                              outside,
		"draft2020-12/dynamicRef: $ref to $dynamicRef finds detached $dynamicAnchor":                                                                                          outside,
		"draft2020-12/dynamicRef: $dynamicRef skips over intermediate resources - direct reference":                                                                           dynamic,
		"draft2020-12/ref: remote ref, containing refs itself":                                                                                                                metaschema,
		"draft2020-12/unevaluatedItems: unevaluatedItems with $dynamicRef":                                                                                                    dynamic,
		"draft2020-12/unevaluatedProperties: unevaluatedProperties with $dynamicRef":                                                                                          dynamic,
	}
}

// testdata/suite holds the required tests of the official JSON-Schema-Test-Suite
// for the two drafts that MCP servers use, but those that need remote schemas.
func TestPOL44OfficialSuite(t *testing.T) {
	for dir, dialect := range map[string]string{
		"draft2020-12": "https://json-schema.org/draft/2020-12/schema",
		"draft7":       "http://json-schema.org/draft-07/schema#",
	} {
		files, err := filepath.Glob(filepath.Join("testdata/suite", dir, "*.json"))
		if err != nil || len(files) < 30 {
			t.Fatalf("%d files of %s, %v", len(files), dir, err)
		}
		ran, listed := 0, withheld()
		for _, file := range files {
			for _, group := range groups(t, file) {
				name := dir + "/" + strings.TrimSuffix(filepath.Base(file), ".json") + ": " + group.Description
				schema := group.inDialect(t, dialect)
				for _, tc := range group.Tests {
					broken, unfit := validate.Fits(t.Context(), schema, tc.Data)
					if reason := listed[name]; (broken != nil) != (reason != "") {
						t.Errorf("%s: the schema is refused with %v, and the list says %q", name, broken, reason)
						break
					} else if broken != nil {
						break
					}
					ran++
					if (unfit == nil) != tc.Valid {
						t.Errorf("%s: %s: got %v, want valid %v", name, tc.Description, unfit, tc.Valid)
					}
				}
			}
		}
		t.Logf("%s: %d tests", dir, ran)
	}
}

type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func groups(t *testing.T, file string) []suiteGroup {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []suiteGroup
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

// inDialect is the schema as an object that says its draft. A tool's schema is an
// object, so true and false stand within one.
func (g *suiteGroup) inDialect(t *testing.T, dialect string) []byte {
	t.Helper()
	text := strings.TrimSpace(string(g.Schema))
	switch {
	case text == "true" || text == "false":
		return []byte(`{"$schema":"` + dialect + `","allOf":[` + text + `]}`)
	case strings.Contains(text, `"$schema"`):
		return []byte(text)
	case text == "{}":
		return []byte(`{"$schema":"` + dialect + `"}`)
	}
	return []byte(`{"$schema":"` + dialect + `",` + text[1:])
}
