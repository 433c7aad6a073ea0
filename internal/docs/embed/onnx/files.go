package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// Names of a model's files, as sentence-transformers and Hugging Face have them.
const (
	NameModel   = "model.onnx"
	NameWords   = "tokenizer.json"
	namePooling = "1_Pooling/config.json" // may be missing
)

// Bounds of the files, in bytes.
const (
	MaxModel   = 1 << 30
	MaxWords   = 32 << 20
	maxPooling = 64 << 10
)

// files are a model's.
type files struct{ model, tokenizer []byte }

// read reads a model's files from a directory.
func read(directory, digest string) (*files, error) {
	if directory == "" {
		return nil, errors.New("the directory with the model's files is required")
	}
	f := new(files)
	var err error
	if f.model, err = readFile(filepath.Join(directory, NameModel), MaxModel); errors.Is(err, fs.ErrNotExist) {
		f.model, err = readFile(filepath.Join(directory, "onnx", NameModel), MaxModel)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is no %s in %s, nor in onnx there: %w", NameModel, directory, fs.ErrNotExist)
		}
	}
	if err != nil {
		return nil, err
	}
	if digest != "" {
		want, err := digestOf(digest)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(f.model); hex.EncodeToString(sum[:]) != want {
			return nil, fmt.Errorf("%s in %s has the digest %x, and %s is configured", NameModel, directory, sum, want)
		}
	}
	if f.tokenizer, err = readFile(filepath.Join(directory, NameWords), MaxWords); err != nil {
		return nil, err
	}
	return f, pooling(filepath.Join(directory, namePooling))
}

// pooling refuses a model that says that its vectors are not the mean of its tokens'.
func pooling(path string) error {
	b, err := readFile(path, maxPooling)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var says struct {
		Mean bool `json:"pooling_mode_mean_tokens"`
	}
	if json.Unmarshal(b, &says) != nil || !says.Mean {
		return fmt.Errorf("%s: the model's vectors are not the mean of its tokens', and no others are made", path)
	}
	return nil
}

// readFile reads a regular file of at most so many bytes.
func readFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened: a pipe would wait for a writer
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return b, nil
}
