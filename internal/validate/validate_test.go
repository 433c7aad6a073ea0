package validate_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/validate"
)

func TestHeaderParams(t *testing.T) {
	it := tool(`{"properties":{"region":{"type":"string","x-mcp-header":"Region"},"zone":{"type":"string"},"in":{"properties":{"must":{"type":"string","x-mcp-header":"Must"}},"required":["must"]}}}`, "")
	for _, tc := range []struct {
		name, transport string
		era             gate.Era
		pairs           []string
		args            string
		want            gate.Code
	}{
		{"agrees", "http", gate.Stateless, []string{"Mcp-Param-Region", "eu"}, `{"region":"eu"}`, ""},
		{"differs", "http", gate.Stateless, []string{"Mcp-Param-Region", "us"}, `{"region":"eu"}`, gate.CodeHeaderMismatch},
		{"is missing", "http", gate.Stateless, nil, `{"region":"eu"}`, gate.CodeHeaderMismatch},
		{"has no argument", "http", gate.Stateless, []string{"Mcp-Param-Region", "eu"}, `{}`, gate.CodeHeaderMismatch},
		{"neither", "http", gate.Stateless, nil, ``, ""},
		{"stateful", "http", gate.Stateful, nil, `{"region":"eu"}`, ""},
		{"stdio", "stdio", gate.Stateless, nil, `{"region":"eu"}`, ""},
		{"null is absent", "http", gate.Stateless, nil, `{"region":null}`, ""},
		{"null with a header", "http", gate.Stateless, []string{"Mcp-Param-Region", "null"}, `{"region":null}`, gate.CodeHeaderMismatch},
		{"null is no value of another parameter", "http", gate.Stateless, nil, `{"zone":null}`, gate.CodeArguments},
		{"null is not what is required", "http", gate.Stateless, nil, `{"in":{"must":null}}`, gate.CodeArguments},
		{"null in the older era", "http", gate.Stateful, nil, `{"region":null}`, gate.CodeArguments},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := call(t, it, tc.args)
			ex.Inbound.Transport, ex.Inbound.Header, ex.Call.Era = tc.transport, header(tc.pairs...), tc.era
			if v := judge(t, ex); v.Code != tc.want {
				t.Errorf("%+v, want %q", v, tc.want)
			}
		})
	}
}

func TestPrompts(t *testing.T) {
	it := item(gate.Prompt, `{"name":"p","arguments":[{"name":"topic","required":true},{"name":"tone"}]}`)
	for args, want := range map[string]gate.Code{
		`{"topic":"x"}`:               "",
		`{"topic":"x","tone":"y"}`:    "",
		`{"topic":"x","other":"y"}`:   "",
		``:                            gate.CodeArguments,
		`{}`:                          gate.CodeArguments,
		`{"tone":"y"}`:                gate.CodeArguments,
		`{"topic":1}`:                 gate.CodeArguments,
		`{"topic":null}`:              gate.CodeArguments,
		`{"topic":"x","other":["y"]}`: gate.CodeArguments,
		`[]`:                          gate.CodeArguments,
	} {
		if v := judge(t, call(t, it, args)); v.Code != want {
			t.Errorf("%s: %+v, want %q", args, v, want)
		}
	}
	if v := judge(t, call(t, item(gate.Prompt, `{"name":"p"}`), "")); v.Effect != gate.Continue {
		t.Errorf("a prompt without arguments: %+v", v)
	}
	if v := judge(t, call(t, item(gate.Prompt, `{"name":"p","arguments":"x"}`), "")); v.Code != gate.CodeBadSchema {
		t.Errorf("a malformed prompt: %+v", v)
	}
}

func TestReview(t *testing.T) {
	it := tool(`{}`, `{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}`)
	for _, tc := range []struct {
		name    string
		members []string
		want    gate.Code
	}{
		{"fits", []string{"structuredContent", `{"n":1}`}, ""},
		{"does not fit", []string{"structuredContent", `{"n":"SECRET"}`}, gate.CodeResult},
		{"is null", []string{"structuredContent", `null`}, gate.CodeResult},
		{"is absent", []string{"content", `[]`}, gate.CodeResult},
		{"is absent, not an error", []string{"isError", `false`}, gate.CodeResult},
		{"is absent, an error", []string{"isError", `true`}, ""},
		{"does not fit, an error", []string{"isError", `true`, "structuredContent", `{}`}, gate.CodeResult},
		{"asks for input", []string{"resultType", `"input_required"`}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, v, err := validate.New(quiet()).Review(t.Context(), call(t, it, ""), message(gate.Result, tc.members...))
			if m != nil || err != nil || v.Code != tc.want {
				t.Errorf("Review = %v, %+v, %v, want %q", m, v, err, tc.want)
			}
			if strings.Contains(v.Public+v.Reason, "SECRET") {
				t.Errorf("a result is repeated in %+v", v)
			}
		})
	}
	for name, ex := range map[string]*gate.Exchange{"no output schema": call(t, tool(`{}`, ""), ""), "a prompt": call(t, item(gate.Prompt, `{}`), "")} {
		if _, v, err := validate.New(quiet()).Review(t.Context(), ex, message(gate.Result)); err != nil || v.Effect != gate.Continue {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	if _, v, err := validate.New(quiet()).Review(t.Context(), call(t, it, ""), message(gate.Notification)); err != nil || v.Effect != gate.Continue {
		t.Errorf("a notification: %+v, %v", v, err)
	}
}

func TestWithoutADefinitionItIsAnError(t *testing.T) {
	ex := call(t, tool(`{}`, ""), "")
	ex.Target.Item = nil
	if v, err := validate.New(quiet()).Judge(t.Context(), ex); err == nil || v.Effect != gate.Deny {
		t.Errorf("Judge = %+v, %v", v, err)
	}
	if _, v, err := validate.New(quiet()).Review(t.Context(), ex, message(gate.Result)); err == nil || v.Effect != gate.Deny {
		t.Errorf("Review = %+v, %v", v, err)
	}
	prompt := item(gate.Prompt, `{}`)
	ex.Target.Item = &prompt
	if v, err := validate.New(quiet()).Judge(t.Context(), ex); err == nil || v.Effect != gate.Deny {
		t.Errorf("a prompt for a tool: Judge = %+v, %v", v, err)
	}
}

// One stage serves many goroutines and more definitions than it keeps.
func TestConcurrentUse(t *testing.T) {
	s := validate.New(quiet())
	slow := tool(`{"properties":{"a":{"pattern":"^(?!x)a+$"}}}`, "")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 700 {
				it := item(gate.Prompt, fmt.Sprintf(`{"name":"p%d","arguments":[]}`, g*600+i))
				if v, err := s.Judge(t.Context(), call(t, it, "")); err != nil || v.Effect != gate.Continue {
					t.Errorf("prompt: %+v, %v", v, err)
				}
				if v, err := s.Judge(t.Context(), call(t, slow, `{"a":"aaa"}`)); err != nil || v.Effect != gate.Continue {
					t.Errorf("tool: %+v, %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzJudge(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"type":"string"}}}`, `{"a":"x"}`)
	f.Add(doubling(3), `{"x":1}`)
	f.Add(`{"$ref":"#/$defs/v","$defs":{"v":{"items":{"$ref":"#/$defs/v"}}}}`, `{"a":[[[1]]]}`)
	f.Add(`{"properties":{"a":{"pattern":"^(?=a)b"}}}`, `{"a":1e5}`)
	// Property: whatever the schema and the arguments, there is a verdict, and a
	// refusal says why.
	f.Fuzz(func(t *testing.T, schema, args string) {
		v, err := validate.New(quiet()).Judge(t.Context(), call(t, tool(schema, schema), args))
		if err != nil {
			t.Fatalf("Judge: %v", err)
		}
		if v.Effect != gate.Continue && (v.Code == "" || v.Public == "" || len(v.Public) > 1024) {
			t.Errorf("verdict %+v", v)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	schema := `{"type":"object","properties":{"path":{"type":"string","minLength":1},"offset":{"type":"integer","minimum":0},"tags":{"type":"array","items":{"type":"string"}}},"required":["path"],"additionalProperties":false}`
	for name, args := range map[string]string{
		"100B": `{"path":"/srv/docs/a-file-with-a-name.txt","offset":1024,"tags":["alpha","beta","gamma"]}`,
		"10KB": `{"path":"` + strings.Repeat("x", 10_000) + `"}`,
	} {
		b.Run(name, func(b *testing.B) {
			s, ex := validate.New(quiet()), call(b, tool(schema, ""), args)
			b.ReportAllocs()
			for b.Loop() {
				if v, err := s.Judge(b.Context(), ex); err != nil || v.Effect != gate.Continue {
					b.Fatalf("%+v, %v", v, err)
				}
			}
		})
	}
}
