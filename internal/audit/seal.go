package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
)

// What is sealed: the key's id, the salt of the key that sealed it, and what
// AES-256-GCM made with a random nonce: nonce, ciphertext, tag.
const (
	keyIDSize = 4
	saltSize  = 16
	sealInfo  = "doorward audit arguments 1"
	keyIDInfo = "doorward audit key id"
	// maxSeals is how often one salt's key seals. Random nonces allow 2^32
	// (NIST SP 800-38D §8.3), which a busy gateway would reach with one key.
	maxSeals = 1 << 24
)

// vault holds the installation's key, and gives it to nobody.
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

// aead is the cipher of one salt (HKDF-SHA256, RFC 5869).
func (v *vault) aead(salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, v.key, salt, sealInfo, keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of arguments: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sealing arguments: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// open is what seal sealed for the same exchange with the same key.
func (v *vault) open(exchange string, sealed []byte) ([]byte, error) {
	switch {
	case len(sealed) < keyIDSize+saltSize:
		return nil, ErrTampered
	case [keyIDSize]byte(sealed) != v.id:
		return nil, ErrOtherKey
	}
	sealed = sealed[keyIDSize:]
	aead, err := v.aead(sealed[:saltSize])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[saltSize:], []byte(exchange))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// sealer seals for one entry: with a salt of its own, so that no two share a key
// or a counter.
type sealer struct {
	vault *vault
	salt  [saltSize]byte
	aead  cipher.AEAD
	left  int // how often it still seals with this salt
	bound []byte
	out   []byte
}

// seal binds what it seals to the exchange. The result is valid until the next
// call.
func (s *sealer) seal(exchange string, plain []byte) ([]byte, error) {
	if s.left == 0 {
		_, _ = rand.Read(s.salt[:]) // never fails (crypto/rand)
		aead, err := s.vault.aead(s.salt[:])
		if err != nil {
			return nil, err
		}
		s.aead, s.left = aead, maxSeals
	}
	s.left--
	s.bound = append(s.bound[:0], exchange...)
	s.out = append(append(s.out[:0], s.vault.id[:]...), s.salt[:]...)
	s.out = s.aead.Seal(s.out, nil, plain, s.bound) //nolint:gosec // G407: this cipher makes its own nonce
	return s.out, nil
}
