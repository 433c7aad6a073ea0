package remote_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/gate"
)

func TestGemini(t *testing.T) {
	s := &standIn{t: t, length: 0.7} // a vector that is cut short is shorter than 1
	at := with(place(t, s.gemini), "operator")
	at.URL += "/v1beta"
	const one, many = "/v1beta/models/gemini-embedding-001:embedContent", "/v1beta/models/gemini-embedding-001:batchEmbedContents"
	for _, tc := range []struct {
		name           string
		query, passage string
		texts          docs.Texts
		want           asked
		model          string
		as             []string // what is embedded in truth
	}{
		{name: "a question", texts: docs.Texts{All: []string{"one"}, Query: true}, want: asked{path: one, key: "operator", task: "RETRIEVAL_QUERY"}},
		{name: "a passage", texts: docs.Texts{All: []string{"one"}}, want: asked{path: one, key: "operator", task: "RETRIEVAL_DOCUMENT"}},
		{name: "passages", texts: docs.Texts{All: []string{"one", "two", "three"}}, want: asked{path: many, key: "operator", task: "RETRIEVAL_DOCUMENT"}},
		{name: "the caller's key", texts: docs.Texts{All: []string{"one", "two"}, Query: true, Key: gate.NewSecret("caller")}, want: asked{path: many, key: "caller", task: "RETRIEVAL_QUERY"}},
		{
			name: "a model without tasks", query: "task: search result | query: ", passage: "title: none | text: ", texts: docs.Texts{All: []string{"one"}, Query: true},
			want: asked{path: one, key: "operator"}, as: []string{"task: search result | query: one"},
			model: `gemini-embedding-001 ("task: search result | query: ", "title: none | text: ")`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := gemini(t, remote.GeminiSettings{Place: at, Model: "models/gemini-embedding-001", Dimensions: 6, Query: tc.query, Passage: tc.passage})
			if tc.model == "" {
				tc.model = "gemini-embedding-001"
			}
			if got, want := e.Model(), (docs.Model{Kind: "gemini", Name: tc.model, Dimensions: 6}); got != want {
				t.Errorf("the model is %v, want %v", got, want)
			}
			v, err := docs.Embed(t.Context(), e, tc.texts)
			if err != nil {
				t.Fatal(err)
			}
			if tc.as == nil {
				tc.as = tc.texts.All
			}
			if err := s.like(v, tc.as...); err != nil {
				t.Error(err)
			}
			tc.want.texts, tc.want.dimensions = tc.as, 6
			if diff := cmp.Diff([]asked{tc.want}, s.asked(), cmp.AllowUnexported(asked{})); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// Two users bring their own keys, beside an operator's, all at the same time and over the
// same connections. Each text is embedded with the key of whoever it is of, and a call
// without a key has nobody else's.
func TestKeysAreNeverCrossed(t *testing.T) {
	s := &standIn{t: t, length: 1}
	at := place(t, s.gemini)
	at.URL += "/v1beta"
	none := gemini(t, remote.GeminiSettings{Place: at})
	operators := gemini(t, remote.GeminiSettings{Place: with(at, "key-of-operator")})
	embed := func(e docs.Embedder, whose string, i int) error {
		texts := docs.Texts{Query: i%2 == 0}
		for n := range i%3 + 1 {
			texts.All = append(texts.All, fmt.Sprintf("%s asks %d.%d", whose, i, n))
		}
		if whose != "operator" {
			texts.Key = gate.NewSecret("key-of-" + whose)
		}
		v, err := e.Embed(t.Context(), texts)
		if err != nil {
			return err
		}
		return s.like(v, texts.All...)
	}
	var wg sync.WaitGroup
	for _, of := range []struct {
		e     docs.Embedder
		whose string
	}{{none, "ann"}, {none, "bob"}, {operators, "ann"}, {operators, "bob"}, {operators, "operator"}} {
		for worker := range 2 {
			wg.Go(func() {
				for i := range 20 {
					if err := embed(of.e, of.whose, 100*worker+i); err != nil {
						t.Errorf("%s: %v", of.whose, err)
					}
				}
			})
		}
	}
	wg.Wait()
	all := s.asked()
	if len(all) != 5*2*20 {
		t.Errorf("asked %d times", len(all))
	}
	for _, a := range all {
		for _, text := range a.texts {
			if whose, _, _ := strings.Cut(text, " "); a.key != "key-of-"+whose {
				t.Errorf("%q was embedded with %s", text, a.key)
			}
		}
		if strings.Contains(a.path, "key") {
			t.Errorf("a key is in the URL: %s", a.path)
		}
	}
	// Nothing of a key is left behind.
	if _, err := none.Embed(t.Context(), docs.Texts{All: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "needs a key") {
		t.Errorf("without a key: %v", err)
	}
	if err := embed(operators, "operator", 0); err != nil {
		t.Error(err)
	}
	if all = s.asked(); len(all) != 1 || all[0].key != "key-of-operator" {
		t.Errorf("asked afterwards: %+v", all)
	}
}

// A caller's key that cannot be sent is not replaced by the operator's.
func TestBadKeyIsNotReplaced(t *testing.T) {
	s := &standIn{t: t, length: 1}
	at := with(place(t, s.gemini), "operator")
	at.URL += "/v1beta"
	e := gemini(t, remote.GeminiSettings{Place: at})
	for _, key := range []string{"", " ", "a\r\nx-goog-api-key: b", "a\x00"} {
		_, err := e.Embed(t.Context(), docs.Texts{All: []string{"a"}, Key: gate.NewSecret(key)})
		if err == nil || !strings.Contains(err.Error(), "caller's key") {
			t.Errorf("%q: %v", key, err)
		}
	}
	at.Key = func() (gate.Secret, error) { return gate.Secret{}, errors.New("the vault is sealed") }
	if _, err := gemini(t, remote.GeminiSettings{Place: at}).Embed(context.Background(), docs.Texts{All: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "the vault is sealed") {
		t.Errorf("without the operator's: %v", err)
	}
	if all := s.asked(); len(all) != 0 {
		t.Errorf("asked: %+v", all)
	}
}
