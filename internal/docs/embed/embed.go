// Package embed makes the embedder that a configuration asks for. app and the command line
// call it.
package embed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/lexical"
	"doorward/internal/docs/embed/onnx"
	"doorward/internal/docs/embed/remote"
)

// Settings are one embedder. Those that its kind has no use for must be left empty.
type Settings struct {
	Kind           string       // lexical, openai, gemini or onnx
	Model          string       // openai, gemini; onnx: a name for people; lexical: empty, or its only one
	Dimensions     int          // 0: lexical's own, and those of onnx's model; required of the others
	SendDimensions bool         // openai: the model answers with as many as it is asked for; gemini is always asked
	Query, Passage string       // all but lexical: what the model wants before a question and before a passage
	Place          remote.Place // openai, gemini; URL may be empty for gemini: Google's
	Directory      string       // onnx: where the model's files are
	Digest         string       // onnx: SHA-256 of model.onnx; empty: any is taken
}

// New makes an embedder. Nothing is asked yet.
func New(s Settings) (docs.Embedder, error) {
	switch s.Kind {
	case lexical.Kind:
		if s.Model != "" && s.Model != lexical.Name {
			return nil, fmt.Errorf("the embedder lexical has one model, %s", lexical.Name)
		}
		if err := s.within(true); err != nil {
			return nil, err
		}
		return made(lexical.New(s.Dimensions))
	case onnx.Kind:
		if err := s.within(false); err != nil {
			return nil, err
		}
		return made(onnx.New(onnx.Settings{
			Model: s.Model, Directory: s.Directory, Digest: s.Digest, Dimensions: s.Dimensions, Query: s.Query, Passage: s.Passage,
		}))
	case remote.KindOpenAI:
		if err := s.elsewhere(); err != nil {
			return nil, err
		}
		return made(remote.NewOpenAI(remote.OpenAISettings{
			Place: s.Place, Model: s.Model, Dimensions: s.Dimensions, SendDimensions: s.SendDimensions, Query: s.Query, Passage: s.Passage,
		}))
	case remote.KindGemini:
		if s.SendDimensions {
			return nil, errors.New("the embedder gemini is always asked for its dimensions: send_dimensions is openai's")
		}
		if err := s.elsewhere(); err != nil {
			return nil, err
		}
		return made(remote.NewGemini(remote.GeminiSettings{
			Place: s.Place, Model: s.Model, Dimensions: s.Dimensions, Query: s.Query, Passage: s.Passage,
		}))
	}
	return nil, fmt.Errorf("there is no embedder %q: it is lexical, openai, gemini or onnx", s.Kind)
}

// made is an embedder or an error: a nil pointer in an interface would be neither.
func made[E docs.Embedder](e E, err error) (docs.Embedder, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// within refuses settings that an embedder of this process has no use for; lexical has none
// for a model's files either.
func (s *Settings) within(words bool) error {
	if s.SendDimensions || s.Place.URL != "" || s.Place.Key != nil {
		return fmt.Errorf("the embedder %s asks nobody: it has no URL, credential and send_dimensions", s.Kind)
	}
	if words && (s.Query != "" || s.Passage != "" || s.Directory != "" || s.Digest != "") {
		return fmt.Errorf("the embedder %s has no model: it has no prefixes, directory and digest", s.Kind)
	}
	return nil
}

// elsewhere refuses settings of a model's files.
func (s *Settings) elsewhere() error {
	if s.Directory != "" || s.Digest != "" {
		return fmt.Errorf("the embedder %s is asked over HTTP: it has no directory and digest", s.Kind)
	}
	return nil
}

// Files are those of a model of kind onnx that are downloaded: of each the URL, how it is
// reached and the digest.
type Files struct {
	Model, Words remote.File
	Pooling      *remote.File // nil: the model has none
}

// Fetch downloads the files of a model that are not in its directory yet, each by its digest,
// and tells whether anything was. A model that is there as the hubs have it, in onnx, is there.
// Only an operator's command asks for it.
func Fetch(ctx context.Context, directory string, files Files) (fetched bool, err error) {
	files.Model.Path, files.Model.Most = onnx.ModelIn(directory), onnx.MaxModel
	files.Words.Path, files.Words.Most = filepath.Join(directory, onnx.NameWords), onnx.MaxWords
	all := []remote.File{files.Words, files.Model} // the smaller first: what is wrong with both shows sooner
	if p := files.Pooling; p != nil {
		p.Path, p.Most = filepath.Join(directory, onnx.NamePooling), onnx.MaxPooling
		if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
			return false, err
		}
		all = slices.Insert(all, 0, *p)
	}
	for i, f := range all {
		one, err := remote.Fetch(ctx, f)
		if err == nil && i == 0 {
			err = onnx.CheckPooling(directory) // before a large file comes for nothing
		}
		if err != nil {
			return fetched, err
		}
		fetched = fetched || one
	}
	return fetched, nil
}
