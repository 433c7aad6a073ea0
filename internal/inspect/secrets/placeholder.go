package secrets

import "strings"

// fillers stand where documentation leaves a credential out.
//
//nolint:gochecknoglobals // a table; read-only
var fillers = []string{
	"example", "placeholder", "changeme", "change_me", "change-me", "redacted", "your_", "your-", "yourapi", "yourtoken", "yoursecret", "yourkey", "insert_", "insert-",
	"replace_", "replace-", "replaceme", "dummy", "sample", "_here", "-here", "fake_", "fake-", "<your", "my_token", "my-token", "mytoken", "my_secret", "mysecret", "testtest",
	"xxxx", "****", "....", "____", "####", "foobar", "qwerty", "deadbeefdeadbeef", "[masked",
	"lorem", "undefined", "none_", "null_", "todo_", "test_token", "test-token", "not_a_", "not-a-", "notreal",
}

// counted are what hands type that fill a place.
//
//nolint:gochecknoglobals // a table; read-only
var counted = []string{"----", "0000000000", "1111111", "abcdefghij", "0123456789", "123456789"}

// placeholder tells whether a value only shows where a credential would stand, as
// manuals, templates and tests have them.
func placeholder(v string) bool {
	return filler(v) || contains(v, counted) || repeated(v)
}

// filler tells whether a value says of itself that it is none.
func filler(v string) bool { return v == "" || contains(v, fillers) }

func contains(v string, parts []string) bool {
	if len(v) > 128 {
		return false
	}
	low := strings.ToLower(v)
	for _, f := range parts {
		if strings.Contains(low, f) {
			return true
		}
	}
	return false
}

// few tells whether only few different characters make up a value.
func few(v string) bool {
	var seen [256]bool
	kinds := 0
	for i := range len(v) {
		if !seen[v[i]] {
			seen[v[i]] = true
			kinds++
		}
	}
	return len(v) >= 8 && kinds <= 3 || len(v) >= 16 && kinds <= 5
}

// repeated tells whether few different characters make up a value, or runs of one
// character, or of characters that follow each other, make up half of it.
func repeated(v string) bool {
	run, runs := 1, 0
	for i := 1; i < len(v); i++ {
		if v[i] == v[i-1] || v[i] == v[i-1]+1 {
			run++
			continue
		}
		if run >= 4 {
			runs += run
		}
		run = 1
	}
	if run >= 4 {
		runs += run
	}
	return few(v) || runs*2 > len(v)
}
