package gate_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
)

func TestVisible(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"plain text.", "plain text."},
		{"naïve 漢字 🙂", "naïve 漢字 🙂"},
		{"a\u200bb", "a⟨U+200B⟩b"},
		{"\u202eevil", "⟨U+202E⟩evil"},
		{"\U000E0041\U000E0101\ufe0f", "⟨U+E0041⟩⟨U+E0101⟩⟨U+FE0F⟩"},
		{"\x1b[31m\r\n\t", "⟨U+001B⟩[31m⟨U+000D⟩⟨U+000A⟩⟨U+0009⟩"},
		{"soft\u00adhyphen\u00a0\u3164\u2800\u2028", "soft⟨U+00AD⟩hyphen⟨U+00A0⟩⟨U+3164⟩⟨U+2800⟩⟨U+2028⟩"},
		{"⟨U+200B⟩", "⟨U+27E8⟩U+200B⟩"},
		{"\xff\xfe", "⟨0xFF⟩⟨0xFE⟩"},
		{"a" + strings.Repeat(" ", 10000) + "b", "a⟨U+0020×10000⟩b"},
		{"a" + strings.Repeat(" ", 16) + "b", "a" + strings.Repeat(" ", 16) + "b"},
	} {
		if got := gate.Visible(tc.in); got != tc.want {
			t.Errorf("Visible(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}
