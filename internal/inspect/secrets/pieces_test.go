package secrets_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/inspect/secrets"
)

func TestPieces(t *testing.T) {
	token := github("gh"+"p_", "pieces")
	coded := in64("token " + token)
	for _, tc := range []struct {
		name  string
		calls [][]string
		want  int // the call that completes it; -1 for none
	}{
		{"one call", [][]string{{token[:9], token[9:25], token[25:]}}, 0},
		{"calls", [][]string{{token[:9]}, {token[9:25]}, {token[25:]}}, 2},
		{"calls with other values", [][]string{{"log.txt", token[:9]}, {"log.txt", token[9:25]}, {"log.txt", token[25:]}}, 2},
		{"behind a word", [][]string{{"title" /* no blank */, token[:20], token[20:], "end"}}, 0},
		{"base64 in pieces", [][]string{{coded[:30]}, {coded[30:]}}, 1},
		{"a key in pieces", [][]string{{privateKey("")[:20]}, {privateKey("")[20:]}}, 1},
		{"what Scan finds", [][]string{{token}, {"and more"}, {"x", token, "y"}}, -1},
		{"words", [][]string{{"the", "weather", "in", "Paris"}, {"sk", "y"}, {"gh", "p_", "x"}}, -1},
		{"far apart", [][]string{{token[:20]}, {strings.Repeat("and so on ", 1000)}, {token[20:]}}, 2},
		{"base64 with words", [][]string{{"first " + coded[:30]}, {"and then " + coded[30:]}}, 1},
		{"a beginning that stays one", [][]string{{"gh" + "p_"}, {"branches"}, {"of"}, {"repository"}, {"and", "their"}, {"protection", "settings"}}, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p secrets.Pieces
			at := -1
			for i, values := range tc.calls {
				got := p.Add("", values)
				if len(got) > 0 {
					if at >= 0 {
						t.Errorf("again in call %d: %+v", i, got)
					}
					at = i
				}
				for j := range got {
					if strings.Contains(got[j].Text+got[j].Why, token[10:]) || got[j].Span.Present() {
						t.Errorf("%+v", got[j])
					}
				}
			}
			if at != tc.want {
				t.Errorf("completed by call %d, want %d", at, tc.want)
			}
			if again := p.Add("", []string{"next"}); len(again) != 0 {
				t.Errorf("found again by the next call: %+v", again)
			}
		})
	}
}

// What has the format of a credential is put together over calls to any tools; what stands behind the
// name of one is so at one place of calls to one tool in a row alone.
func TestPiecesOfSinks(t *testing.T) {
	type call struct {
		sink   string
		values []string
	}
	token := github("gh"+"p_", "sinks")
	coded := in64("token " + token)
	secret := in64("password=" + drawn(alnum, 20, "sinks"))
	random := drawn(hexes, 20, "sinks")
	for _, tc := range []struct {
		name  string
		calls []call
		want  bool
	}{
		{"a name and a number of two tools", []call{{"hub/search", []string{"token=abc"}}, {"hub/commit", []string{random}}}, false},
		{"of two servers", []call{{"hub/search", []string{"token=abc"}}, {"wiki/search", []string{random}}}, false},
		{"behind a name alone", []call{{"hub/search", []string{"x", "export GITHUB_TOKEN="}}, {"hub/commit", []string{"main", random}}}, false},
		{"a header and a number", []call{{"hub/search", []string{"Authorization: Bearer "}}, {"hub/commit", []string{random}}}, false},
		{"an address and an address", []call{{"db/find", []string{"postgres://app:"}}, {"mail/send", []string{"user@host.example"}}}, false},
		{"a beginning of no token", []call{{"hub/search", []string{"prefix sk-"}}, {"hub/commit", []string{random}}}, false},
		{"two places of one tool", []call{{"hub/search", []string{"token=abc", "open"}}, {"hub/search", []string{"closed", random}}}, false},
		{"a call between", []call{{"hub/search", []string{"token=abc"}}, {"wiki/read", []string{"12"}}, {"hub/search", []string{random}}}, false},
		{"one place of one tool", []call{{"hub/note", []string{"token=abc"}}, {"hub/note", []string{random}}}, true},
		{"one place of several", []call{{"hub/note", []string{"x1", "token=abc"}}, {"hub/note", []string{"x2", random}}}, true},
		{"after another tool", []call{{"hub/search", []string{"weather"}}, {"hub/note", []string{"token=abc"}}, {"hub/note", []string{random}}}, true},
		{"one call", []call{{"hub/note", []string{"token=abc", random}}}, true},
		{"one call behind a name", []call{{"hub/search", []string{"token="}}, {"hub/note", []string{"password=abc", random}}}, true},
		{"a token over tools", []call{{"hub/search", []string{token[:9]}}, {"hub/commit", []string{token[9:25]}}, {"wiki/read", []string{token[25:]}}}, true},
		{"base64 over tools", []call{{"hub/search", []string{coded[:30]}}, {"wiki/read", []string{coded[30:]}}}, true},
		{"base64 of a password over tools", []call{{"hub/search", []string{secret[:14]}}, {"wiki/read", []string{secret[14:]}}}, true},
	} {
		var p secrets.Pieces
		found := false
		for _, c := range tc.calls {
			found = len(p.Add(c.sink, c.values)) > 0 || found
		}
		if found != tc.want {
			t.Errorf("%s: found %v, want %v", tc.name, found, tc.want)
		}
	}
}

// Where the calls to one tool begin is known however much they have at one place.
func TestPiecesOfLongLanes(t *testing.T) {
	var p secrets.Pieces
	p.Add("hub/search", []string{strings.Repeat("weather ", 40) + "token=abc"})
	for i := range 8 {
		p.Add("hub/note", []string{fmt.Sprint(i) + strings.Repeat(" weather", 10*i)})
	}
	if got := p.Add("hub/note", []string{" secret=abc"}); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	if got := p.Add("hub/note", []string{drawn(hexes, 20, "lanes")}); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTailIsBounded(t *testing.T) {
	var p secrets.Pieces
	for i := range 100 {
		p.Add("", []string{fmt.Sprint(i), strings.Repeat("x", i*100), "a", "b", "c", "d", "e", "f", "g"})
	}
	if n := len(p.Tail()); n == 0 || n > 8<<10 {
		t.Errorf("%d bytes are kept", n)
	}
	var q secrets.Pieces
	q.Add("", []string{"one", "two"})
	if got := q.Tail(); !strings.Contains(got, "onetwo") {
		t.Errorf("the tail is %q", got)
	}
}
