package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"doorward/internal/durable"
	"doorward/internal/envelope"
)

// root seals the keys of subjects.
type root struct {
	path  string
	index []byte // key of the blind indexes: it stays when the root changes
	keys  envelope.Root
}

// makeRoot makes the root key of a log that has no keys yet.
func makeRoot(path string) (root, error) {
	text := make([]byte, 2*keySize)
	_, _ = rand.Read(text) // never fails (crypto/rand)
	if err := durable.Replace(path, text); err != nil {
		return root{}, fmt.Errorf("making the root key: %w", err)
	}
	return readRoot(path)
}

// readRoot reads the root key: the key of the blind indexes and the root, and while
// it changes the next one, 32 bytes each.
func readRoot(path string) (root, error) {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return root{}, fmt.Errorf("reading the root key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 3*keySize+1))
	if err != nil {
		return root{}, fmt.Errorf("reading the root key: %w", err)
	}
	if len(text) < keySize {
		return root{}, fmt.Errorf("%s holds no root key", path)
	}
	keys, err := envelope.ParseRoot(text[keySize:])
	if err != nil {
		return root{}, fmt.Errorf("%s holds no root key: %w", path, err)
	}
	return root{path: path, index: text[:keySize], keys: keys}, nil
}

// prepare makes the next root and keeps it beside the present one.
func (r *root) prepare() error { return r.keep(r.keys.Changed()) }

func (r *root) finish() error { return r.keep(r.keys.Settled()) }

// keep writes the root before anything relies on it.
func (r *root) keep(keys envelope.Root) error {
	if err := durable.Replace(r.path, bytes.Join([][]byte{r.index, keys.Bytes()}, nil)); err != nil {
		return err
	}
	r.keys = keys
	return nil
}

// blind is the keyed index of texts. Each is preceded by its length, so that no two
// lists are alike.
func (r *root) blind(texts ...string) (out [blindSize]byte) {
	mac := hmac.New(sha256.New, r.index)
	for _, text := range texts {
		_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		_, _ = io.WriteString(mac, text)
	}
	copy(out[:], mac.Sum(nil))
	return out
}

// unwrap opens an entry's key with either root.
func (r *root) unwrap(e *keyEntry) ([]byte, error) {
	key, err := r.keys.Unwrap(e.wrapped[:], e.bound())
	if err != nil {
		return nil, errors.New("it was sealed under another root key")
	}
	return key, nil
}

func (e *keyEntry) bound() []byte { return append(append([]byte(nil), e.who[:]...), e.id[:]...) }

// wrap seals a key under the newest root key.
func (e *keyEntry) wrap(with envelope.Root, key []byte) error {
	sealed, err := with.Wrap(key, e.bound())
	copy(e.wrapped[:], sealed)
	return err
}
