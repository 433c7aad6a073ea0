// Package envelope seals keys and small texts with AES-256-GCM, in two layers: a text
// with a key of its own, and that key under a root key, which can be replaced without
// touching the texts. The audit log calls it for the keys of persons, and the store for
// secrets that an operator gave it.
//
// It keeps nothing, reads no file and writes none: where a root key is, and what is
// sealed under it, is its caller's.
package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// KeySize is the size of a key, in bytes: AES-256.
const KeySize = 32

// Overhead is how much longer a sealed text is: a nonce of 12 bytes before it and a tag
// of 16 after it.
const Overhead = 28

// ErrSealed is the error of what does not open: it was sealed with another key, bound to
// something else, or changed.
var ErrSealed = errors.New("it was sealed with another key, or changed")

// NewKey is a random key.
func NewKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}

// Seal seals a text with a key, bound to what bound says. One key seals at most 2^32
// texts: nonces are random (NIST SP 800-38D, section 8.3).
func Seal(key, text, bound []byte) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, text, bound), nil //nolint:gosec // G407: this cipher makes its own nonce
}

// Open is what Seal sealed with this key and this bound.
func Open(key, sealed, bound []byte) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, sealed, bound)
	if err != nil {
		return nil, ErrSealed
	}
	return text, nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
