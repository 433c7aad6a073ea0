package ignore_test

import (
	"testing"

	"doorward/internal/ignore"
)

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, at string
		want        bool
	}{
		{"*.pem", "a.pem", true},
		{"*.pem", "keys/deep/a.pem", true},
		{"*.pem", "a.pem/b", false},
		{"keys", "keys", true},
		{"keys", "a/keys", true},
		{"keys", "keys/a", false},
		{"docs/private", "docs/private", true},
		{"docs/private", "a/docs/private", false},
		{"docs/*", "docs/a", true},
		{"docs/*", "docs/a/b", false},
		{"**/private", "a/b/private", true},
		{"Keys", "keys", false},
		{"[", "anything", true},
	} {
		if got := ignore.Matches([]string{"other", tc.pattern}, tc.at); got != tc.want {
			t.Errorf("%s about %s: %v", tc.pattern, tc.at, got)
		}
	}
	if ignore.Matches(nil, "a") {
		t.Error("no pattern is about something")
	}
}
