package validate_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/validate"
)

// closing are the settings of an upstream that refuses unknown members.
func closing() validate.Settings {
	return validate.Settings{RefuseUnknown: true, Arguments: validate.DefaultArguments, Values: validate.DefaultValues}
}

func judgeWith(t *testing.T, set validate.Settings, ex *gate.Exchange) gate.Verdict {
	t.Helper()
	v, err := validate.New(quiet()).With(map[string]validate.Settings{"up": set}).Judge(t.Context(), ex)
	if err != nil {
		t.Fatalf("Judge: %v", err)
	}
	return v
}

// Unknown members pass where the schema is open, unless the upstream refuses them
// or policy has judged the arguments by their meaning.
func TestPOL16UnknownKeys(t *testing.T) {
	const draft7 = `"$schema":"http://json-schema.org/draft-07/schema#",`
	pair := func(head string) string {
		return `{` + head + `"type":"object","properties":{"a":{"type":"object","properties":{"x":{}}},"list":{"type":"array","items":{"properties":{"y":{}}}},"free":{"type":"object"}}}`
	}
	kinds := func(head string) string {
		return `{` + head + `"properties":{"kind":{}},"anyOf":[{"properties":{"kind":{"const":"a"},"x":{}},"required":["kind"]},{"properties":{"kind":{"const":"b"},"y":{}},"required":["kind","z"]}]}`
	}
	split := `{"allOf":[{"properties":{"p":{"properties":{"a":{}}}}},{"properties":{"p":{"properties":{"b":{}}},"q":{}}}]}`
	tree := `{"properties":{"left":{"$ref":"#"},"v":{}}}`
	for _, tc := range []struct {
		name, schema string
		known        []string // pass closed
		unknown      []string // pass open, and not closed
	}{
		{"properties", pair(""), []string{`{}`, `{"a":{"x":1},"list":[{"y":1}],"free":{"any":1}}`}, []string{`{"b":1}`, `{"a":{"z":1}}`, `{"list":[{},{"z":1}]}`}},
		{"properties, draft-07", pair(draft7), []string{`{"a":{"x":1},"list":[{"y":1}],"free":{"any":1}}`}, []string{`{"b":1}`, `{"a":{"z":1}}`, `{"list":[{},{"z":1}]}`}},
		{"alternatives", kinds(""), []string{`{"kind":"a","x":1}`, `{"kind":"b","y":1,"z":1}`}, []string{`{"kind":"a","y":1}`, `{"kind":"b","x":1,"z":1}`}},
		{"alternatives, draft-07", kinds(draft7), []string{`{"kind":"a","x":1}`}, []string{`{"kind":"a","y":1}`}},
		{"all of", split, []string{`{"p":{"a":1,"b":1},"q":1}`}, []string{`{"p":{"c":1}}`, `{"r":1}`}},
		{"recursion", tree, []string{`{"left":{"left":{"v":1}}}`}, []string{`{"left":{"left":{"w":1}}}`}},
		{"if", `{"properties":{"k":{}},"if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"properties":{"x":{}}},"else":{"properties":{"y":{}}}}`, []string{`{"k":1,"x":1}`, `{"y":1}`}, []string{`{"k":1,"y":1}`, `{"x":1}`}},
		{"dependent", `{"properties":{"k":{}},"dependentSchemas":{"k":{"properties":{"x":{}}}}}`, []string{`{"k":1,"x":1}`}, []string{`{"x":1}`}},
		{"only tested", `{"properties":{"a":{}},"not":{"properties":{"b":{"const":1}},"required":["b"]}}`, []string{`{"a":1}`}, []string{`{"b":2}`}},
		{"required is a name", `{"properties":{"a":{}},"required":["b"]}`, []string{`{"b":1}`}, []string{`{"b":1,"c":1}`}},
		{"additionalProperties true", `{"properties":{"a":{}},"additionalProperties":true}`, []string{`{"b":1}`}, nil},
		{"additionalProperties, a schema", `{"properties":{"a":{}},"additionalProperties":{"properties":{"x":{}}}}`, []string{`{"b":{"x":1}}`}, []string{`{"b":{"y":1}}`}},
		{"patternProperties", `{"properties":{"a":{}},"patternProperties":{"^x-":{"properties":{"y":{}}}}}`, []string{`{"x-a":{"y":1}}`}, []string{`{"x-a":{"z":1}}`, `{"other":1}`}},
		{"unevaluatedProperties", `{"properties":{"a":{}},"unevaluatedProperties":true}`, []string{`{"b":1}`}, nil},
		{"tuples", `{"properties":{"t":{"prefixItems":[{"properties":{"a":{}}}],"items":{"properties":{"b":{}}}}}}`, []string{`{"t":[{"a":1},{"b":1}]}`}, []string{`{"t":[{"b":1}]}`, `{"t":[{},{"a":1}]}`}},
		{"no properties at all", `{"type":"object"}`, []string{`{}`}, []string{`{"a":1}`}},
		{"no properties, one required", `{"required":["a"]}`, []string{`{"a":1}`}, []string{`{"a":1,"b":1}`}},
		{"a map", `{"propertyNames":{"maxLength":3}}`, []string{`{"abc":1}`}, nil},
		{"a reference", `{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"x":{}}}}}`, []string{`{"x":1}`}, []string{`{"y":1}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			it := tool(tc.schema, "")
			for _, args := range append(tc.known, tc.unknown...) {
				if v := judge(t, call(t, it, args)); v.Effect != gate.Continue {
					t.Errorf("%s, open: %+v", args, v)
				}
			}
			for _, args := range tc.known {
				if v := judgeWith(t, closing(), call(t, it, args)); v.Effect != gate.Continue {
					t.Errorf("%s, closed: %+v", args, v)
				}
			}
			for _, args := range tc.unknown {
				if v := judgeWith(t, closing(), call(t, it, args)); v.Code != gate.CodeArguments {
					t.Errorf("%s, closed: %+v", args, v)
				}
				ex := call(t, it, args)
				if ex.Grant.Judged = true; judge(t, ex).Code != gate.CodeArguments {
					t.Errorf("%s passes where policy has judged the arguments", args)
				}
			}
		})
	}
}

func TestUnknownMembersAreNamed(t *testing.T) {
	it := tool(`{"properties":{"path":{},"in":{"properties":{"depth":{}}}}}`, "")
	v := judgeWith(t, closing(), call(t, it, `{"pth":"SECRET","in":{"dept":1,"b":2}}`))
	want := `: /in has "b", "dept", which the schema does not allow (did you mean "depth"?), only "depth"; ` +
		`the value has "pth", which the schema does not allow (did you mean "path"?), only "in", "path"`
	if v.Code != gate.CodeArguments || !strings.HasSuffix(v.Public, want) {
		t.Errorf("%+v, want %s", v, want)
	}
	prompt := item(gate.Prompt, `{"name":"p","arguments":[{"name":"topic"}]}`)
	if v := judgeWith(t, closing(), call(t, prompt, `{"topik":"SECRET"}`)); !strings.HasSuffix(v.Public, `the value has "topik", which the schema does not allow (did you mean "topic"?), only "topic"`) {
		t.Errorf("a prompt: %+v", v)
	}
	if v := judgeWith(t, closing(), call(t, prompt, `{"topic":"x"}`)); v.Effect != gate.Continue {
		t.Errorf("a prompt: %+v", v)
	}
}

// Asking alternatives again at every level must not multiply without end.
func TestClosingEndsSoon(t *testing.T) {
	nested := strings.Repeat(`{"n":`, 50) + `{}` + strings.Repeat(`}`, 50)
	tree := `{"$ref":"#/$defs/n","$defs":{"n":{"properties":{"n":{"$ref":"#/$defs/n"}},"anyOf":[{"properties":{"n":{"$ref":"#/$defs/n"}}},{"properties":{"m":{}}}]}}}`
	value := `{"properties":{"a":{"$ref":"#/$defs/v"}},"$defs":{"v":{"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#/$defs/v"}}]}}}`
	deep := strings.Repeat(`[`+strings.Repeat("1,", 190), 50) + "1" + strings.Repeat("]", 50)
	slow := `{"properties":{"a":{"items":{"anyOf":[{"pattern":"^(?!y)(a+)+$"},{"type":"string"}]}}}}`
	for name, tc := range map[string]struct{ schema, args string }{
		"recursive alternatives": {tree, nested},
		"asked at every level":   {value, `{"a":` + deep + `}`},
		"slow pattern":           {slow, `{"a":["` + strings.Repeat("a", 5000) + `!"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if v := judgeWith(t, closing(), call(t, tool(tc.schema, ""), tc.args)); v.Code != gate.CodeArguments {
				t.Errorf("%+v", v)
			}
			if d := time.Since(start); d > patience {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	it := tool(`{}`, `{}`)
	prompt := item(gate.Prompt, `{"name":"p","arguments":[{"name":"a"}]}`)
	small := validate.Settings{Arguments: 40, Values: 5}
	for _, tc := range []struct {
		name, args string
		it         gate.Item
		want       gate.Code
	}{
		{"fits", `{"a":[1,2,3]}`, it, ""},
		{"one value more", `{"a":[1,2,3,4]}`, it, gate.CodeArguments},
		{"empty ones count", `{"a":[[],{},"",null]}`, it, gate.CodeArguments},
		{"text does not", `{"a":"[1,2,3,4,5,6,\\\",7,{,}"}`, it, ""},
		{"white space does not", "{ \t\n\r } ", it, ""},
		{"too many bytes", `{"a":"` + strings.Repeat("x", 40) + `"}`, it, gate.CodeArguments},
		{"a prompt", `{"a":"x"}`, prompt, ""},
		{"a prompt, too many bytes", `{"a":"` + strings.Repeat("x", 40) + `"}`, prompt, gate.CodeArguments},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if v := judgeWith(t, small, call(t, tc.it, tc.args)); v.Code != tc.want || strings.Contains(v.Public, "xxxx") {
				t.Errorf("%+v, want %q", v, tc.want)
			}
		})
	}
	if v := judgeWith(t, validate.Settings{}, call(t, it, `{}`)); v.Code != gate.CodeArguments {
		t.Errorf("no settings at all: %+v", v)
	}
	if v := judge(t, call(t, it, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`)); v.Code != gate.CodeArguments {
		t.Errorf("the default: %+v", v)
	}
	list := func(n int) string { return `{"a":[` + strings.TrimSuffix(strings.Repeat("1,", n), ",") + `]}` }
	for n, want := range map[int]gate.Code{validate.DefaultValues - 2: "", validate.DefaultValues - 1: gate.CodeArguments} {
		if v := judge(t, call(t, it, list(n))); v.Code != want {
			t.Errorf("%d elements: %+v, want %q", n, v, want)
		}
	}
}

// Structured content is bounded with and without an output schema; what stands
// beside it is not looked at.
func TestResultLimits(t *testing.T) {
	s := validate.New(quiet()).With(map[string]validate.Settings{"up": {Arguments: 40, Values: 5}})
	for _, tc := range []struct {
		output, content string
		want            gate.Code
	}{
		{`{}`, `{"a":[1,2,3]}`, ""},
		{`{}`, `{"a":[1,2,3,4]}`, gate.CodeResult},
		{"", `{"a":[1,2,3]}`, ""},
		{"", `{"a":[1,2,3,4]}`, gate.CodeResult},
		{"", `{"a":"` + strings.Repeat("x", 100) + `"}`, ""},
	} {
		m := message(gate.Result, "content", `[1,2,3,4,5,6,7]`, "structuredContent", tc.content)
		if _, v, err := s.Review(t.Context(), call(t, tool(`{}`, tc.output), ""), m); err != nil || v.Code != tc.want {
			t.Errorf("%s, schema %q: %+v, %v, want %q", tc.content, tc.output, v, err, tc.want)
		}
	}
}

func TestAnUpstreamWithoutSettingsIsAnError(t *testing.T) {
	for name, s := range map[string]*validate.Stage{"nil": validate.New(quiet()).With(nil), "another": validate.New(quiet()).With(map[string]validate.Settings{"x": closing()})} {
		ex := call(t, tool(`{}`, ""), `{}`)
		if v, err := s.Judge(t.Context(), ex); err == nil || v.Effect != gate.Deny {
			t.Errorf("%s: Judge = %+v, %v", name, v, err)
		}
		if _, v, err := s.Review(t.Context(), ex, message(gate.Result)); err == nil || v.Effect != gate.Deny {
			t.Errorf("%s: Review = %+v, %v", name, v, err)
		}
	}
}

// Property: closing only ever refuses more.
func FuzzClosed(f *testing.F) {
	f.Add(`{"properties":{"a":{"properties":{"b":{}}}}}`, `{"a":{"c":1}}`)
	f.Add(`{"anyOf":[{"properties":{"a":{}}},{"items":{}}],"if":{},"then":{"properties":{"b":{}}}}`, `{"a":1,"b":[{}]}`)
	f.Add(doubling(3), `{"x":1}`)
	f.Fuzz(func(t *testing.T, schema, args string) {
		ex := call(t, tool(schema, ""), args)
		open, err := validate.New(quiet()).Judge(t.Context(), ex)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		ex.Grant.Judged = true
		closed, err := validate.New(quiet()).Judge(t.Context(), ex)
		if err != nil {
			t.Fatalf("closed: %v", err)
		}
		if open.Effect != gate.Continue && closed.Effect == gate.Continue || closed.Effect != gate.Continue && closed.Public == "" {
			t.Errorf("open %+v, closed %+v", open, closed)
		}
	})
}
