package app_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/app"
	"doorward/internal/config"
)

// poolsByMean is 1_Pooling/config.json of a model that does.
const poolsByMean = `{"word_embedding_dimension": 384, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}`

// TestB3_FetchModel: a model's files come by their digests, once, and where the configuration
// says which they are no others do.
func TestB3_FetchModel(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mean" {
			_, _ = io.WriteString(w, poolsByMean)
			return
		}
		_, _ = io.WriteString(w, "of "+r.URL.Path)
	}))
	t.Cleanup(srv.Close)
	file := func(path string) app.ModelFile {
		return app.ModelFile{URL: srv.URL + path, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("of "+path)))}
	}
	dir := filepath.Join(t.TempDir(), "minilm")
	with := func(embedder string) *config.Config {
		path := filepath.Join(t.TempDir(), "doorward.yaml")
		text := "version: 1\ndata_dir: " + t.TempDir() + "\nupstreams:\n  handbook:\n    builtin: docs\n    embedder: {" + embedder + "}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	onnx := "kind: onnx, model: m, dimensions: 384, directory: " + dir
	empty := with("kind: onnx, model: m, dimensions: 384, directory: " + t.TempDir())
	told := int64(0)
	o := app.ModelOptions{
		Config: with(onnx + ", digest: " + file("/m").Digest), Model: file("/m"), Tokenizer: file("/w"),
		Progress: func(_ string, done, _ int64) { told += done },
	}
	for _, first := range []bool{true, false} {
		at, fetched, err := app.FetchModel(t.Context(), o)
		if err != nil || fetched != first || at != dir || told != int64(len("of /m")+len("of /w")) {
			t.Errorf("fetched %v to %s, %d bytes, %v", fetched, at, told, err)
		}
	}
	for name, want := range map[string]string{"model.onnx": "of /m", "tokenizer.json": "of /w"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	mean := app.ModelFile{URL: srv.URL + "/mean", Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(poolsByMean)))}
	hub := t.TempDir() // as a clone of a hub's repository has it
	if err := os.MkdirAll(filepath.Join(hub, "onnx"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hub, "onnx", "model.onnx"), []byte("of /m"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := o
	whole.Config, whole.Pooling = with("kind: onnx, model: m, dimensions: 384, directory: "+hub), mean
	if _, fetched, err := app.FetchModel(t.Context(), whole); err != nil || !fetched {
		t.Errorf("with what it pools by: fetched %v, %v", fetched, err)
	}
	if got, err := os.ReadFile(filepath.Join(hub, "1_Pooling", "config.json")); err != nil || string(got) != poolsByMean {
		t.Errorf("what it pools by is %q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(hub, "model.onnx")); err == nil {
		t.Error("a model that is in onnx was downloaded beside it")
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "10.0.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "[fd00::1]", "[64:ff9b::a00:1]"} {
		inward := o
		inward.Config, inward.Tokenizer.URL = empty, "https://"+host+"/w"
		if _, fetched, err := app.FetchModel(t.Context(), inward); err == nil || fetched || !strings.Contains(err.Error(), "not public") {
			t.Errorf("https from %s: fetched %v, %v", host, fetched, err)
		}
	}
	for want, change := range map[string]func(o *app.ModelOptions){
		"embedder.digest is sha256:": func(o *app.ModelOptions) { o.Model = file("/other") },
		"take it away":               func(o *app.ModelOptions) { o.Config, o.Model = with(onnx), file("/other") },
		"are not the mean": func(o *app.ModelOptions) {
			o.Config, o.Pooling = with("kind: onnx, model: m, dimensions: 384, directory: "+t.TempDir()), file("/p")
		},
		"kept of it": func(o *app.ModelOptions) {
			o.Config, o.Pooling = with("kind: onnx, model: m, dimensions: 384, directory: "+t.TempDir()), app.ModelFile{URL: mean.URL, Digest: file("/p").Digest}
		},
		"not a digest":        func(o *app.ModelOptions) { o.Tokenizer.Digest = "" },
		"must be https":       func(o *app.ModelOptions) { o.Config, o.Tokenizer.URL = empty, "http://models.example/w" },
		"must be absolute":    func(o *app.ModelOptions) { o.Config, o.Tokenizer.URL = empty, "/w" },
		"for kind onnx alone": func(o *app.ModelOptions) { o.Config = with("kind: lexical") },
	} {
		wrong := o
		change(&wrong)
		if _, fetched, err := app.FetchModel(t.Context(), wrong); err == nil || fetched || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: fetched %v, %v", want, fetched, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "model.onnx")); err != nil || string(got) != "of /m" {
		t.Errorf("afterwards the model is %q, %v", got, err)
	}
}
