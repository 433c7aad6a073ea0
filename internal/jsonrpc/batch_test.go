package jsonrpc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/jsonrpc"
)

// HTT-25.
func TestSplit(t *testing.T) {
	got, err := jsonrpc.Split([]byte(" [ {\"a\":[1 ,2]} ,1,{\"k\":1,\"k\":2}, \"]\" ]\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, item := range got {
		items = append(items, string(item))
	}
	if diff := cmp.Diff([]string{`{"a":[1 ,2]}`, `1`, `{"k":1,"k":2}`, `"]"`}, items); diff != "" {
		t.Errorf("Split (-want +got):\n%s", diff)
	}
	hundred := "[" + strings.Repeat("{},", 99) + "{}]"
	if items, err := jsonrpc.Split([]byte(hundred), 0); err != nil || len(items) != 100 {
		t.Errorf("a batch of 100: %d items, %v", len(items), err)
	}
	for _, tc := range []refusal{
		{"empty", "[]", invalid},
		{"101", "[{}," + hundred[1:], invalid},
		{"nested", "[{},[{}]]", invalid},
		{"object", "{}", invalid},
		{"nothing", "", invalid},
		{"trailing comma", "[{},]", parse},
		{"leading comma", "[,{}]", parse},
		{"cut off", "[{}", parse},
		{"fault in the last item", "[{},{]", parse},
		{"trailing bytes", "[{}]x", parse},
		{"two batches", "[{}][{}]", parse},
		{"depth 66", "[" + nested(65, `{"a":`, "}") + "]", invalid},
		{"depth 10^6", "[{\"a\":" + strings.Repeat("[", 1e6), invalid},
		{"invalid UTF-8", "[\"\xff\"]", parse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			items, err := jsonrpc.Split([]byte(tc.in), 100)
			var f *jsonrpc.Fault
			if !errors.As(err, &f) || f.Code != tc.code || items != nil {
				t.Errorf("Split(%.80q) = %d items, %v, want code %d", tc.in, len(items), err, tc.code)
			}
		})
	}
	if _, err := jsonrpc.Split([]byte("["+nested(64, `{"a":`, "}")+"]"), 1); err != nil {
		t.Errorf("an item of depth 64: %v", err)
	}
}

func TestIsBatch(t *testing.T) {
	for in, want := range map[string]bool{"[": true, " \n[]": true, "": false, "{}": false, "\ufeff[]": false} {
		if got := jsonrpc.IsBatch([]byte(in)); got != want {
			t.Errorf("IsBatch(%q) = %v", in, got)
		}
	}
}

func TestMembersAndElements(t *testing.T) {
	const object = ` { "a" : [1,{"b":"]}\""}] ,"\u0062":-1E4, "tools":null} `
	var got []string
	err := jsonrpc.Members([]byte(object), func(name string, key, value jsonrpc.Span) error {
		got = append(got, name+"|"+object[key.Start:key.End]+"|"+object[value.Start:value.End])
		return nil
	})
	want := []string{`a|"a"|[1,{"b":"]}\""}]`, `b|"\u0062"|-1E4`, `tools|"tools"|null`}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Members: %v (-want +got):\n%s", err, diff)
	}
	const array = "[ 1,\"a,b\\\\\" , {} ,[[]]]"
	got = nil
	err = jsonrpc.Elements([]byte(array), func(v jsonrpc.Span) error {
		got = append(got, array[v.Start:v.End])
		return nil
	})
	if diff := cmp.Diff([]string{"1", `"a,b\\"`, "{}", "[[]]"}, got); err != nil || diff != "" {
		t.Errorf("Elements: %v (-want +got):\n%s", err, diff)
	}
	stop := errors.New("stop")
	if err := jsonrpc.Elements([]byte(array), func(jsonrpc.Span) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Elements returned %v, want the error of yield", err)
	}
	for _, in := range []string{"", "{", "[", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{1:2}`, `{"a" 1}`, `[1 2]`, `[1,]`, `{"a":"`, `{}x`, `{"\x":1}`} {
		e1 := jsonrpc.Members([]byte(in), func(string, jsonrpc.Span, jsonrpc.Span) error { return nil })
		e2 := jsonrpc.Elements([]byte(in), func(jsonrpc.Span) error { return nil })
		if e1 == nil || e2 == nil {
			t.Errorf("%q: Members %v, Elements %v, want faults", in, e1, e2)
		}
	}
}

// A reader that Split used, where duplicates pass, must not make Parse lax.
func TestParseAfterSplitStaysStrict(t *testing.T) {
	for range 100 {
		if _, err := jsonrpc.Split([]byte(`[{"a":1,"a":2}]`), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := jsonrpc.Parse([]byte(with(`"a":1,"a":2`)), jsonrpc.Limits{}); err == nil {
			t.Fatal("duplicate key accepted")
		}
	}
}
