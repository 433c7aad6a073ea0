package validate_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
)

func TestTheRefusalTeaches(t *testing.T) {
	schema := `{"type":"object","required":["path"],"additionalProperties":false,"properties":{
		"path":{"type":"string","pattern":"^/srv","maxLength":10},"n":{"type":"integer","minimum":1,"maximum":9},
		"kind":{"enum":["a","b"]},"list":{"items":{"type":"string"},"maxItems":2},"either":{"anyOf":[{"type":"string"},{"type":"null"}]},
		"a/b":{"const":"SCHEMA"}}}`
	for _, tc := range []struct{ args, want string }{
		{`{}`, `the value lacks "path"`},
		{`{"path":"SECRET"}`, `/path must match the pattern "^/srv"`},
		{`{"path":"/srv/SECRETSECRET"}`, `/path must have at most 10 characters`},
		{`{"path":"/srv","n":77}`, `/n must be at most 9`},
		{`{"path":"/srv","n":-77}`, `/n must be at least 1`},
		{`{"path":"/srv","n":"SECRET"}`, `/n must be integer, not string`},
		{`{"path":"/srv","kind":"SECRET"}`, `/kind must be "a" or "b"`},
		{`{"path":"/srv","list":["x",7]}`, `/list/1 must be string, not number`},
		{`{"path":"/srv","list":["a","b","SECRET"]}`, `/list must have at most 2 elements`},
		{`{"path":"/srv","either":7}`, `/either must be string or null`},
		{`{"path":"/srv","a/b":"SECRET"}`, `/a~1b must be "SCHEMA"`},
		{`{"path":"/srv","extra":1}`, `the value has "extra", which the schema does not allow, only "a/b", "either", "kind", "list", "n", "path"`},
		{`{"path":"/srv","n":77,"kind":"SECRET"}`, `/kind must be "a" or "b"; /n must be at most 9`},
		{`["SECRET"]`, `the arguments are not an object`},
	} {
		v := judge(t, call(t, tool(schema, ""), tc.args))
		if v.Code != gate.CodeArguments || !strings.HasSuffix(v.Public, ": "+tc.want) {
			t.Errorf("%s: %+v, want %s", tc.args, v, tc.want)
		}
		if strings.Contains(v.Public+v.Reason, "SECRET") || strings.Contains(v.Public+v.Reason, "77") {
			t.Errorf("%s: an argument is repeated in %+v", tc.args, v)
		}
	}
	many := `{"path":"/srv","list":[` + strings.TrimSuffix(strings.Repeat("1,", 3000), ",") + `]}`
	if v := judge(t, call(t, tool(schema, ""), many)); v.Code != gate.CodeArguments || !strings.Contains(v.Public, "more") {
		t.Errorf("many faults: %+v", v)
	}
}

// One text tells up to five faults, in what words a model can act on, and what a
// member may have been meant to be.
func TestTheRefusalNamesWhatWasExpected(t *testing.T) {
	schema := `{"type":"object","required":["filePath","mode"],"additionalProperties":false,"properties":{
		"filePath":{"type":"string"},"mode":{"enum":["read","write"]},"when":{"type":"string","format":"date-time"},
		"filter":{"anyOf":[{"$ref":"#/$defs/filter"},{"type":"null"}]},
		"shape":{"oneOf":[{"type":"object","required":["radius"]},{"type":"object","required":["side"]}]},
		"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"},"d":{"type":"integer"},"e":{"type":"integer"},"f":{"type":"integer"}},
		"$defs":{"filter":{"type":"object","properties":{"glob":{"type":"string","minLength":1}},"required":["glob"],"unevaluatedProperties":false}}}`
	only := `, only "a", "b", "c", "d", "e", "f", "filePath", "filter", "mode", "shape" and 1 others`
	for _, tc := range []struct{ name, args, want string }{
		{"another case", `{"file_path":"SECRET","mode":"read"}`, `the value has "file_path", which the schema does not allow (did you mean "filePath"?)` + only + `; the value lacks "filePath"`},
		{"a letter away", `{"filePath":"x","mod":"SECRET"}`, `the value has "mod", which the schema does not allow (did you mean "mode"?)` + only + `; the value lacks "mode"`},
		{"nothing like it", `{"filePath":"x","mode":"read","SOMETHING":1}`, `the value has "SOMETHING", which the schema does not allow` + only},
		{"a name with control characters", `{"filePath":"x","mode":"read","a\n\u001b[2J\u202e":1}`, `the value has "a??[2J?", which the schema does not allow` + only},
		{"format", `{"filePath":"x","mode":"read","when":"SECRET"}`, `/when must have the format "date-time", such as 2026-01-31T12:00:00Z`},
		{"the alternative that was meant", `{"filePath":"x","mode":"read","filter":{"glob":""}}`, `/filter/glob must have at least 1 characters`},
		{"a member of the alternative", `{"filePath":"x","mode":"read","filter":{"glob":"x","globb":"SECRET"}}`, `/filter has "globb", which the schema does not allow (did you mean "glob"?), only "glob"`},
		{"no alternative", `{"filePath":"x","mode":"read","shape":{}}`, `/shape fits none of the alternatives`},
		{"several at once", `{"filePath":7,"mode":"SECRET","when":7}`, `/filePath must be string, not number; /mode must be "read" or "write"; /when must be string, not number`},
		{"more than five", `{"filePath":"x","mode":"read","a":"","b":"","c":"","d":"","e":"","f":""}`, `/a must be integer, not string; /b must be integer, not string; /c must be integer, not string; /d must be integer, not string; /e must be integer, not string; and 1 more`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := judge(t, call(t, tool(schema, ""), tc.args))
			if want := "The arguments do not fit the tool's input schema: " + tc.want; v.Code != gate.CodeArguments || v.Public != want {
				t.Errorf("%s\n%q, want\n%q", v.Code, v.Public, want)
			}
			if strings.Contains(v.Public+v.Reason, "SECRET") {
				t.Errorf("an argument is repeated in %+v", v)
			}
		})
	}
}

// What the client names itself is bounded, however much there is of it.
func TestTheRefusalIsBounded(t *testing.T) {
	args := `{`
	for i := range 30 {
		args += `"` + strings.Repeat("x", 300+i) + `":1,`
	}
	args += `"` + strings.Repeat("é", 500) + `":{"a":1}}`
	v := judge(t, call(t, tool(`{"properties":{"a":{}},"additionalProperties":{"type":"object","additionalProperties":false}}`, ""), args))
	if v.Code != gate.CodeArguments || len(v.Public) > 1024 || strings.Contains(v.Public, strings.Repeat("x", 100)) {
		t.Errorf("%d bytes: %+v", len(v.Public), v)
	}
}
