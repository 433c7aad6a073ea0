package jsonrpc_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"doorward/internal/cputime"
	"doorward/internal/jsonrpc"
)

// call returns a tools/call with the given text in place of its arguments.
func call(arguments string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":` + arguments + `}}`
}

// with returns a request with one more member at the top.
func with(member string) string { return `{"jsonrpc":"2.0","id":1,"method":"ping",` + member + `}` }

func nested(n int, opened, closed string) string {
	return strings.Repeat(opened, n) + "1" + strings.Repeat(closed, n)
}

// wide returns s in UTF-16, big or little endian.
func wide(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b.WriteString(string([]byte{byte(u >> 8), byte(u)}))
		} else {
			b.WriteString(string([]byte{byte(u), byte(u >> 8)}))
		}
	}
	return b.String()
}

type refusal struct {
	name string
	in   string
	code int
}

const (
	parse   = jsonrpc.CodeParse
	invalid = jsonrpc.CodeInvalid
)

func checkRefused(t *testing.T, cases []refusal) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m, err := jsonrpc.Parse([]byte(tc.in), jsonrpc.ClientLimits())
			var f *jsonrpc.Fault
			if !errors.As(err, &f) {
				t.Fatalf("Parse(%.200q) = %v, %v, want a fault", tc.in, m.Kind, err)
			}
			if f.Code != tc.code {
				t.Errorf("Parse(%.200q): code %d (%v), want %d", tc.in, f.Code, f, tc.code)
			}
			checkPrintable(t, f)
		})
	}
}

func checkPrintable(t *testing.T, f *jsonrpc.Fault) {
	t.Helper()
	if len(f.Path) > 128 || len(f.Reason) > 160 || f.Reason == "" {
		t.Errorf("fault has path of %d and reason of %d bytes", len(f.Path), len(f.Reason))
	}
	for _, r := range f.Error() {
		if r < ' ' || r > '~' {
			t.Errorf("fault %q holds %U", f.Error(), r)
		}
	}
}

// HTT-18.
func TestRefuseDuplicateKeys(t *testing.T) {
	cases := []refusal{
		{"top", with(`"method":"tools/call"`), invalid},
		{"top escaped", with(`"\u006dethod":"tools/call"`), invalid},
		{"top unknown key", with(`"x":1,"x":1`), invalid},
		{"id", with(`"id":1`), invalid},
		{"params", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"a","n\u0061me":"b"}}`, invalid},
		{"_meta", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a":1,"a":2}}}`, invalid},
		{"error", `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","code":2}}`, invalid},
		{"result", `{"jsonrpc":"2.0","id":1,"result":{"a":1,"\u0061":2}}`, invalid},
		{"surrogate pair", call(`{"😀":1,"\ud83d\ude00":2}`), invalid},
		{"solidus", call(`{"a/b":1,"a\/b":2}`), invalid},
	}
	for depth := 1; depth <= 5; depth++ {
		in := strings.Repeat(`{"a":[`, depth-1) + `{"k":1,"\u006b":2}` + strings.Repeat(`]}`, depth-1)
		cases = append(cases, refusal{fmt.Sprintf("arguments depth %d", depth), call(in), invalid})
	}
	checkRefused(t, cases)
}

// HTT-19 and HTT-20.
func TestRefuseKeysThatImitate(t *testing.T) {
	params := func(key string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"m","params":{` + key + `:1}}`
	}
	meta := func(key string) string { return params(`"_meta":{` + key + `:1},"x"`) }
	result := func(key string) string {
		return `{"jsonrpc":"2.0","id":1,"result":{"_meta":{` + key + `:1}}}`
	}
	var cases []refusal
	add := func(name, in string) { cases = append(cases, refusal{name, in, invalid}) }
	for _, key := range []string{
		`"Method"`, `"METHOD"`, `"method\u0000"`, `"method "`, `" method"`, `"\ufeffmethod"`, "\"\ufeffmethod\"",
		`"me\u200bthod"`, `"ｍethod"`, `"ＭＥＴＨＯＤ"`, `"method\u00a0"`, `"Id"`, `"İd"`, `"ıd"`, `"paramſ"`, `"Params"`,
		`"reſult"`, `"ERROR"`, `"JsonRpc"`, `"json\u00adrpc"`, `"foo\u0000"`, `"foo\u007f"`, `"method\ufe0f"`,
		`"method\u0085"`, `"method\n"`, `"m\u034fethod"`,
	} {
		add("top "+key, with(key+`:1`))
		add("top alone "+key, `{"jsonrpc":"2.0","id":1,`+key+`:"ping"}`)
	}
	for _, key := range []string{
		`"Name"`, `"name\u0000"`, `"argumentſ"`, `"Arguments"`, `"_Meta"`, `"＿meta"`, `"progressTo\u212aen"`,
		`"tas\u212aId"`, `"taskid"`, `"requestID"`, `"URI"`, `"inputresponses"`, `"na\u200dme"`,
	} {
		add("params "+key, params(key))
		add("params with name "+key, params(`"name":"t",`+key))
	}
	for _, key := range []string{
		`"ProgressToken"`, `"progressto\u212aen"`, `"io.modelcontextprotocol/ProtocolVersion"`,
		`"IO.modelcontextprotocol/clientInfo"`, `"io.ModelContextProtocol/else"`, `"io.modelcontextprotocol／logLevel"`,
		`"io.modelcontextprotocol/logLevel\u0000"`, `" io.modelcontextprotocol/new"`,
	} {
		add("params meta "+key, meta(key))
		add("result meta "+key, result(key))
	}
	for _, key := range []string{`"Code"`, `"MESSAGE"`, `"meſſage"`, `"data\u0000"`} {
		add("error "+key, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m",`+key+`:1}}`)
	}
	checkRefused(t, cases)
}

// HTT-21 and HTT-25: the message and params are two levels, so arguments may nest 62 deep.
func TestRefuseDepthAndElements(t *testing.T) {
	for _, in := range []string{
		call(nested(62, "[", "]")), call(nested(62, `{"a":`, "}")), call(nested(31, `[{"a":`, "}]")),
		call("[" + strings.Repeat("0,", 9993) + "0]"), // 4 members, 2 params, 9,994 elements
	} {
		if _, err := jsonrpc.Parse([]byte(in), jsonrpc.Limits{}); err != nil {
			t.Errorf("Parse(%.80q): %v, want no fault", in, err)
		}
	}
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":0`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	checkRefused(t, []refusal{
		{"array 65", call(nested(63, "[", "]")), invalid},
		{"object 65", call(nested(63, `{"a":`, "}")), invalid},
		{"10^5", call(nested(1e5, "[", "]")), invalid},
		{"brackets only", strings.Repeat("[", 1e5), invalid},
		{"10,001 elements", call("[" + strings.Repeat("0,", 9994) + "0]"), invalid},
		{"10,001 keys", call(keys(9995)), invalid},
		{"10,001 keys at the top", with(keys(9998)[1 : len(keys(9998))-1]), invalid},
		{"10,001 empty arrays", call("[" + strings.Repeat("[],", 9994) + "[]]"), invalid},
	})
}

func TestHostileInputIsCheap(t *testing.T) {
	for _, tc := range []struct{ name, in string }{
		{"10^7 arrays", strings.Repeat("[", 1e7)},
		{"10^7 arrays in arguments", call(nested(1e7, "[", "]"))},
		{"10^7 objects", strings.Repeat(`{"a":`, 1e7)},
		{"alternating", strings.Repeat(`[{"a":`, 5e6)},
		{"4 MiB of zeros", call("[" + strings.Repeat("0,", 2<<20) + "0]")},
		{"10^6 digits", call(strings.Repeat("9", 1e6))},
		{"10^6 keys", call("{" + strings.Repeat(`"a":1,`, 1e6) + `"a":1}`)},
		{"4 MiB of backslashes", call(`"` + strings.Repeat(`\\`, 2<<20))},
		{"4 MiB of quotes", call(`"` + strings.Repeat(`\"`, 2<<20))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const limit = 200 * time.Millisecond
			raw := []byte(tc.in)
			best, used := time.Hour, uint64(0)
			for try := 0; try == 0 || best > limit && try < 20; try++ { // what else runs on the machine slows some
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				var err error
				took := cputime.Of(t, func() { _, err = jsonrpc.Parse(raw, jsonrpc.ClientLimits()) })
				runtime.ReadMemStats(&after)
				if err == nil {
					t.Fatal("accepted")
				}
				best, used = min(best, took), after.TotalAlloc-before.TotalAlloc
			}
			if best > limit {
				t.Errorf("took %v, want at most %v", best, limit)
			}
			if used > uint64(len(raw)) {
				t.Errorf("allocated %d bytes for an input of %d", used, len(raw))
			}
		})
	}
}

// HTT-22, HTT-23 and HTT-24.
func TestRefuseBytes(t *testing.T) {
	var cases []refusal
	for _, number := range []string{
		"01", "0x1", "NaN", "Infinity", "-Infinity", "+1", "1.", ".5", "1e", "1e+", "-", "1_000", "--1", "-01",
	} {
		cases = append(cases, refusal{"number " + number, call(`{"n":` + number + `}`), parse})
	}
	cases = append(cases, []refusal{
		{"number of 1,001 bytes", call(strings.Repeat("9", 1001)), invalid},
		{"number of 10^6 digits", call("0." + strings.Repeat("9", 1e6)), invalid},
		{"0xFF", call("\"\xff\""), parse},
		{"0xFF in a key", call("{\"\xff\":1}"), parse},
		{"overlong", call("\"\xc0\xaf\""), parse},
		{"surrogate in UTF-8", call("\"\xed\xa0\x80\""), parse},
		{"lone high surrogate", call(`"\ud800"`), parse},
		{"lone low surrogate", call(`"\udc00"`), parse},
		{"reversed surrogates", call(`"\udc00\ud800"`), parse},
		{"lone surrogate in a key", call(`{"\ud800":1}`), parse},
		{"BOM", "\ufeff" + with(`"x":1`), parse},
		{"UTF-16LE", wide(with(`"x":1`), false), parse},
		{"UTF-16BE", wide(with(`"x":1`), true), parse},
		{"UTF-32LE", strings.ReplaceAll(wide(with(`"x":1`), false), "\x00", "\x00\x00\x00"), parse},
		{"empty", "", parse},
		{"white space", " \r\n\t", parse},
		{"two messages", with(`"x":1`) + with(`"x":1`), parse},
		{"NDJSON", with(`"x":1`) + "\n" + with(`"x":1`), parse},
		{"trailing word", with(`"x":1`) + " x", parse},
		{"trailing NUL", with(`"x":1`) + "\x00", parse},
		{"trailing comma", `{"jsonrpc":"2.0","id":1,"method":"ping",}`, parse},
		{"trailing comma in array", call("[1,]"), parse},
		{"comment", "// x\n" + with(`"x":1`), parse},
		{"comment inside", with(`/* x */"x":1`), parse},
		{"quotes", `{'jsonrpc':'2.0'}`, parse},
		{"bare key", `{jsonrpc:"2.0"}`, parse},
		{"control character", call("\"a\nb\""), parse},
		{"unknown escape", call(`"\x41"`), parse},
		{"cut off", `{"jsonrpc":"2.0","id":1,"method":"ping"`, parse},
		{"cut off string", `{"jsonrpc":"2.0","id":1,"method":"pi`, parse},
		{"wrong bracket", call(`[1}`), parse},
		{"form feed", with("\f\"x\":1"), parse},
		{"null", "null", invalid},
		{"string", `"str"`, invalid},
		{"number", "1", invalid},
		{"empty array", "[]", invalid},
		{"batch", "[" + with(`"x":1`) + "]", invalid},
		{"empty object", "{}", invalid},
	}...)
	checkRefused(t, cases)
}

// HTT-26, HTT-27, HTT-28 and the rules of JSON-RPC 2.0.
func TestRefuseShapes(t *testing.T) {
	var cases []refusal
	for _, id := range []string{
		"null", "1.5", "1.0", "1e2", "1E2", "{}", "[]", "[1]", "true", "false", strings.Repeat("9", 21),
		"-" + strings.Repeat("9", 21), `"` + strings.Repeat("a", 257) + `"`, `"` + strings.Repeat("a", 10240) + `"`,
		`"` + strings.Repeat(`\u0061`, 257) + `"`,
	} {
		cases = append(cases, refusal{"id " + id[:min(len(id), 20)], `{"jsonrpc":"2.0","method":"m","id":` + id + `}`, invalid})
	}
	cases = append(cases, []refusal{
		{"no version", `{"id":1,"method":"m"}`, invalid},
		{"version 1.0", `{"jsonrpc":"1.0","id":1,"method":"m"}`, invalid},
		{"version number", `{"jsonrpc":2.0,"id":1,"method":"m"}`, invalid},
		{"version null", `{"jsonrpc":null,"id":1,"method":"m"}`, invalid},
		{"version escaped", `{"jsonrpc":"2\u002e0","id":1,"method":"m"}`, invalid},
		{"version space", `{"jsonrpc":"2.0 ","id":1,"method":"m"}`, invalid},
		{"method number", `{"jsonrpc":"2.0","id":1,"method":1}`, invalid},
		{"method null", `{"jsonrpc":"2.0","id":1,"method":null}`, invalid},
		{"method empty", `{"jsonrpc":"2.0","id":1,"method":""}`, invalid},
		{"method long", `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("m", 257) + `"}`, invalid},
		{"method 1 MiB", `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("m", 1<<20) + `"}`, invalid},
		{"params array", `{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}`, invalid},
		{"params null", `{"jsonrpc":"2.0","id":1,"method":"m","params":null}`, invalid},
		{"params string", `{"jsonrpc":"2.0","id":1,"method":"m","params":"p"}`, invalid},
		{"_meta string", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":"p"}}`, invalid},
		{"_meta null in params", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":null}}`, invalid},
		{"_meta array in result", `{"jsonrpc":"2.0","id":1,"result":{"_meta":[]}}`, invalid},
		{"neither", `{"jsonrpc":"2.0","id":1}`, invalid},
		{"result and error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"m"}}`, invalid},
		{"method and result", `{"jsonrpc":"2.0","id":1,"method":"m","result":{}}`, invalid},
		{"method and error", `{"jsonrpc":"2.0","id":1,"method":"m","error":{"code":1,"message":"m"}}`, invalid},
		{"method and null result", `{"jsonrpc":"2.0","id":1,"method":"m","result":null}`, invalid},
		{"params and result", `{"jsonrpc":"2.0","id":1,"params":{},"result":{}}`, invalid},
		{"result without id", `{"jsonrpc":"2.0","result":{}}`, invalid},
		{"result id null", `{"jsonrpc":"2.0","id":null,"result":{}}`, invalid},
		{"error string", `{"jsonrpc":"2.0","id":1,"error":"e"}`, invalid},
		{"error null", `{"jsonrpc":"2.0","id":1,"error":null}`, invalid},
		{"error without code", `{"jsonrpc":"2.0","id":1,"error":{"message":"m"}}`, invalid},
		{"error code text", `{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"m"}}`, invalid},
		{"error code fraction", `{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"m"}}`, invalid},
		{"error without message", `{"jsonrpc":"2.0","id":1,"error":{"code":1}}`, invalid},
		{"error message null", `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":null}}`, invalid},
	}...)
	checkRefused(t, cases)
}

func TestFaultCarriesIDOnlyWhenRead(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{"jsonrpc":"2.0","id":7,"method":""}`, "7"},
		{`{"jsonrpc":"2.0","id":"a\u0062","method":"m","method":"m"}`, `"a\u0062"`},
		{`{"jsonrpc":"2.0","method":"","id":7}`, ""},
		{`{"jsonrpc":"2.0","id":1.5,"method":"m"}`, ""},
		{`{"jsonrpc":"2.0","id":7`, "7"},
	} {
		_, err := jsonrpc.Parse([]byte(tc.in), jsonrpc.Limits{})
		var f *jsonrpc.Fault
		if !errors.As(err, &f) || string(f.ID) != tc.want || (tc.want == "") != (f.ID == nil) {
			t.Errorf("Parse(%q) = %v with id %q, want id %q", tc.in, err, f.ID, tc.want)
		}
	}
}
