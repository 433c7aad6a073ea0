package gate_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"doorward/internal/gate"
)

func TestVisibleJSON(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{"a":"b"}`, `{"a":"b"}`},
		{"{\n  \"a\": \"\u00e9\"\n}\n", "{\n  \"a\": \"\u00e9\"\n}\n"},
		{"\"\u202e\u0085\u009b\x7f\u2028\"", `"\u202e\u0085\u009b\u007f\u2028"`},
		{"\"\U000e0041\ufe0f\"", `"\udb40\udc41\ufe0f"`},
		{"\"\xff\ufffd\"", "\"\\ufffd\ufffd\""},
		{"\"\x1b[2J\"", `"\u001b[2J"`}, // which is no JSON before
	} {
		if got := string(gate.VisibleJSON([]byte(tc.in))); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
	}
}

// JSON means the same as before, and none of its characters is hidden.
func FuzzVisibleJSON(f *testing.F) {
	for _, s := range []string{`{"a":["\u202e",1e3]}`, "\"\u202e\U000e0041\"", "\"\xff\"", " \n\t[true]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := gate.VisibleJSON(text)
		for _, c := range string(got) {
			if gate.Hidden(c) && c != '\n' && c != '\t' && c != '\r' {
				t.Fatalf("%q has U+%04X", got, c)
			}
		}
		var before, after any
		if json.Unmarshal(text, &before) != nil {
			return
		}
		if err := json.Unmarshal(got, &after); err != nil || utf8.Valid(text) && !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q (%v)", text, got, err)
		}
	})
}
