package mcp_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

func TestCanonical(t *testing.T) {
	for raw, want := range map[string]string{
		` { "b" : 1 , "a" : [ 1 , 2 ] } `:       `{"a":[1,2],"b":1}`,
		`{"name":"\u0061\/","x":"\u00e9"}`:      `{"name":"a/","x":"é"}`,
		`{"const":9007199254740993,"d":1.0}`:    `{"const":9007199254740993,"d":1.0}`,
		`{"n":-0,"m":1e400,"k":1E2}`:            `{"k":1E2,"m":1e400,"n":-0}`,
		`{"\ud83d\ude00":1,"\ufb33":2,"z":"x"}`: "{\"z\":\"x\",\"\U0001F600\":1,\"\ufb33\":2}",
	} {
		got, err := mcp.Canonical([]byte(raw))
		if err != nil || string(got) != want {
			t.Errorf("Canonical(%s) = %s, %v, want %s", raw, got, err, want)
		}
	}
	for _, raw := range []string{``, `{`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{} {}`} {
		if got, err := mcp.Canonical([]byte(raw)); err == nil {
			t.Errorf("Canonical(%q) = %s, want an error", raw, got)
		}
	}
}

// Each part of a definition counts, the kind too.
func TestDigestOf(t *testing.T) {
	seen := map[gate.Digest]string{}
	add := func(kind gate.ItemKind, raw string) {
		t.Helper()
		d, err := mcp.DigestOf(kind, []byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", raw, before)
		}
		seen[d] = raw
	}
	add(gate.Tool, `{"name":"a"}`)
	add(gate.Prompt, `{"name":"a"}`)
	for _, field := range []string{
		`"title":"b"`, `"description":"b"`, `"inputSchema":{}`, `"outputSchema":{}`, `"annotations":{"readOnlyHint":true}`,
		`"annotations":{"readOnlyHint":false}`, `"icons":[]`, `"_meta":{}`, `"vendor":1`, `"vendor":1.5`, `"vendor":9007199254740993`,
		`"vendor":9007199254740992`, `"description":"b "`, `"description":"b\u200b"`,
	} {
		add(gate.Tool, `{"name":"a",`+field+`}`)
	}
	raw := []byte(` {"b":1,"a":2}`)
	before := bytes.Clone(raw)
	if _, err := mcp.DigestOf(gate.Tool, raw); err != nil || !bytes.Equal(raw, before) {
		t.Errorf("raw became %s, %v", raw, err)
	}
}

// FuzzCanonical: the canonical form is its own canonical form; white space and
// the order of keys do not change it; and two documents that differ in any
// value, as encoding/json sees them with numbers kept as text, differ in it.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"b":1,"a":[1,{"c":null}]}`, `{"a":[1,{"c":null}],"b":1.0}`, `"\u00e9"`, `{"":{"é":"\ud83d\ude00"}}`, `1e400`, `[-0,0]`} {
		f.Add([]byte(s), []byte(`{"a":1}`))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ca, err := mcp.Canonical(a)
		if err != nil {
			return // nothing is claimed of it
		}
		if again, err := mcp.Canonical(ca); err != nil || !bytes.Equal(again, ca) {
			t.Fatalf("canonical form of %s is %s, %v", ca, again, err)
		}
		wide := jsontext.Value(bytes.Clone(a))
		if err := wide.Indent(); err != nil {
			t.Fatal(err)
		}
		for _, same := range [][]byte{wide, reversed(a)} {
			if got, err := mcp.Canonical(same); err != nil || !bytes.Equal(got, ca) {
				t.Fatalf("%s is %s, %s is %s (%v)", a, ca, same, got, err)
			}
		}
		cb, err := mcp.Canonical(b)
		if err != nil {
			return // nothing is claimed of it
		}
		if va, vb := meaning(t, a), meaning(t, b); reflect.DeepEqual(va, vb) != bytes.Equal(ca, cb) {
			t.Fatalf("%s is %s and %s is %s", a, ca, b, cb)
		}
	})
}

func meaning(t *testing.T, raw []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// reversed writes the members of every object in reverse order.
func reversed(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	var parts []string
	switch raw[0] {
	case '{':
		_ = jsonrpc.Members(raw, func(_ string, k, v jsonrpc.Span) error {
			parts = append([]string{string(raw[k.Start:k.End]) + ": " + string(reversed(raw[v.Start:v.End]))}, parts...)
			return nil
		})
		return []byte("{ " + strings.Join(parts, " , ") + "}")
	case '[':
		_ = jsonrpc.Elements(raw, func(v jsonrpc.Span) error {
			parts = append(parts, string(reversed(raw[v.Start:v.End])))
			return nil
		})
		return []byte("[" + strings.Join(parts, "\t,") + "]")
	}
	return raw
}
