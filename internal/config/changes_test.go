package config_test

import (
	"slices"
	"testing"

	"doorward/internal/config"
)

// What changed is named by its key and its name; the same again is no change, whatever the
// bytes are.
func TestDUR35_Changes(t *testing.T) {
	const before = "version: 1\nroles: {reader: {allow: [{tools: [\"web/**\"]}]}, old: {}}\nupstreams: {web: {url: \"http://127.0.0.1:1/mcp\"}}\n"
	was := parse(t, before)
	for text, want := range map[string][]string{
		before + "# a comment\n": nil,
		"version: 1\nroles: {reader: {}, new: {}}\nupstreams: {web: {url: \"http://127.0.0.1:1/mcp\"}}\nlimits: {per_principal: 7/1m}\n": {"limits", "roles.new", "roles.old", "roles.reader"},
		"version: 1\n": {"roles.old", "roles.reader", "roles.user", "upstreams.web"},
	} {
		is := parse(t, text)
		if got := config.Changes(was, is); !slices.Equal(got, want) {
			t.Errorf("%q: changed %v, want %v", text, got, want)
		}
		if is.Digest == was.Digest || len(is.Digest) != 16 {
			t.Errorf("%q: digest %q", text, is.Digest)
		}
	}
	if again := parse(t, before); again.Digest != was.Digest {
		t.Error("the same bytes have another digest")
	}
}
