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
				got := p.Add(values)
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
			if again := p.Add([]string{"next"}); len(again) != 0 {
				t.Errorf("found again by the next call: %+v", again)
			}
		})
	}
}

func TestTailIsBounded(t *testing.T) {
	var p secrets.Pieces
	for i := range 100 {
		p.Add([]string{fmt.Sprint(i), strings.Repeat("x", i*100), "a", "b", "c", "d", "e", "f", "g"})
	}
	if n := len(p.Tail()); n == 0 || n > 8<<10 {
		t.Errorf("%d bytes are kept", n)
	}
	var q secrets.Pieces
	q.Add([]string{"one", "two"})
	if got := q.Tail(); !strings.Contains(got, "onetwo") {
		t.Errorf("the tail is %q", got)
	}
}
