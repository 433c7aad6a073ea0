package onnx_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/onnx"
	"doorward/internal/docs/embed/onnx/onnxtest"
)

var _ docs.Embedder = (*onnx.Embedder)(nil)

// directory has a model's files.
func directory(t testing.TB, model []byte) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "model.onnx"), model)
	write(t, filepath.Join(dir, "tokenizer.json"), tokenizer(t))
	return dir
}

func write(t testing.TB, path string, b []byte) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func made(t testing.TB, s onnx.Settings) *onnx.Embedder {
	e, err := onnx.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Texts become the mean of their tokens' states, at length 1: computed once more, plainly.
func TestEmbed(t *testing.T) {
	small := tiny()
	long := onnxtest.NewBERT(onnxtest.Size{Layers: 1, Hidden: 8, Heads: 2, Inner: 8, Words: 80, Positions: 256}, 7)
	many := strings.Repeat("the keys ", 300)
	for _, tc := range []struct {
		name     string
		model    *onnxtest.BERT
		settings onnx.Settings
		query    bool
		text, as string
	}{
		{name: "a passage", text: "Rotate the keys of the GATEWAY!", as: "rotate the keys of the gateway!"},
		{name: "nothing"},
		{name: "cut", model: long, text: many, as: many},
		{name: "a question with a prefix", settings: onnx.Settings{Query: "call: ", Passage: "key: "}, query: true, text: "the gate", as: "call: the gate"},
		{name: "a passage with a prefix", settings: onnx.Settings{Query: "call: ", Passage: "key: "}, text: "the gate", as: "key: the gate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := tc.model
			if b == nil {
				b = small
			}
			tc.settings.Model, tc.settings.Directory = "tiny", directory(t, b.Bytes())
			e := made(t, tc.settings)
			v, err := docs.Embed(t.Context(), e, docs.Texts{All: []string{"another one", tc.text}, Query: tc.query})
			if err != nil {
				t.Fatal(err)
			}
			want, length := make([]float64, b.Hidden), 0.0
			for _, row := range states(b, tokens(t, tc.as, 256)) {
				for i, x := range row {
					want[i] += x
				}
			}
			for _, x := range want {
				length += x * x
			}
			for i, x := range v[1] {
				if math.Abs(float64(x)-want[i]/math.Sqrt(length)) > 1e-5 {
					t.Fatalf("%v at %d, want %v", x, i, want[i]/math.Sqrt(length))
				}
			}
		})
	}
}

// The model's name says what made the vectors: other files, lengths or prefixes are another.
func TestModel(t *testing.T) {
	dir := directory(t, tiny().Bytes())
	names := map[string]string{}
	for what, s := range map[string]onnx.Settings{
		"as it is": {Directory: dir}, "prefixed": {Directory: dir, Query: "q"}, "prefixed the other way": {Directory: dir, Passage: "q"},
		"others": {Directory: directory(t, onnxtest.NewBERT(tiny().Size, 8).Bytes())},
	} {
		s.Model = "all-MiniLM-L6-v2"
		e := made(t, s)
		m := e.Model()
		if m.Kind != "onnx" || m.Dimensions != 32 || !strings.HasPrefix(m.Name, "all-MiniLM-L6-v2 ") || e.Most() < 1 {
			t.Errorf("%s: %v", what, m)
		}
		if other, twice := names[m.Name]; twice {
			t.Errorf("%s and %s are both %s", what, other, m.Name)
		}
		names[m.Name] = what
	}
	if e := made(t, onnx.Settings{Model: "all-MiniLM-L6-v2", Directory: dir, Dimensions: 32}); names[e.Model().Name] != "as it is" {
		t.Errorf("the same model is %s", e.Model().Name)
	}
}

func TestOtherDimensions(t *testing.T) {
	e := made(t, onnx.Settings{Model: "tiny", Directory: directory(t, tiny().Bytes()), Dimensions: 384})
	_, err := e.Embed(t.Context(), docs.Texts{All: []string{"key"}})
	var mismatch *docs.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Here != "the configuration says 384" || !strings.Contains(mismatch.There, "vectors of 32") {
		t.Error(err)
	}
}

func TestManyAtATime(t *testing.T) {
	e := made(t, onnx.Settings{Model: "tiny", Directory: directory(t, tiny().Bytes())})
	texts := docs.Texts{All: []string{"the keys", "of the gateway", "rotate"}}
	want, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if got, err := e.Embed(t.Context(), texts); err != nil || !cmp.Equal(got, want) {
				t.Errorf("other vectors: %v", err)
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(ctx, texts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestWrongModels(t *testing.T) {
	model := tiny().Bytes()
	good := directory(t, model)
	with := func(name string, b []byte) string {
		dir := directory(t, model)
		write(t, filepath.Join(dir, name), b)
		return dir
	}
	below := directory(t, model)
	write(t, filepath.Join(below, "onnx", "model.onnx"), model)
	if err := os.Remove(filepath.Join(below, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	var other onnxtest.Model
	other.Input("pixel_values", onnxtest.Float, 4)
	other.Named("last_hidden_state", "Identity", []string{"pixel_values"})
	other.Output("last_hidden_state", onnxtest.Float, 4)
	var ids onnxtest.Model
	ids.Input("input_ids", onnxtest.Int64, 2)
	ids.Named("last_hidden_state", "Identity", []string{"input_ids"})
	ids.Output("last_hidden_state", onnxtest.Int64, 2)
	sum := fmt.Sprintf("%x", sha256.Sum256(model))
	for _, tc := range []struct {
		name     string
		settings onnx.Settings
		want     string // empty: it is one
	}{
		{"below onnx", onnx.Settings{Directory: below}, ""},
		{"of the digest", onnx.Settings{Directory: good, Digest: sum}, ""},
		{"of the digest in capitals", onnx.Settings{Directory: good, Digest: "sha256:" + strings.ToUpper(sum)}, ""},
		{"of the mean", onnx.Settings{Directory: with("1_Pooling/config.json", []byte(`{"word_embedding_dimension": 32, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}`))}, ""},
		{"of another digest", onnx.Settings{Directory: good, Digest: strings.Repeat("0", 64)}, "has the digest " + sum},
		{"of a digest that is none", onnx.Settings{Directory: good, Digest: "abc"}, "64 hexadecimal digits"},
		{"of no directory", onnx.Settings{}, "the directory with the model's files is required"},
		{"of an empty directory", onnx.Settings{Directory: t.TempDir()}, "there is no model.onnx"},
		{"without a tokenizer", onnx.Settings{Directory: func() string { dir := t.TempDir(); write(t, filepath.Join(dir, "model.onnx"), model); return dir }()}, "tokenizer.json"},
		{"of another pooling", onnx.Settings{Directory: with("1_Pooling/config.json", []byte(`{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}`))}, "are not the mean"},
		{"of two poolings", onnx.Settings{Directory: with("1_Pooling/config.json", []byte(`{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}`))}, "are not the mean"},
		{"of no pooling", onnx.Settings{Directory: with("1_Pooling/config.json", []byte(`<html>`))}, "are not the mean"},
		{"of a directory for a file", onnx.Settings{Directory: with("1_Pooling/config.json/x", nil)}, "no regular file"},
		{"cut off", onnx.Settings{Directory: directory(t, model[:len(model)/2])}, "is cut off"},
		{"of another tokenizer", onnx.Settings{Directory: with("tokenizer.json", []byte("{}"))}, "tokenizer.json: its model is"},
		{"of pictures", onnx.Settings{Directory: directory(t, other.Bytes(14))}, `wants the input "pixel_values"`},
		{"that makes no vectors", onnx.Settings{Directory: directory(t, ids.Bytes(14))}, "not a vector of each"},
		{"of too many dimensions", onnx.Settings{Directory: good, Dimensions: 8193}, "1 to 8192"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.settings.Model = "m"
			_, err := onnx.New(tc.settings)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "the embedder onnx: ")) {
				t.Error(err)
			}
		})
	}
	if _, err := onnx.New(onnx.Settings{Directory: good}); err == nil || !strings.Contains(err.Error(), "needs a name") {
		t.Errorf("without a name: %v", err)
	}
}
