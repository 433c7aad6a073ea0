package remote_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/gate"
)

func TestOpenAI(t *testing.T) {
	s := &standIn{t: t, length: 1, native: 8}
	at := place(t, s.openAI)
	root := at.URL
	at.URL += "/v1"
	for _, tc := range []struct {
		name     string
		settings remote.OpenAISettings
		texts    docs.Texts
		want     asked
		model    string
		as       []string // what is embedded in truth
	}{
		{
			name: "passages, as they are", settings: remote.OpenAISettings{Place: at, Model: "all-minilm", Dimensions: 8},
			texts: docs.Texts{All: []string{"one", "two", "three"}}, want: asked{texts: []string{"one", "two", "three"}}, model: "all-minilm",
		},
		{
			name: "the operator's key", settings: remote.OpenAISettings{Place: with(at, "operator"), Model: "m", Dimensions: 8},
			texts: docs.Texts{All: []string{"one"}}, want: asked{key: "Bearer operator", texts: []string{"one"}}, model: "m",
		},
		{
			name: "the caller's key", settings: remote.OpenAISettings{Place: with(at, "operator"), Model: "m", Dimensions: 8},
			texts: docs.Texts{All: []string{"one"}, Key: gate.NewSecret("caller")}, want: asked{key: "Bearer caller", texts: []string{"one"}}, model: "m",
		},
		{
			name: "as many dimensions as asked for", settings: remote.OpenAISettings{Place: at, Model: "text-embedding-3-small", Dimensions: 5, SendDimensions: true},
			texts: docs.Texts{All: []string{"one", "two"}}, want: asked{texts: []string{"one", "two"}, dimensions: 5}, model: "text-embedding-3-small",
		},
		{
			name: "a question with its prefix", settings: remote.OpenAISettings{Place: at, Model: "e5", Dimensions: 8, Query: "query: ", Passage: "passage: "},
			texts: docs.Texts{All: []string{"one"}, Query: true}, want: asked{texts: []string{"query: one"}}, model: `e5 ("query: ", "passage: ")`, as: []string{"query: one"},
		},
		{
			name: "a passage with its prefix", settings: remote.OpenAISettings{Place: at, Model: "e5", Dimensions: 8, Query: "query: ", Passage: "passage: "},
			texts: docs.Texts{All: []string{"one"}}, want: asked{texts: []string{"passage: one"}}, model: `e5 ("query: ", "passage: ")`, as: []string{"passage: one"},
		},
		{
			name: "bytes that are no text", settings: remote.OpenAISettings{Place: at, Model: "m", Dimensions: 8},
			texts: docs.Texts{All: []string{"a\xffb"}}, want: asked{texts: []string{"a\ufffdb"}}, model: "m", as: []string{"a\ufffdb"},
		},
		{
			name: "the whole URL", settings: remote.OpenAISettings{Place: remote.Place{URL: root + "/v1/embeddings", Dial: at.Dial}, Model: "m", Dimensions: 8},
			texts: docs.Texts{All: []string{"one"}}, want: asked{texts: []string{"one"}}, model: "m",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, s.base64 = range []bool{false, true} {
				e := openAI(t, tc.settings)
				if got, want := e.Model(), (docs.Model{Kind: "openai", Name: tc.model, Dimensions: tc.settings.Dimensions}); got != want {
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
				tc.want.path = "/v1/embeddings"
				if diff := cmp.Diff([]asked{tc.want}, s.asked(), cmp.AllowUnexported(asked{})); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func with(p remote.Place, key string) remote.Place {
	p.Key = secret(key)
	return p
}

// Nothing is asked about nothing, and no more than was agreed at once.
func TestBatches(t *testing.T) {
	at := place(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	at.Key = secret("k")
	for _, e := range []docs.Embedder{
		openAI(t, remote.OpenAISettings{Place: at, Model: "m", Dimensions: 8}),
		gemini(t, remote.GeminiSettings{Place: at, Model: "m", Dimensions: 8}),
	} {
		if v, err := e.Embed(t.Context(), docs.Texts{}); len(v) != 0 || err != nil {
			t.Errorf("nothing: %v, %v", v, err)
		}
		if _, err := e.Embed(t.Context(), docs.Texts{All: make([]string, e.Most()+1)}); err == nil {
			t.Errorf("more than %d at once are asked for", e.Most())
		}
	}
	if e := openAI(t, remote.OpenAISettings{Place: at}); e.Most() != 32 {
		t.Errorf("%d texts at once", e.Most())
	}
	if e := gemini(t, remote.GeminiSettings{Place: at}); e.Most() != 100 {
		t.Errorf("%d texts at once", e.Most())
	}
}
