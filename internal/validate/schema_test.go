package validate_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/validate"
)

// No schema may cost more than this, compiled and judged; the machine may be
// shared by many tests under the race detector.
const patience = 10 * time.Second

func TestRES21_HostileSchemasWithholdTheTool(t *testing.T) {
	many := strings.Repeat(`{"type":"string"},`, 2100)
	for name, schema := range map[string]string{
		"own reference":         `{"$ref":"#"}`,
		"reference loop":        `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}`,
		"loop under not":        `{"not":{"$ref":"#"}}`,
		"file reference":        `{"$ref":"file:///etc/passwd"}`,
		"relative reference":    `{"properties":{"a":{"$ref":"other.json"}}}`,
		"http reference":        `{"$ref":"http://127.0.0.1/x.json"}`,
		"https reference":       `{"$ref":"https://example.com/x.json"}`,
		"foreign $schema":       `{"$schema":"https://example.com/mine","type":"object"}`,
		"file $schema":          `{"$schema":"file:///etc/passwd","type":"object"}`,
		"reference to nowhere":  `{"$ref":"#/$defs/none"}`,
		"doubling":              doubling(22),
		"doubling, longer":      doubling(60),
		"long chain":            chain(100),
		"deep nesting":          strings.Repeat(`{"properties":{"a":`, 40) + `{}` + strings.Repeat(`}}`, 40),
		"too many subschemas":   `{"anyOf":[` + strings.TrimSuffix(many, ",") + `]}`,
		"too large":             `{"description":"` + strings.Repeat("x", 257<<10) + `"}`,
		"too many values":       `{"enum":[` + strings.TrimSuffix(strings.Repeat("1,", 60_000), ",") + `]}`,
		"huge exponent":         `{"properties":{"a":{"maximum":1e999999999}}}`,
		"huge exponent in enum": `{"properties":{"a":{"enum":[1e-999999999]}}}`,
		"pattern too long":      `{"pattern":"` + strings.Repeat("a", 5000) + `"}`,
		"pattern explodes":      `{"pattern":"((a{0,100}){0,10}b{0,900}c{0,900}d{0,900}e{0,900}f{0,900}g{0,900}){1}"}`,
		"pattern malformed":     `{"pattern":"(a"}`,
		"wrong keyword type":    `{"type":"strnig"}`,
		"properties is a list":  `{"properties":[]}`,
		"not an object":         `true`,
		"null":                  `null`,
		"dynamic reference":     `{"$dynamicAnchor":"n","properties":{"a":{"$dynamicRef":"#n"}}}`,
		"the 2020 metaschema":   `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"bad header":            `{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}`,
		"header twice":          `{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			it := tool(schema, "")
			if v := judge(t, call(t, it, `{"a":1}`)); v.Code != gate.CodeBadSchema {
				t.Errorf("call: %+v, want %s", v, gate.CodeBadSchema)
			}
			ex := &gate.Exchange{Target: gate.Target{Items: []gate.Item{it}}}
			ex.Call.Route = route(t, "tools/list")
			if judge(t, ex); len(ex.Target.Items) != 0 {
				t.Error("the tool is listed")
			}
			if d := time.Since(start); d > patience {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestOutputSchemasAreBoundToo(t *testing.T) {
	if v := judge(t, call(t, tool(`{}`, `{"$ref":"#"}`), `{}`)); v.Code != gate.CodeBadSchema {
		t.Errorf("%+v, want %s", v, gate.CodeBadSchema)
	}
	if v := judge(t, call(t, item(gate.Tool, `{"name":"t"}`), `{}`)); v.Code != gate.CodeBadSchema {
		t.Errorf("no input schema: %+v, want %s", v, gate.CodeBadSchema)
	}
	if v := judge(t, call(t, item(gate.Tool, `{"name":"t","InputSchema":{}}`), `{}`)); v.Code != gate.CodeBadSchema {
		t.Errorf("misspelt input schema: %+v, want %s", v, gate.CodeBadSchema)
	}
}

// Values that would keep an unbounded validator busy end soon, with a refusal.
func TestRES21_HostileArgumentsEndSoon(t *testing.T) {
	list := func(n int, element string) string {
		return `{"a":[` + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + `]}`
	}
	nested := strings.Repeat(`{"n":`, 50) + `{}` + strings.Repeat(`}`, 50)
	tree := `{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"properties":{"n":{"$ref":"#/$defs/n"}},"required":["z"]},{"properties":{"n":{"$ref":"#/$defs/n"}},"required":["y"]}]}}}`
	var choices []string
	for i := range 4000 {
		choices = append(choices, fmt.Sprint(i))
	}
	for _, tc := range []struct {
		name, schema, args string
		want               gate.Code
	}{
		{"RE2 on text made for backtracking", `{"properties":{"a":{"pattern":"^(a+)+$"}}}`, `{"a":"` + strings.Repeat("a", 50_000) + `!"}`, gate.CodeArguments},
		{"lookahead that backtracks", `{"properties":{"a":{"pattern":"^(?=x)(a+)+$|^(?!y)(a+)+$"}}}`, `{"a":"` + strings.Repeat("a", 5000) + `!"}`, gate.CodeArguments},
		{"lookahead that backtracks, many times", `{"properties":{"a":{"items":{"pattern":"^(?!y)(a+)+$"}}}}`, list(5000, `"`+strings.Repeat("a", 40)+`!"`), gate.CodeArguments},
		{"lookahead that backtracks, under not", `{"properties":{"a":{"not":{"pattern":"^(?!y)(a+)+$"}}}}`, `{"a":"` + strings.Repeat("a", 5000) + `!"}`, gate.CodeArguments},
		{"large pattern, large text", `{"properties":{"a":{"pattern":"(x|y){0,900}z"}}}`, `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, gate.CodeArguments},
		{"large enum, many elements", `{"properties":{"a":{"items":{"enum":[` + strings.Join(choices, ",") + `]}}}}`, list(9000, "-1"), gate.CodeArguments},
		{"doubling by recursion", tree, nested, gate.CodeArguments},
		{"number that is too large", `{"properties":{"a":{"maximum":3}}}`, `{"a":1e999999999}`, gate.CodeArguments},
		{"number that is too small", `{"properties":{"a":{"type":"integer"}}}`, `{"a":1e-999999999}`, gate.CodeArguments},
		{"nested too deep", `{}`, strings.Repeat(`{"n":`, 70) + `{}` + strings.Repeat(`}`, 70), gate.CodeArguments},
		{"many elements", `{"properties":{"a":{"items":{"type":"integer","minimum":0}}}}`, list(9000, "7"), ""},
		{"unique elements", `{"properties":{"a":{"uniqueItems":true}}}`, list(9000, "7"), gate.CodeArguments},
		{"large text", `{"properties":{"a":{"type":"string","pattern":"^[a-z]+$"}}}`, `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			s := validate.New(quiet()).With(map[string]validate.Settings{"up": {Arguments: 4 << 20, Values: 1 << 20}})
			if v, err := s.Judge(t.Context(), call(t, tool(tc.schema, ""), tc.args)); err != nil || v.Code != tc.want {
				t.Errorf("%+v, %v, want %q", v, err, tc.want)
			}
			if d := time.Since(start); d > patience {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestSchemasThatMustWork(t *testing.T) {
	value := `{"$ref":"#/$defs/v","$defs":{"v":{"anyOf":[{"type":["string","number","boolean","null"]},{"type":"array","items":{"$ref":"#/$defs/v"}},{"type":"object","additionalProperties":{"$ref":"#/$defs/v"}}]}}}`
	for _, tc := range []struct {
		name, schema string
		good, bad    []string
	}{
		{"2020-12 by default", `{"type":"object","properties":{"a":{"type":"array","prefixItems":[{"type":"string"}],"items":false}}}`, []string{``, `{}`, `{"a":["x"]}`}, []string{`{"a":[1]}`, `{"a":["x",1]}`, `[]`, `null`, `"x"`}},
		{"any object", `{}`, []string{`{}`, `{"a":[null]}`}, []string{`[]`, `1`, `null`}},
		{"draft-07", `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","definitions":{"n":{"type":"integer"}},"properties":{"a":{"type":"array","items":[{"$ref":"#/definitions/n"}],"additionalItems":false}},"additionalProperties":false}`, []string{`{"a":[1]}`}, []string{`{"a":[1,2]}`, `{"a":["x"]}`, `{"b":1}`}},
		{"draft-04", `{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"maximum":3,"exclusiveMaximum":true}}}`, []string{`{"a":2}`}, []string{`{"a":3}`}},
		{"unevaluated", `{"allOf":[{"properties":{"a":{"type":"string"}}}],"unevaluatedProperties":false}`, []string{`{"a":"x"}`}, []string{`{"a":"x","b":1}`}},
		{"dependent", `{"dependentRequired":{"a":["b"]},"dependentSchemas":{"b":{"required":["c"]}}}`, []string{`{"a":1,"b":1,"c":1}`, `{}`}, []string{`{"a":1}`, `{"b":1}`}},
		{"if then else", `{"if":{"properties":{"k":{"const":"x"}},"required":["k"]},"then":{"required":["x"]},"else":{"required":["y"]}}`, []string{`{"k":"x","x":1}`, `{"y":1}`}, []string{`{"k":"x"}`, `{}`}},
		{"own $id and anchor", `{"$id":"https://example.com/t","properties":{"a":{"$ref":"#n"},"b":{"$ref":"https://example.com/t#n"}},"$defs":{"n":{"$anchor":"n","type":"integer"}}}`, []string{`{"a":1,"b":2}`}, []string{`{"a":"x"}`, `{"b":"x"}`}},
		{"any JSON value", value, []string{`{"a":[{"b":[1,"x",null]}]}`}, nil},
		{"tree", `{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"},"v":{"type":"integer"}},"required":["v"]}`, []string{`{"v":1,"left":{"v":2},"right":{"v":3,"left":{"v":4}}}`}, []string{`{"v":1,"left":{}}`}},
		{"large integers", `{"properties":{"a":{"maximum":9007199254740993}}}`, []string{`{"a":9007199254740993}`}, []string{`{"a":9007199254740994}`}},
		{"integers with a fraction of nought", `{"properties":{"a":{"type":"integer"}}}`, []string{`{"a":1.0}`, `{"a":1e2}`}, []string{`{"a":1.5}`}},
		{"lookahead", `{"properties":{"a":{"pattern":"^(?!\\.)(?!.*\\.\\.)[a-z.]+@[a-z]+$"}}}`, []string{`{"a":"a.b@c"}`}, []string{`{"a":".a@c"}`, `{"a":"a..b@c"}`}},
		{"unicode escape in a pattern", `{"properties":{"a":{"pattern":"^[\\u0041-\\u005A]+$"}}}`, []string{`{"a":"ABC"}`}, []string{`{"a":"abc"}`}},
		{"a format that nobody knows", `{"properties":{"a":{"format":"mine"},"b":{"format":"idn-email"}}}`, []string{`{"a":"x","b":"y"}`}, nil},
		{"huge enum of names", `{"properties":{"a":{"enum":["` + strings.Join(strings.Fields(strings.Repeat("x y z ", 1500)), `","`) + `"]}}}`, []string{`{"a":"z"}`}, []string{`{"a":"w"}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, args := range tc.good {
				if v := judge(t, call(t, tool(tc.schema, ""), args)); v.Effect != gate.Continue {
					t.Errorf("%s: %+v, want no objection", args, v)
				}
			}
			for _, args := range tc.bad {
				if v := judge(t, call(t, tool(tc.schema, ""), args)); v.Code != gate.CodeArguments {
					t.Errorf("%s: %+v, want %s", args, v, gate.CodeArguments)
				}
			}
		})
	}
}

func TestAWithheldToolIsLoggedOnceAndOthersAreKept(t *testing.T) {
	var logged bytes.Buffer
	s := validate.New(slog.New(slog.NewTextHandler(&logged, nil)))
	good, bad, last := tool(`{"type":"object"}`, ""), tool(`{"$ref":"file:///etc/passwd"}`, ""), tool(`{}`, "")
	catalogue := []gate.Item{good, bad, last}
	for range 3 {
		ex := &gate.Exchange{Target: gate.Target{Items: catalogue}}
		ex.Call.Route = route(t, "tools/list")
		if v, err := s.Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue {
			t.Fatalf("Judge: %+v, %v", v, err)
		}
		if len(ex.Target.Items) != 2 || ex.Target.Items[0].Digest != good.Digest || ex.Target.Items[1].Digest != last.Digest {
			t.Errorf("listed %v", ex.Target.Items)
		}
	}
	if catalogue[1].Digest != bad.Digest {
		t.Error("the catalogue was changed")
	}
	if n := strings.Count(logged.String(), "definition withheld"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, logged.String())
	}
}
