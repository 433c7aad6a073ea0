package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"doorward/internal/httpsig"
)

// ErrNoSigning is the refusal of Signer for a key that was made without a signing
// secret.
var ErrNoSigning = errors.New("key was not made for signing")

// sealing is what the key of the seals is derived from the pepper for.
const sealing = "doorward signing secrets v1"

// sealSize is a seal in bytes: AES-GCM's nonce, the secret, the tag.
const sealSize = 12 + sha256.Size + 16

// seal is a signing secret under AES-256-GCM with the key's id as additional
// data: without the pepper it opens nothing, and under another id neither.
type seal [sealSize]byte

// MarshalText writes base64.
func (s seal) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, s[:]), nil
}

// UnmarshalText reads it.
func (s *seal) UnmarshalText(text []byte) error {
	content, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(content) != len(s) {
		return errors.New("signing secret of a wrong form")
	}
	copy(s[:], content)
	return nil
}

// newSealer makes the cipher of the seals that a secret is used for.
func newSealer(secret []byte, use string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, use, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed is the signing secret of a key's text, for the file.
func (k *Keys) sealed(id, text string) *seal {
	secret := httpsig.Secret(text)
	var s seal
	copy(s[:], k.sealer.Seal(nil, nil, secret[:], []byte(id))) //nolint:gosec // G407: the cipher makes a random nonce itself
	return &s
}

// read reads and checks keys.json and opens its seals. One that does not open
// was put there by another than Doorward, so nothing in the file is believed.
func (k *Keys) read() (*keysFile, fs.FileInfo, error) {
	f, info, err := readKeys(k.lineage)
	if err != nil {
		return nil, nil, err
	}
	for i := range f.Keys {
		r := &f.Keys[i]
		if r.Signing == nil {
			continue
		}
		secret, err := k.sealer.Open(nil, nil, r.Signing[:], []byte(r.ID))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: key %d: its signing secret does not open", k.path, i+1)
		}
		r.secret = (*[sha256.Size]byte)(secret)
	}
	return f, info, nil
}

// Signer is the signing secret of the key with this public id. The errors are
// those of Lookup and ErrNoSigning; with each of them the key must be refused.
//
// An id is no proof: nothing may be told or noted of a key before what came with
// its id is verified. So the secret of an expired or revoked key comes with its
// error, that its owner, and nobody else, may hear what became of it; and with
// ErrUnknown and ErrNoSigning comes a secret that nobody has, that verifying takes
// as long as for any other (AUT-45). With ErrUnavailable it is zero. Who has
// verified says so with Used.
func (k *Keys) Signer(id string) (secret [sha256.Size]byte, key Key, err error) {
	now := time.Now()
	s := k.fresh(now)
	if s.err != nil {
		return secret, Key{}, s.err
	}
	e := s.ids[id]
	switch {
	case e == nil:
		return k.decoy, Key{}, ErrUnknown
	case e.secret == nil:
		return k.decoy, Key{}, ErrNoSigning
	}
	return *e.secret, e.Key, e.refusal(now)
}

// Used notes that the key with this id was used now. Lookup does so by itself.
func (k *Keys) Used(id string) {
	if e := k.current.Load().ids[id]; e != nil {
		e.use(time.Now())
	}
}

func (e *entry) use(now time.Time) {
	if sec := now.Unix(); e.used.Load() != sec {
		e.used.Store(sec)
	}
}
