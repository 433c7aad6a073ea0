package anchor_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"doorward/internal/anchor"
	"doorward/internal/anchor/witnesstest"
	"doorward/internal/cosignature"
)

const canary = "CANARY-what-the-witness-said-5512"

func answer(status int, body string) *http.Response {
	header := http.Header{"Location": {"https://elsewhere.example.com/"}} // followed, it would be one request more
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

// Whatever a witness answers: without its cosignature there is none, it is a failure or
// another log that it has seen, and nothing that it said is repeated.
func TestAnswersOfWitnesses(t *testing.T) {
	h := newHouse(t)
	h.write(20, "call")
	c, err := h.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own := witnesstest.New("witness.example.com")
	key, err := cosignature.ParseKey(own.Key())
	if err != nil {
		t.Fatal(err)
	}
	other := witnesstest.New("other.example.com")
	if err := other.Knows(c.Origin, h.public()); err != nil {
		t.Fatal(err)
	}
	foreign := httptest.NewRecorder()
	other.ServeHTTP(foreign, httptest.NewRequest(http.MethodPost, "/add-checkpoint", strings.NewReader("old 0\n\n"+c.Note)))
	size := func(n uint64) string { return fmt.Sprintf("%d\n", n) }
	for name, tc := range map[string]struct {
		answers []*http.Response // to one request after the other
		misfit  uint64           // records that it has seen; 0: a failure
		says    string
	}{
		"nothing":                         {[]*http.Response{answer(200, "")}, 0, "without a cosignature"},
		"words":                           {[]*http.Response{answer(200, canary)}, 0, "without a cosignature"},
		"another's cosignature":           {[]*http.Response{answer(200, foreign.Body.String())}, 0, "without a cosignature"},
		"more than is read":               {[]*http.Response{answer(200, strings.Repeat(canary+"\n", 1<<16))}, 0, "without a cosignature"},
		"created":                         {[]*http.Response{answer(201, "")}, 0, "answered 201"},
		"a redirect":                      {[]*http.Response{answer(307, canary)}, 0, "answered 307"},
		"not found":                       {[]*http.Response{answer(404, canary)}, 0, "does not know this log"},
		"forbidden":                       {[]*http.Response{answer(403, canary)}, 0, "does not know the key"},
		"broken":                          {[]*http.Response{answer(500, canary)}, 0, "answered 500"},
		"a conflict without a size":       {[]*http.Response{answer(409, canary)}, 0, "without a size"},
		"a conflict with a negative size": {[]*http.Response{answer(409, "-1\n")}, 0, "without a size"},
		"a conflict with the size sent":   {[]*http.Response{answer(409, "0\n")}, 0, "the size that it was sent"},
		"a size beyond the log":           {[]*http.Response{answer(409, size(c.Size+1))}, c.Size + 1, "its end was cut off"},
		"a size beyond everything":        {[]*http.Response{answer(409, "9223372036854775807\n")}, 1<<63 - 1, "its end was cut off"},
		"a size, and no proof holds":      {[]*http.Response{answer(409, size(7)), answer(422, canary)}, 7, "its past was rewritten"},
		"our size, and another root":      {[]*http.Response{answer(409, size(c.Size)), answer(409, size(c.Size))}, c.Size, "its past was rewritten"},
		"our size, another root, unsaid":  {[]*http.Response{answer(409, size(c.Size)), answer(409, "")}, c.Size, "its past was rewritten"},
		"a proof that there is none of":   {[]*http.Response{answer(422, canary)}, 0, "a proof that there is none of"},
		"a size that moves":               {[]*http.Response{answer(409, size(3)), answer(409, size(4)), answer(409, size(5))}, 0, "another size each time"},
	} {
		t.Run(name, func(t *testing.T) {
			h.events = nil
			asked := 0
			w := witnessAt(t, "https://witness.example.com/log/", key).Through(answering(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path != "/log/add-checkpoint" || r.Method != http.MethodPost {
					t.Errorf("asked %s %s", r.Method, r.URL)
				}
				asked++
				return tc.answers[asked-1], nil
			}))
			k := h.keeper(anchor.Config{Witnesses: []*anchor.Witness{w}, Quorum: 1})
			err := k.Begin(t.Context())
			m, isMisfit := errors.AsType[*anchor.Misfit](err)
			switch {
			case tc.misfit == 0 && err != nil:
				t.Fatalf("began: %v", err)
			case tc.misfit > 0 && (!isMisfit || m.Seen != tc.misfit):
				t.Fatalf("began: %v", err)
			}
			kind := "audit.anchor_failed"
			if isMisfit {
				kind = "audit.forked"
			}
			if told := h.told(); !slices.Equal(told, []string{kind}) || !strings.Contains(h.detail(kind), tc.says) || strings.Contains(h.detail(kind), "CANARY") {
				t.Errorf("told %v: %s", told, h.detail(kind))
			}
			if asked != len(tc.answers) || h.kept != "" {
				t.Errorf("asked %d times, kept %q", asked, h.kept)
			}
		})
	}
}

// Only https leads to another machine, and no query is in the way.
func TestWhereWitnessesAre(t *testing.T) {
	key, err := cosignature.ParseKey(witnesstest.New("witness.example.com").Key())
	if err != nil {
		t.Fatal(err)
	}
	for url, good := range map[string]bool{
		"https://witness.example.com": true, "http://127.0.0.1:9": true, "http://[::1]:9/x": true,
		"http://witness.example.com": false, "https://user:pw@witness.example.com": false, "https://witness.example.com?a=b": false,
		"ftp://127.0.0.1": false, "witness.example.com": false, "": false,
	} {
		if _, err := anchor.NewWitness(anchor.WitnessConfig{URL: url, Key: key}); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := anchor.NewWitness(anchor.WitnessConfig{URL: "https://witness.example.com"}); err == nil {
		t.Error("a witness without a key was made")
	}
}
