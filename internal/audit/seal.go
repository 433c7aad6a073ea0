package audit

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
)

// What formats 4 and 5 sealed: the key's id, the salt of the key that sealed it, and
// what AES-256-GCM made with a random nonce.
const (
	keyIDSize = 4
	sealInfo  = "doorward audit arguments 1"
	keyIDInfo = "doorward audit key id"
)

// vault opens the arguments that formats 4 and 5 sealed with the installation's
// key.
type vault struct {
	key []byte
	id  [keyIDSize]byte // tells another key from a changed record; no secret
}

func newVault(key []byte) *vault {
	v := &vault{key: key}
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, keyIDInfo)
	copy(v.id[:], mac.Sum(nil))
	return v
}

func (v *vault) open(exchange string, sealed []byte) ([]byte, error) {
	switch {
	case len(sealed) < keyIDSize+saltSize:
		return nil, ErrTampered
	case [keyIDSize]byte(sealed) != v.id:
		return nil, ErrOtherKey
	}
	sealed = sealed[keyIDSize:]
	key, err := hkdf.Key(sha256.New, v.key, sealed[:saltSize], sealInfo, keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of arguments: %w", err)
	}
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[saltSize:], []byte(exchange))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}
