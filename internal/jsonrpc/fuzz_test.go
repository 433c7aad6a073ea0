package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"doorward/internal/jsonrpc"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		bare, noMeta, full, empty, result, failed, call(`{"a":[1e400,"\ud83d\ude00"]}`), call(`{"a":1,"\u0061":2}`),
		with(`"Method":"x"`), with(`"method\u0000":"x"`), `{"jsonrpc":"2.0","id":null,"method":"m"}`, "[" + bare + "]", "[]",
		`{"jsonrpc":"2.0","id":1,"result":{"_meta":null,"a":"\\\""}}`,
	} {
		f.Add([]byte(s))
	}
}

// oracle is the message as encoding/json sees it.
type oracle struct {
	ID     json.RawMessage            `json:"id"`
	Method string                     `json:"method"`
	Params map[string]json.RawMessage `json:"params"`
	Result json.RawMessage            `json:"result"`
	Error  json.RawMessage            `json:"error"`
}

// Properties: what is accepted, encoding/json decodes to the same id, method, params, result and error; it
// has no duplicate keys; the input is unchanged; and splicing the same id in gives the same bytes. What is
// refused has a bounded, printable fault.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		m, err := jsonrpc.Parse(raw, jsonrpc.ClientLimits())
		if !bytes.Equal(before, raw) {
			t.Fatal("Parse changed its input")
		}
		if err != nil {
			var fault *jsonrpc.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("error is a %T", err)
			}
			checkPrintable(t, fault)
			return
		}
		var o oracle
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatalf("accepted, but encoding/json says %v", err)
		}
		if m.Method != o.Method || !bytes.Equal(m.Bytes(m.ID), o.ID) ||
			!bytes.Equal(m.Bytes(m.Result), o.Result) || !bytes.Equal(m.Bytes(m.Error), o.Error) {
			t.Fatalf("views differ: %+v and %+v", m, o)
		}
		if m.Params.Present() {
			checkParams(t, &m, o.Params)
		}
		if !utf8.Valid(raw) || duplicate(json.NewDecoder(bytes.NewReader(raw))) {
			t.Fatal("accepted invalid UTF-8 or duplicate keys")
		}
		if m.ID.Present() {
			out := jsonrpc.Splice(raw, jsonrpc.Edit{At: m.ID, New: m.Bytes(m.ID)})
			if !bytes.Equal(out, raw) {
				t.Fatal("splicing the same id changed the message")
			}
		}
	})
}

func checkParams(t *testing.T, m *jsonrpc.Message, want map[string]json.RawMessage) {
	t.Helper()
	if len(m.Fields) != len(want) {
		t.Fatalf("%d fields, encoding/json has %d", len(m.Fields), len(want))
	}
	for _, f := range m.Fields {
		if !bytes.Equal(m.Bytes(f.Value), want[f.Name]) {
			t.Fatalf("field %q is %q, encoding/json has %q", f.Name, m.Bytes(f.Value), want[f.Name])
		}
	}
}

// duplicate reports whether an object that dec reads has a key twice.
func duplicate(dec *json.Decoder) bool {
	type frame struct {
		keys map[string]bool // nil for an array
		key  bool            // a key is next
	}
	var stack []frame
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		top := len(stack) - 1
		if text, ok := tok.(string); ok && top >= 0 && stack[top].keys != nil && stack[top].key {
			if stack[top].keys[text] {
				return true
			}
			stack[top].keys[text], stack[top].key = true, false
			continue
		}
		switch tok {
		case json.Delim('{'):
			stack = append(stack, frame{keys: map[string]bool{}, key: true})
			continue
		case json.Delim('['):
			stack = append(stack, frame{})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
		}
		if len(stack) > 0 {
			stack[len(stack)-1].key = true
		}
	}
}

// Properties: the result of any patch parses; what was set is there and what was dropped is not; every other
// member keeps its bytes and its order.
func FuzzPatch(f *testing.F) {
	for i, s := range []string{bare, noMeta, full, empty, result, failed} {
		f.Add([]byte(s), "a", "b", byte(i*37))
	}
	f.Fuzz(func(t *testing.T, raw []byte, one, two string, ops byte) {
		m, err := jsonrpc.Parse(raw, jsonrpc.ClientLimits())
		if err != nil || !plain(one) || !plain(two) || one == two {
			return
		}
		if m.Kind == jsonrpc.Failure || (m.Kind == jsonrpc.Result && raw[m.Result.Start] != '{') {
			return
		}
		p := m.Patch()
		var metaSet, metaDropped, fieldSet, fieldDropped []string
		for i, name := range []string{one, two} {
			switch ops >> (2 * i) & 3 {
			case 1:
				p.SetMeta(name, []byte(`{"v":1}`))
				metaSet = append(metaSet, name)
			case 2:
				p.DropMeta(name)
				metaDropped = append(metaDropped, name)
			case 3:
				p.SetField(name, []byte(`"v"`))
				fieldSet = append(fieldSet, name)
			}
		}
		if ops&16 != 0 {
			p.ID([]byte(`"new"`))
		}
		if ops&32 != 0 {
			p.DropField(one)
			fieldDropped = append(fieldDropped, one)
			fieldSet = slices.DeleteFunc(fieldSet, func(name string) bool { return name == one })
		}
		out, err := jsonrpc.Parse(p.Bytes(), jsonrpc.UpstreamLimits())
		if err != nil {
			t.Fatalf("patched %q to %q: %v", raw, p.Bytes(), err)
		}
		if out.Kind != m.Kind || out.Method != m.Method {
			t.Fatalf("patched %q to %q: another message", raw, p.Bytes())
		}
		if id := string(out.Bytes(out.ID)); m.ID.Present() && ops&16 != 0 && id != `"new"` {
			t.Fatalf("id is %s", id)
		}
		was, is := members{&m, m.Meta}, members{&out, out.Meta}
		checkMembers(t, was, is, edits{set: metaSet, dropped: metaDropped})
		was, is = members{&m, m.Fields}, members{&out, out.Fields}
		checkMembers(t, was, is, edits{set: append(fieldSet, "_meta"), dropped: fieldDropped})
	})
}

// plain reports whether name can be set: it imitates no protocol key and is not the one the codec uses.
func plain(name string) bool {
	return len(name) <= 8 && name != "_meta" && strings.Trim(name, "abcdefgh-") == ""
}

// members are the members of one object of a message.
type members struct {
	of     *jsonrpc.Message
	fields []jsonrpc.Field
}

// without are the members but for some, as text.
func (ms members) without(skip map[string]bool) (out []string) {
	for _, f := range ms.fields {
		if !skip[f.Name] {
			out = append(out, string(ms.of.Bytes(f.Key))+":"+string(ms.of.Bytes(f.Value)))
		}
	}
	return out
}

// edits are the names that a patch set and dropped.
type edits struct{ set, dropped []string }

func checkMembers(t *testing.T, before, after members, e edits) {
	t.Helper()
	skip := map[string]bool{}
	for _, name := range append(e.set, e.dropped...) {
		skip[name] = true
	}
	was, is := before.without(skip), after.without(skip)
	if strings.Join(was, "\n") != strings.Join(is, "\n") {
		t.Fatalf("untouched members changed: %q, %q", was, is)
	}
	names := map[string]bool{}
	for _, f := range after.fields {
		names[f.Name] = true
	}
	for _, name := range e.set {
		if name != "_meta" && !names[name] {
			t.Fatalf("%q was set and is absent", name)
		}
	}
	for _, name := range e.dropped {
		if names[name] {
			t.Fatalf("%q was dropped and is there", name)
		}
	}
}

// Properties: what is split is an array for encoding/json, whose elements are the items, in order and byte
// for byte; no item is an array; there are 1 to 5 of them.
func FuzzSplit(f *testing.F) {
	seeds(f)
	f.Add([]byte(" [ 1 , {\"a\":\"]\"},\"x\\\"\" ] "))
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, err := jsonrpc.Split(raw, 5)
		checkWalk(t, raw)
		if err != nil {
			return
		}
		var want []json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("split, but encoding/json says %v", err)
		}
		if len(items) != len(want) || len(items) == 0 || len(items) > 5 {
			t.Fatalf("%d items, encoding/json has %d", len(items), len(want))
		}
		for i := range items {
			if !bytes.Equal(items[i], want[i]) || jsonrpc.IsBatch(items[i]) {
				t.Fatalf("item %d is %q, encoding/json has %q", i, items[i], want[i])
			}
		}
		n := 0
		err = jsonrpc.Elements(raw, func(v jsonrpc.Span) error {
			if !bytes.Equal(raw[v.Start:v.End], want[n]) {
				t.Fatalf("element %d is %q", n, raw[v.Start:v.End])
			}
			n++
			return nil
		})
		if err != nil || n != len(want) {
			t.Fatalf("Elements: %d of %d, %v", n, len(want), err)
		}
	})
}

// checkWalk checks that Members and Elements stay inside any bytes.
func checkWalk(t *testing.T, raw []byte) {
	t.Helper()
	_ = jsonrpc.Members(raw, func(_ string, k, v jsonrpc.Span) error {
		_, _ = raw[k.Start:k.End], raw[v.Start:v.End]
		return nil
	})
	_ = jsonrpc.Elements(raw, func(v jsonrpc.Span) error {
		_ = raw[v.Start:v.End]
		return nil
	})
}
