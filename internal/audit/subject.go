package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// What a subject's key seals: the salt of the key that sealed it, and what
// AES-256-GCM made with a random nonce: nonce, ciphertext, tag.
const (
	saltSize    = 16
	subjectInfo = "doorward audit subject 1"
	// maxSeals is how often one salt's key seals. Random nonces allow 2^32
	// (NIST SP 800-38D §8.3), which a busy gateway would reach with one key.
	maxSeals = 1 << 24
)

// What is sealed for a record is bound to it and to the field that it is in.
const (
	boundPerson    = "\x00person"
	boundArguments = "\x00arguments"
)

// SubjectID names the key of a data subject in records. It is random: when the key
// is gone, it says nothing about whose it was.
type SubjectID [16]byte

// String is the id as it stands in records, hexadecimal.
func (id SubjectID) String() string { return hex.EncodeToString(id[:]) }

// ParseSubjectID reads what String wrote.
func ParseSubjectID(s string) (id SubjectID, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || copy(id[:], raw) != len(raw) || len(raw) != len(id) {
		return SubjectID{}, fmt.Errorf("%q is no key of a person: it has 32 hexadecimal digits", s)
	}
	return id, nil
}

// subject seals what is on record of one person. It is safe for concurrent use.
type subject struct {
	id  SubjectID
	key []byte

	mu   sync.Mutex
	salt [saltSize]byte
	aead cipher.AEAD
	left int // how often it still seals with this salt
}

// seal appends what it seals to dst.
func (s *subject) seal(dst, plain, bound []byte) ([]byte, error) {
	s.mu.Lock()
	if s.left == 0 {
		_, _ = rand.Read(s.salt[:]) // never fails (crypto/rand)
		aead, err := salted(s.key, s.salt[:])
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		s.aead, s.left = aead, maxSeals
	}
	s.left--
	salt, aead := s.salt, s.aead
	s.mu.Unlock()
	dst = append(dst, salt[:]...)
	return aead.Seal(dst, nil, plain, bound), nil //nolint:gosec // G407: this cipher makes its own nonce
}

// salted is the cipher of one salt (HKDF-SHA256, RFC 5869).
func salted(key, salt []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, salt, subjectInfo, keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of a subject: %w", err)
	}
	return gcm(derived)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// unseal is what seal sealed with this key and this bound.
func unseal(key, sealed, bound []byte) ([]byte, error) {
	if len(sealed) < saltSize {
		return nil, ErrTampered
	}
	aead, err := salted(key, sealed[:saltSize])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[saltSize:], bound)
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}
