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
)

// root seals the keys of subjects.
type root struct {
	path      string
	index     []byte // key of the blind indexes: it stays when the root changes
	now, next []byte
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
	text, err := os.ReadFile(path)
	if err != nil {
		return root{}, fmt.Errorf("reading the root key: %w", err)
	}
	if len(text) != 2*keySize && len(text) != 3*keySize {
		return root{}, fmt.Errorf("%s holds no root key", path)
	}
	r := root{path: path, index: text[:keySize], now: text[keySize : 2*keySize]}
	if len(text) == 3*keySize {
		r.next = text[2*keySize:]
	}
	return r, nil
}

// prepare makes the next root and keeps it beside the present one.
func (r *root) prepare() error {
	next := make([]byte, keySize)
	_, _ = rand.Read(next) // never fails (crypto/rand)
	if err := durable.Replace(r.path, bytes.Join([][]byte{r.index, r.now, next}, nil)); err != nil {
		return err
	}
	r.next = next
	return nil
}

func (r *root) finish() error {
	if err := durable.Replace(r.path, bytes.Join([][]byte{r.index, r.next}, nil)); err != nil {
		return err
	}
	r.now, r.next = r.next, nil
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
	for _, k := range [][]byte{r.now, r.next} {
		if k == nil {
			continue
		}
		aead, err := gcm(k)
		if err != nil {
			return nil, err
		}
		if key, err := aead.Open(nil, nil, e.wrapped[:], e.bound()); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("it was sealed under another root key")
}

func (e *keyEntry) bound() []byte { return append(append([]byte(nil), e.who[:]...), e.id[:]...) }

// wrap seals a key under a root key.
func (e *keyEntry) wrap(with, key []byte) error {
	aead, err := gcm(with)
	if err != nil {
		return err
	}
	copy(e.wrapped[:], aead.Seal(nil, nil, key, e.bound())) //nolint:gosec // G407: this cipher makes its own nonce
	return nil
}
