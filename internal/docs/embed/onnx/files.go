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
	"strings"

	"github.com/go-json-experiment/json"
)

// Names of a model's files, as sentence-transformers and Hugging Face have them.
const (
	NameModel   = "model.onnx" // in the directory, or in its subdirectory onnx
	NameWords   = "tokenizer.json"
	NamePooling = "1_Pooling/config.json" // may be missing
)

// Bounds of the files, in bytes.
const (
	MaxModel   = 1 << 30
	MaxWords   = 32 << 20
	MaxPooling = 64 << 10
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
	at := ModelIn(directory)
	if f.model, err = readFile(at, MaxModel); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no %s in %s, nor in onnx there: %w", NameModel, directory, fs.ErrNotExist)
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
	return f, CheckPooling(directory)
}

// ModelIn is where a directory has its model: in onnx, as the hubs have it, where it is there
// and not in the directory itself.
func ModelIn(directory string) string {
	at, below := filepath.Join(directory, NameModel), filepath.Join(directory, "onnx", NameModel)
	if _, err := os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(below); err == nil {
			return below
		}
	}
	return at
}

// CheckPooling refuses a model whose files say that its vectors are not the mean of its
// tokens' alone: others may be joined to it.
func CheckPooling(directory string) error {
	path := filepath.Join(directory, NamePooling)
	b, err := readFile(path, MaxPooling)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	const mode, mean = "pooling_mode_", "pooling_mode_mean_tokens"
	var says map[string]any
	if json.Unmarshal(b, &says) != nil {
		says = nil
	}
	is := says[mean] == true
	for key, value := range says {
		is = is && (value != true || key == mean || !strings.HasPrefix(key, mode))
	}
	if !is {
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
