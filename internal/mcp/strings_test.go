package mcp_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

func TestStrings(t *testing.T) {
	const raw = `xx {"a":"1","b":[ {"c/d~":"t\u0077o"}, "three", 4, null, ["in"] ],"e":{"f":{}},"g":"" } yy`
	var got []string
	err := mcp.Strings([]byte(raw), gate.Span{Start: 3, End: len(raw) - 3}, func(x *mcp.Text) error {
		got = append(got, fmt.Sprintf("%s|%s|%q|%s|%v|%v", x.Pointer(), x.Key, x.Value, raw[x.At.Start:x.At.End], x.Name, x.Within("b")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`/a|a|"a"|"a"|true|false`, `/a|a|"1"|"1"|false|false`,
		`/b|b|"b"|"b"|true|true`,
		`/b/0/c~1d~0|c/d~|"c/d~"|"c/d~"|true|true`, `/b/0/c~1d~0|c/d~|"two"|"t\u0077o"|false|true`,
		`/b/1|b|"three"|"three"|false|true`, `/b/4/0|b|"in"|"in"|false|true`,
		`/e|e|"e"|"e"|true|false`, `/e/f|f|"f"|"f"|true|false`,
		`/g|g|"g"|"g"|true|false`, `/g|g|""|""|false|false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStringsOfASingleValue(t *testing.T) {
	for raw, want := range map[string]int{`"x"`: 1, `7`: 0, `[]`: 0, `{}`: 0, `null`: 0, ``: 0} {
		n := 0
		if err := mcp.Strings([]byte(raw), gate.Span{End: len(raw)}, func(*mcp.Text) error { n++; return nil }); err != nil || n != want {
			t.Errorf("%s: %d strings, %v; want %d", raw, n, err, want)
		}
	}
	stop := errors.New("stop")
	if err := mcp.Strings([]byte(`["a","b"]`), gate.Span{End: 9}, func(*mcp.Text) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the walk ended with %v", err)
	}
}
