package validate

import (
	"context"
	"testing"
)

// plainSchemas are plain ones, and some that look plain and are not.
var plainSchemas = []string{
	`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false}`,
	`{"properties":{"a":{"type":["integer","null"]},"b":{"type":"number","description":"B"},"c":{"type":"boolean"}},"required":["a","c"]}`,
	`{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"a":{"type":"integer"}}}`,
	`{"type":"object","properties":{"é\"":{"type":"string"},"":{"type":"null"}},"additionalProperties":{"type":"string"}}`,
	// From 2019-09 on these two annotate and assert nothing.
	`{"type":"object","properties":{"text":{"type":"string","contentEncoding":"base64","format":"uri"}}}`,
	`{"type":"object","properties":{"text":{"type":"string","minLength":3}}}`,
	`{"type":"object","properties":{"text":{"type":"string","pattern":"^a"}},"minProperties":1}`,
	`{"type":"object","properties":{"text":{"type":"string","enum":["x"]},"n":{"type":"integer","maximum":5}}}`,
	`{"type":"object","properties":{"text":true,"a":false}}`,
	`{"type":"object","properties":{"text":{"type":"string"}},"not":{"required":["text"]}}`,
	`{"type":"object","properties":{"text":{"type":"string"}},"required":["other"]}`,
	`{"type":["object","null"],"properties":{"text":{"$ref":"#/$defs/t"}},"$defs":{"t":{"type":"string"}}}`,
	`{"type":"string","properties":{"text":{"type":"string"}}}`,
	`{"type":"object","properties":{"a":{"type":"array"}},"dependentRequired":{"a":["b"]},"propertyNames":{"maxLength":2}}`,
}

// FuzzPlain: whatever the plain path accepts, the library accepts.
func FuzzPlain(f *testing.F) {
	for _, raw := range []string{
		`{}`, `{"text":"x"}`, ` { "text" : "a\"b\\" } `, `{"text":"x","more":1}`, `{"text":5}`, `{"text":null}`, `{"a":1,"c":true}`,
		`{"a":null,"b":1.5,"c":false}`, `{"a":1.0,"c":true}`, `{"a":1e2,"c":true}`, `{"a":-0,"c":true}`, `{"a":12345678901234567890,"c":true}`,
		`{"te\u0078t":"x"}`, `{"text":"x","text":5}`, `{"":null,"é\"":"x"}`, `[1]`, `{"text":"\\"}`, `{"a":{},"c":true}`, `{"b":0.1,"a":0,"c":true}`, `{"a":6,"n":9}`,
	} {
		f.Add([]byte(raw))
	}
	var all []*checker
	plains := 0
	for _, s := range plainSchemas {
		c, err := newChecker([]byte(s))
		if err != nil {
			f.Fatal(s, err)
		}
		if c.plain != nil {
			plains++
		}
		all = append(all, c)
	}
	if plains != 5 || all[4].plain == nil {
		f.Fatalf("%d schemas are plain, want the first 5", plains)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := decode(raw)
		if err != nil {
			return // the plain path sees only what the strict parser accepted
		}
		for i, c := range all {
			if c.plain.accepts(raw) {
				if err := c.check(context.Background(), in); err != nil {
					t.Errorf("schema %d: plain accepts %s: %v", i, raw, err)
				}
			}
		}
	})
}

// TestPlainAccepts keeps the plain path from accepting nothing.
func TestPlainAccepts(t *testing.T) {
	for i, args := range []string{`{"text":"say \"hello\" \\"}`, `{ "a": -12 , "b":1.25,"c":true}`, `{"a":0}`, `{"":null}`} {
		c, err := newChecker([]byte(plainSchemas[i]))
		if err != nil {
			t.Fatal(err)
		}
		if !c.plain.accepts([]byte(args)) {
			t.Errorf("schema %d does not accept %s", i, args)
		}
	}
}
