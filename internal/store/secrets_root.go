package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"doorward/internal/durable"
	"doorward/internal/envelope"
)

// secretsRootName is the root key that Doorward makes itself, in the data directory.
const secretsRootName = "secrets.root"

// SecretsRoot is where the root key of secrets is.
type SecretsRoot interface {
	// Now is the key as it is; with fresh one may be made, for nothing is sealed yet.
	Now(fresh bool) (Wrapper, error)
	// Replace calls rewrap with what opens under the old key and seals under the new
	// one, and then lets go of the old one.
	Replace(rewrap func(Wrapper) error) error
}

// ownRoot is a key that Doorward makes and keeps beside the secrets: a copy of the
// secrets alone opens nothing.
type ownRoot struct{ path string }

// OwnSecretsRoot is the root key in the data directory, secrets.root.
func OwnSecretsRoot(dir string) SecretsRoot { return ownRoot{filepath.Join(dir, secretsRootName)} }

// Now implements SecretsRoot.
func (o ownRoot) Now(fresh bool) (Wrapper, error) { return o.read(fresh) }

func (o ownRoot) read(fresh bool) (envelope.Root, error) {
	text, _, err := readPrivate(o.path, 2*envelope.KeySize)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		root := envelope.NewRoot()
		return root, durable.Replace(o.path, root.Bytes())
	case errors.Is(err, fs.ErrNotExist):
		return envelope.Root{}, fmt.Errorf("%s is gone, and %s is sealed under it: restore it, or remove that file and set every secret again", o.path, secretsName)
	case err != nil:
		return envelope.Root{}, fmt.Errorf("reading the root key of secrets: %w", err)
	}
	root, err := envelope.ParseRoot(text)
	if err != nil {
		return root, fmt.Errorf("reading %s: %w", o.path, err)
	}
	return root, nil
}

// Replace implements SecretsRoot.
func (o ownRoot) Replace(rewrap func(Wrapper) error) error {
	root, err := o.read(true)
	if err != nil {
		return err
	}
	root = root.Changed()
	if err := durable.Replace(o.path, root.Bytes()); err != nil {
		return err
	}
	if err := rewrap(root); err != nil {
		return err
	}
	return durable.Replace(o.path, root.Settled().Bytes())
}

// givenRoot is a key from outside: text says what it is now.
type givenRoot struct{ text func() (string, error) }

// GivenSecretsRoot is a root key that somebody else keeps: 32 bytes in base64, and while
// it is replaced the old one after it and a space. Replace seals under the first.
func GivenSecretsRoot(read func() (string, error)) SecretsRoot { return givenRoot{read} }

// Now implements SecretsRoot.
func (g givenRoot) Now(bool) (Wrapper, error) { return g.read() }

func (g givenRoot) read() (envelope.Root, error) {
	text, err := g.text()
	if err != nil {
		return envelope.Root{}, fmt.Errorf("reading the root key of secrets: %w", err)
	}
	root, err := parseGiven(text)
	if err != nil {
		return root, fmt.Errorf("reading the root key of secrets: %w", err)
	}
	return root, nil
}

// Replace implements SecretsRoot.
func (g givenRoot) Replace(rewrap func(Wrapper) error) error {
	root, err := g.read()
	if err != nil {
		return err
	}
	if !root.Changing() {
		return errors.New("the root key of secrets is one key, and there is no other to seal them under: write the new one before it, and a space")
	}
	return rewrap(root)
}

// parseGiven reads one key, or the new one and the old. Its errors quote neither.
func parseGiven(text string) (envelope.Root, error) {
	var keys [][]byte
	for field := range strings.FieldsSeq(text) {
		key, err := base64.StdEncoding.Strict().DecodeString(field)
		if err != nil || len(key) != envelope.KeySize {
			return envelope.Root{}, fmt.Errorf("a key is %d bytes in base64", envelope.KeySize)
		}
		keys = append([][]byte{key}, keys...) // envelope has the old one first
	}
	if len(keys) < 1 || len(keys) > 2 {
		return envelope.Root{}, errors.New("one key is asked for, or the new one and the old one")
	}
	text = ""
	for _, key := range keys {
		text += string(key)
	}
	return envelope.ParseRoot([]byte(text))
}
