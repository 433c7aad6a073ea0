package mcp_test

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/mcp"
)

// reading is what a reader of a message acts upon. Names are any, so that a
// value of another type is compared and not an error.
type reading struct {
	Method string `json:"method"`
	Params struct {
		Name      any `json:"name"`
		URI       any `json:"uri"`
		Arguments any `json:"arguments"`
	} `json:"params"`
}

// lax reads as encoding/json does: without regard to case, the last of several
// keys wins. Numbers keep their text.
func lax(raw []byte) (r reading, err error) {
	d := stdjson.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	return r, d.Decode(&r)
}

// strict reads as encoding/json/v2 does.
func strict(raw []byte) (r reading, err error) {
	numbers := json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		token, err := d.ReadValue()
		*v = stdjson.Number(token)
		return err
	})
	return r, json.Unmarshal(raw, &r, json.WithUnmarshalers(numbers))
}

// own reads as the line does: by the spans of the message.
func own(raw []byte) (r reading, ok bool, err error) {
	m, err := mcp.ParseClient(raw)
	if err != nil {
		return r, false, nil
	}
	r.Method = m.Method
	if m.Final() { // its fields are not params
		return r, true, nil
	}
	for name, to := range map[string]*any{"name": &r.Params.Name, "uri": &r.Params.URI, "arguments": &r.Params.Arguments} {
		at, there := m.Field(name)
		if !there {
			continue
		}
		d := stdjson.NewDecoder(strings.NewReader(string(m.Bytes(at))))
		d.UseNumber()
		if err := d.Decode(to); err != nil {
			return r, true, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, true, nil
}

// Property (security.md §5.1): whatever ParseClient accepts, every reader takes
// for the same method, name, URI and arguments. What it refuses is of no
// concern here.
func FuzzDifferential(f *testing.F) {
	for _, seed := range differentialSeeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, accepted, err := own(raw)
		if err != nil {
			t.Fatalf("accepted, and a part of it is not JSON: %v\n%q", err, raw)
		}
		if !accepted {
			return
		}
		for name, read := range map[string]func([]byte) (reading, error){"encoding/json": lax, "json/v2": strict} {
			got, err := read(raw)
			if err != nil {
				t.Fatalf("accepted, but %s says %v\n%q", name, err, raw)
			}
			if !reflect.DeepEqual(want, got) { // cmp takes exponential time on deep values
				t.Fatalf("%s reads something else:\nhere  %#v\nthere %#v\n%q", name, want, got, raw)
			}
		}
	})
}

// differentialSeeds are the inputs of HTT-18 to HTT-25 and what is accepted
// around them.
func differentialSeeds() []string {
	with := func(params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{` + params + `}}`
	}
	args := func(value string) string { return with(`"name":"a","arguments":{"v":` + value + `}`) }
	good := args(`1`)
	seeds := []string{
		good, with(``), with(`"name":"a"`), with(`"uri":"a://b","_meta":{"progressToken":1}`),
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"name":"a","arguments":{}}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}`,
		// HTT-18
		`{"method":"ping",` + good[1:], `{"\u006dethod":"ping",` + good[1:], with(`"name":"a","n\u0061me":"b"`),
		with(`"name":"a","arguments":{"x":1,"\u0078":2}`), args(`{"a":{"a":{"a":{"x":1,"x":2}}}}`), args(`[{"x":1,"x":1}]`),
		// HTT-19
		`{"Method":"ping",` + good[1:], `{"METHOD":"ping",` + good[1:], `{"paramſ":{},` + good[1:], with(`"name":"a","argumentſ":{}`),
		with(`"name":"a","NAME":"b"`), `{"ｍethod":"ping",` + good[1:], with(`"name":"a","_meta":{"progressToKen":1}`), args(`{"Name":1,"name":2}`),
		// HTT-20
		`{"method\u0000":"ping",` + good[1:], with(`"name":"a","name\u0000":"b"`), `{"method ":"ping",` + good[1:], `{"\ufeffmethod":"ping",` + good[1:],
		args(`{"name\u0000":1,"name":2}`),
		// HTT-21
		args(strings.Repeat("[", 61) + strings.Repeat("]", 61)), args(strings.Repeat("[", 62) + strings.Repeat("]", 62)),
		args(strings.Repeat(`{"a":[`, 30) + strings.Repeat("]}", 30)),
		// HTT-24
		`{}{}`, good + ` x`, good + "\n" + good, "// c\n" + good, strings.ReplaceAll(good, `"`, `'`), good[:len(good)-1] + ",}", "", "null", `"str"`, "[]", "[" + good + "]",
		// HTT-25
		args("[" + strings.Repeat("0,", 9_000) + "0]"), args("[" + strings.Repeat("0,", 11_000) + "0]"),
		" \t\r\n" + good + " \n", `{"params":{"arguments":{},"name":"a"},"method":"tools\/call","id":"\u0061","jsonrpc":"2.0","x":[{}]}`,
	}
	// HTT-22
	for _, n := range []string{"1e400", "-0", "-0.0", "9007199254740993", "1E-400", strings.Repeat("9", 1001), "01", "0x1", "NaN", "Infinity", "1.", ".5", "+1"} {
		seeds = append(seeds, args(n))
	}
	// HTT-23
	for _, s := range []string{"\xff", "\xc0\xaf", `\ud800`, `\udc00\ud800`, "\ufeff", "\ufffe", `\ufffe`, `\ud83d\ude00`, "\u2028", "\xed\xa0\x80", `\u0000`, "\x01"} {
		seeds = append(seeds, args(`"`+s+`"`), with(`"name":"`+s+`"`), args(`{"`+s+`":1}`))
	}
	return append(seeds, "\ufeff"+good, "\xff\xfe"+strings.Join(strings.Split(good, ""), "\x00")+"\x00")
}
