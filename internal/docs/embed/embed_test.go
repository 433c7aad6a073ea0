package embed_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/embed"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/gate"
)

func key() (gate.Secret, error) { return gate.NewSecret("k"), nil }

func TestNew(t *testing.T) {
	at := remote.Place{URL: "http://127.0.0.1:1/v1", Dial: new(net.Dialer).DialContext}
	for _, tc := range []struct {
		name     string
		settings embed.Settings
		model    docs.Model
		want     string // of the error
	}{
		{name: "lexical", settings: embed.Settings{Kind: "lexical"}, model: docs.Model{Kind: "lexical", Name: "lexical-1", Dimensions: 384}},
		{name: "lexical, all said", settings: embed.Settings{Kind: "lexical", Model: "lexical-1", Dimensions: 512}, model: docs.Model{Kind: "lexical", Name: "lexical-1", Dimensions: 512}},
		{name: "lexical of another version", settings: embed.Settings{Kind: "lexical", Model: "lexical-2"}, want: "one model, lexical-1"},
		{name: "lexical of too few", settings: embed.Settings{Kind: "lexical", Dimensions: 3}, want: "64 to 8192"},
		{name: "lexical elsewhere", settings: embed.Settings{Kind: "lexical", Place: at}, want: "asks nobody"},
		{name: "lexical with a key", settings: embed.Settings{Kind: "lexical", Place: remote.Place{Key: key}}, want: "asks nobody"},
		{name: "lexical with a prefix", settings: embed.Settings{Kind: "lexical", Query: "query: "}, want: "has no model"},
		{name: "onnx", settings: embed.Settings{Kind: "onnx", Model: "m", Directory: "testdata/none"}, want: "the embedder onnx: "},
		{name: "onnx elsewhere", settings: embed.Settings{Kind: "onnx", Model: "m", Place: at}, want: "asks nobody"},
		{name: "openai with files", settings: embed.Settings{Kind: "openai", Model: "m", Dimensions: 384, Place: at, Directory: "/srv"}, want: "is asked over HTTP"},
		{name: "gemini with files", settings: embed.Settings{Kind: "gemini", Model: "m", Dimensions: 384, Place: at, Digest: "sha256:0"}, want: "is asked over HTTP"},
		{name: "openai", settings: embed.Settings{Kind: "openai", Model: "m", Dimensions: 384, Place: at}, model: docs.Model{Kind: "openai", Name: "m", Dimensions: 384}},
		{name: "openai nowhere", settings: embed.Settings{Kind: "openai", Model: "m", Dimensions: 384}, want: "the embedder openai: the URL must be absolute"},
		{name: "openai of unknown dimensions", settings: embed.Settings{Kind: "openai", Model: "m", Place: at}, want: "the embedder openai: the model's dimensions are required"},
		{name: "gemini", settings: embed.Settings{Kind: "gemini", Model: "m", Dimensions: 768, Place: at}, model: docs.Model{Kind: "gemini", Name: "m", Dimensions: 768}},
		{name: "gemini of no model", settings: embed.Settings{Kind: "gemini", Dimensions: 768, Place: at}, want: "the embedder gemini: a model is required"},
		{name: "gemini with openai's", settings: embed.Settings{Kind: "gemini", Model: "m", Dimensions: 768, SendDimensions: true, Place: at}, want: "always asked"},
		{name: "none", want: `no embedder ""`},
		{name: "another", settings: embed.Settings{Kind: "word2vec"}, want: `no embedder "word2vec"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := embed.New(tc.settings)
			if tc.want != "" {
				if err == nil || e != nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v, %v", e, err)
				}
				return
			}
			if err != nil || e.Model() != tc.model {
				t.Fatal(err, e)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEmbeddersAreHeldToTheirModels(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data": [{"index": 0, "embedding": [0.6, 0.8, 0]}], "embedding": {"values": [0.6, 0.8, 0]}}`)
	}))
	t.Cleanup(srv.Close)
	word := docs.Texts{All: []string{"word"}}
	for _, kind := range []string{"openai", "gemini"} {
		for dimensions, fits := range map[int]bool{3: true, 2: false, 384: false, 8192: false} {
			e, err := embed.New(embed.Settings{Kind: kind, Model: "m", Dimensions: dimensions, Place: remote.Place{URL: srv.URL, Dial: new(net.Dialer).DialContext, Key: key}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = docs.Embed(t.Context(), e, word)
			var mismatch *docs.MismatchError
			if fits != (err == nil) || !fits && (!errors.As(err, &mismatch) || !strings.Contains(mismatch.There, "vectors of 3")) {
				t.Errorf("%s of %d dimensions: %v", kind, dimensions, err)
			}
			_ = e.Close()
		}
	}
	e, err := embed.New(embed.Settings{Kind: "gemini", Model: "m", Dimensions: 3, Place: remote.Place{URL: srv.URL, Dial: new(net.Dialer).DialContext}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := docs.Embed(t.Context(), e, word); !errors.Is(err, docs.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if e, err = embed.New(embed.Settings{Kind: "lexical"}); err == nil {
		_, err = docs.Embed(t.Context(), e, word)
	}
	if err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := docs.Embed(ctx, e, word); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Both files are downloaded once, and are what New reads.
func TestFetch(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		_, _ = io.WriteString(w, "not a model: "+r.URL.Path)
	}))
	t.Cleanup(srv.Close)
	file := func(path string) remote.File {
		return remote.File{
			Place:  remote.Place{URL: srv.URL + path, Dial: new(net.Dialer).DialContext},
			Digest: fmt.Sprintf("%x", sha256.Sum256([]byte("not a model: "+path))),
		}
	}
	dir := t.TempDir()
	for _, first := range []bool{true, false} {
		if fetched, err := embed.Fetch(t.Context(), dir, embed.Files{Model: file("/m"), Words: file("/w")}); err != nil || fetched != first || asked != 2 {
			t.Errorf("fetched %v, %v; asked %d times", fetched, err, asked)
		}
	}
	if fetched, err := embed.Fetch(t.Context(), dir, embed.Files{Model: file("/other"), Words: file("/w")}); err == nil || fetched || asked != 2 {
		t.Errorf("in place of another: %v, %v", fetched, err)
	}
	if _, err := embed.New(embed.Settings{Kind: "onnx", Model: "m", Directory: dir}); err == nil || !strings.Contains(err.Error(), "tokenizer.json: it is no tokenizer.json") {
		t.Errorf("of what was downloaded: %v", err)
	}
}
