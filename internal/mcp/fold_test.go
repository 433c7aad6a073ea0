package mcp_test

import (
	"testing"

	"doorward/internal/mcp"
)

func TestFold(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"read", "READ", true},
		{"read", "re\u200bad", true},
		{"read", "ｒead", true},
		{"read", "re\u00adad", true},
		{"read", "re\U000E0041ad", true},
		{"read", "read\ufe0f", true},
		{"straße", "STRASSE", true},
		{"ſend", "send", true},
		{"\u212aey", "key", true},
		{"é", "e\u0301", true},
		{"ﬁle", "file", true},
		{"lıst", "list", true},
		{"LIST", "lıst", true},
		{"\U0001d6a4", "i", true},
		{"ı\u0301", "í", true},
		{"l1st", "list", false},
		{"read", "reed", false},
		{"read", "read_", false},
	} {
		if got := mcp.Fold(tc.a) == mcp.Fold(tc.b); got != tc.same {
			t.Errorf("%q and %q: %v", tc.a, tc.b, got)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _ = mcp.Fold("github__create_issue") }); n != 0 {
		t.Errorf("folding a plain name allocates %v times", n)
	}
}
