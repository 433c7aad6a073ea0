package jsonrpc_test

import (
	"bytes"
	"testing"

	"doorward/internal/jsonrpc"
)

const (
	bare   = `{"jsonrpc":"2.0","id":1,"method":"m"} `
	noMeta = `{"jsonrpc":"2.0","id":1,"method":"m","params":{ "name":"n" , "z":1E400 },"x": [ ]}`
	full   = `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a": 1 , "b" :2,"c":3 },"name":"n"}}`
	empty  = `{"jsonrpc":"2.0","id":1,"method":"m","params":{ "_meta" : { } }}`
	result = `{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`
	failed = `{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}`
)

func TestPatch(t *testing.T) {
	type patch = *jsonrpc.Patch
	for _, tc := range []struct {
		name, in string
		change   func(p patch)
		want     string
	}{
		{"nothing", full, func(patch) {}, full},
		{
			"id", noMeta, func(p patch) { p.ID([]byte(`"gw-7"`)) },
			`{"jsonrpc":"2.0","id":"gw-7","method":"m","params":{ "name":"n" , "z":1E400 },"x": [ ]}`,
		},
		{
			"id of a failure", failed, func(p patch) { p.ID([]byte("7")) },
			`{"id":7,"jsonrpc":"2.0","error":{"code":1,"message":"m"}}`,
		},
		{"meta without params, twice", bare, func(p patch) {
			p.SetMeta("a", []byte("1"))
			p.SetMeta("b\"", []byte("2"))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a":1,"b\"":2}}} `},
		{"meta and fields without params", bare, func(p patch) {
			p.SetMeta("a", []byte("1"))
			p.SetField("name", []byte(`"n"`))
			p.ID([]byte("2"))
		}, `{"jsonrpc":"2.0","id":2,"method":"m","params":{"name":"n","_meta":{"a":1}}} `},
		{
			"meta without _meta", noMeta, func(p patch) { p.SetMeta("a", []byte("1")) },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{ "name":"n" , "z":1E400 ,"_meta":{"a":1}},"x": [ ]}`,
		},
		{"meta into empty", empty, func(p patch) {
			p.SetMeta("a", []byte("1"))
			p.SetMeta("b", []byte("2"))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{ "_meta" : { "a":1,"b":2} }}`},
		{"replace and insert", full, func(p patch) {
			p.SetMeta("b", []byte(`"B"`))
			p.SetMeta("d", []byte("4"))
			p.SetMeta("d", []byte("5"))
			p.SetField("name", []byte(`"N"`))
			p.SetField("uri", []byte(`"u"`))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a": 1 , "b" :"B","c":3 ,"d":5},"name":"N","uri":"u"}}`},
		{
			"drop first", full, func(p patch) { p.DropMeta("a") },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"b" :2,"c":3 },"name":"n"}}`,
		},
		{
			"drop middle", full, func(p patch) { p.DropMeta("b", "none") },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a": 1,"c":3 },"name":"n"}}`,
		},
		{
			"drop last two", full, func(p patch) { p.DropMeta("b", "c") },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a": 1 },"name":"n"}}`,
		},
		{
			"drop first and last", full, func(p patch) { p.DropMeta("a", "c") },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"b" :2 },"name":"n"}}`,
		},
		{
			"drop all", full, func(p patch) { p.DropMeta("a", "b", "c") },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{ },"name":"n"}}`,
		},
		{"drop all and set", full, func(p patch) {
			p.DropMeta("a", "b", "c")
			p.SetMeta("d", []byte("4"))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{ "d":4},"name":"n"}}`},
		{"drop last and set", full, func(p patch) {
			p.DropMeta("c")
			p.SetMeta("d", []byte("4"))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a": 1 , "b" :2 ,"d":4},"name":"n"}}`},
		{"drop, then set again", full, func(p patch) {
			p.DropMeta("c")
			p.SetMeta("c", []byte("4"))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a": 1 , "b" :2,"c":4 },"name":"n"}}`},
		{"drop from nothing", bare, func(p patch) { p.DropMeta("c") }, bare},
		{"new _meta and a member of it", full, func(p patch) {
			p.SetMeta("d", []byte("4"))
			p.DropMeta("y")
			p.SetField("_meta", []byte(`{"x":1,"y":2}`))
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"x":1,"d":4},"name":"n"}}`},
		{
			"remove a field", full, func(p patch) { p.SetField("_meta", nil) },
			`{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"n"}}`,
		},
		{
			"drop fields", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1, "b":2,"c":3}}`,
			func(p patch) { p.DropField("b", "c", "x") }, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}`,
		},
		{"drop every field and _meta", full, func(p patch) {
			p.DropField("name", "_meta")
			p.DropMeta("a")
		}, `{"jsonrpc":"2.0","id":1,"method":"m","params":{}}`},
		{"drop fields of nothing", bare, func(p patch) { p.DropField("a") }, bare},
		{"replace beside what is dropped", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1,"b":{"c":2},"d":3}}`, func(p patch) {
			p.DropField("a", "d")
			p.Replace(jsonrpc.Span{Start: 62, End: 63}, []byte(`"x"`))
			p.ID([]byte("7"))
		}, `{"jsonrpc":"2.0","id":7,"method":"m","params":{"b":{"c":"x"}}}`},
		{"result", result, func(p patch) {
			p.ID([]byte(`"x"`))
			p.SetMeta("a", []byte("1"))
			p.SetField("isError", []byte("true"))
		}, `{"jsonrpc":"2.0","id":"x","result":{"content":[],"isError":true,"_meta":{"a":1}}}`},
		{
			"null _meta", `{"jsonrpc":"2.0","id":1,"result":{"_meta":null}}`,
			func(p patch) { p.SetMeta("a", []byte("1")) }, `{"jsonrpc":"2.0","id":1,"result":{"_meta":{"a":1}}}`,
		},
		{
			"result that is no object", `{"jsonrpc":"2.0","id":1,"result":[1]}`,
			func(p patch) { p.SetMeta("a", []byte("1")) }, `{"jsonrpc":"2.0","id":1,"result":[1]}`,
		},
		{"failure", failed, func(p patch) {
			p.SetMeta("a", []byte("1"))
			p.SetField("message", []byte(`"internal error"`))
			p.SetField("data", []byte(`{}`))
		}, `{"jsonrpc":"2.0","error":{"code":1,"message":"internal error","data":{}}}`},
		{
			"notification keeps no id", `{"jsonrpc":"2.0","method":"m"}`, func(p patch) { p.ID([]byte("1")) },
			`{"jsonrpc":"2.0","method":"m"}`,
		},
		{
			"escaped key", `{"jsonrpc":"2.0","method":"m","params":{"_m\u0065ta":{"\u0061":1}}}`,
			func(p patch) { p.SetMeta("a", []byte("2")) },
			`{"jsonrpc":"2.0","method":"m","params":{"_m\u0065ta":{"\u0061":2}}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := mustParse(t, tc.in)
			p := m.Patch()
			tc.change(p)
			for range 2 { // Bytes may be called again
				if got := string(p.Bytes()); got != tc.want {
					t.Fatalf("got  %s\nwant %s", got, tc.want)
				}
			}
			if string(m.Raw) != tc.in {
				t.Error("the message was changed")
			}
			mustParse(t, tc.want)
		})
	}
}

func TestWith(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{}`, `{"a":1}`},
		{` { "b" : 2 } `, ` { "b" : 2 ,"a":1} `},
		{`{"\u0061":{"a":0}, "b":2}`, `{"\u0061":1, "b":2}`},
		{`[]`, `{"a":1}`},
		{``, `{"a":1}`},
	} {
		if got := string(jsonrpc.With([]byte(tc.in), "a", []byte("1"))); got != tc.want {
			t.Errorf("With(%s) = %s, want %s", tc.in, got, tc.want)
		}
	}
}

func TestWithout(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{"a":1}`, `{}`},
		{` { "c" : 1e2, "a":{"a":[]} , "b":2 } `, ` { "c" : 1e2 } `},
		{`{"a":1,"b":2,"c":3}`, `{"c":3}`},
		{`{"c":{"a":1}}`, `{"c":{"a":1}}`},
		{`["a"]`, `["a"]`},
		{``, ``},
	} {
		in := []byte(tc.in)
		got := jsonrpc.Without(in, "a", "b", "x")
		if string(got) != tc.want || string(in) != tc.in {
			t.Errorf("Without(%s) = %s, want %s", tc.in, got, tc.want)
		}
		if string(got) == tc.in && len(got) > 0 && &got[0] != &in[0] {
			t.Errorf("Without(%s) copied what it does not change", tc.in)
		}
	}
}

func TestSplice(t *testing.T) {
	edit := func(start, end int, text string) jsonrpc.Edit {
		return jsonrpc.Edit{At: jsonrpc.Span{Start: start, End: end}, New: []byte(text)}
	}
	for _, tc := range []struct {
		edits []jsonrpc.Edit
		want  string
	}{
		{nil, "0123456789"},
		{[]jsonrpc.Edit{edit(0, 0, "a"), edit(0, 1, "b"), edit(1, 1, "c")}, "abc123456789"},
		{[]jsonrpc.Edit{edit(2, 5, ""), edit(10, 10, "z")}, "0156789z"},
		{[]jsonrpc.Edit{edit(0, 10, "")}, ""},
	} {
		raw := []byte("0123456789")
		if got := string(jsonrpc.Splice(raw, tc.edits...)); got != tc.want || string(raw) != "0123456789" {
			t.Errorf("Splice(%v) = %q, want %q", tc.edits, got, tc.want)
		}
		if got := string(bytes.Join(jsonrpc.Pieces(raw, tc.edits...), nil)); got != tc.want || jsonrpc.SplicedLen(raw, tc.edits...) != len(tc.want) {
			t.Errorf("Pieces(%v) = %q, want %q", tc.edits, got, tc.want)
		}
	}
	for _, edits := range [][]jsonrpc.Edit{
		{edit(2, 4, ""), edit(3, 5, "")}, {edit(5, 5, ""), edit(2, 2, "")}, {edit(3, 2, "")}, {edit(0, 11, "")}, {edit(-1, 2, "")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Splice(%v) did not panic", edits)
				}
			}()
			jsonrpc.Splice([]byte("0123456789"), edits...)
		}()
	}
	raw := []byte(full)
	if n := testing.AllocsPerRun(100, func() { jsonrpc.Splice(raw, edit(3, 4, "x"), edit(9, 9, "y")) }); n > 1 {
		t.Errorf("Splice makes %v allocations, want 1", n)
	}
}
