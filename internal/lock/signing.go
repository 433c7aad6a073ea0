package lock

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"doorward/internal/gate"
)

// Signing is who is believed about a lock file. The zero value believes whoever
// can write it.
type Signing struct {
	Key     ed25519.PrivateKey  // signs what this process writes; nil: it writes nothing that others must believe
	Signers []ed25519.PublicKey // whose signatures count; none: files need not be signed
	Kept    string              // data_dir/lock.sequence, the newest file that was believed; empty keeps nothing
}

// asks tells whether files must be signed.
func (s *Signing) asks() bool { return len(s.Signers) > 0 }

// Code is why a lock file is not believed.
type Code string

// The codes; docs/reference/lock-file.md has them.
const (
	Unsigned   Code = "lock.unsigned"    // nobody signed it
	Foreign    Code = "lock.foreign"     // somebody signed it whose key is not among trust.signers
	Edited     Code = "lock.edited"      // its content is not what was signed
	RolledBack Code = "lock.rolled_back" // it is older than one that was believed here
	Forked     Code = "lock.forked"      // it has the number of another one that was believed here
	Gone       Code = "lock.gone"        // one was believed here, and there is none
	Keyless    Code = "lock.keyless"     // this process has no key to sign the change with
)

// Untrusted says that a lock file is not believed, or may not be written.
type Untrusted struct {
	Code Code
	Why  string
}

// Error implements error.
func (u *Untrusted) Error() string { return string(u.Code) + ": " + u.Why }

// signature is who vouches for a lock, and how.
type signature struct {
	by    ed25519.PublicKey
	value []byte
}

// signed is the text that a signature is about: the file's content without it,
// after a label that nothing else is signed under.
func (l *Lock) signed() []byte { return append([]byte("doorward.lock\n"), l.unsigned().Bytes()...) }

// unsigned is the lock without its signature.
func (l *Lock) unsigned() *Lock { return &Lock{pins: l.pins, sequence: l.sequence} }

// sum identifies the content of a lock, whatever its signature.
func (l *Lock) sum() gate.Digest { return sha256.Sum256(l.unsigned().Bytes()) }

// sign gives a lock the number and the signature under which it is written.
func (l *Lock) sign(key ed25519.PrivateKey, after uint64) {
	public, _ := key.Public().(ed25519.PublicKey) // it is no other
	l.sequence = after + 1
	l.signature = &signature{by: public, value: ed25519.Sign(key, l.signed())}
}

// check tells why a lock is not to be believed after the one that is kept; nil
// where it is.
func (s *Signing) check(l *Lock, there bool, after kept) error {
	switch {
	case !s.asks():
		return nil
	case !there && after.sequence == 0:
		return nil
	case !there:
		return &Untrusted{Gone, fmt.Sprintf("number %d was in force here, and now there is no lock file: restore it", after.sequence)}
	case l.signature == nil:
		return &Untrusted{Unsigned, "nobody has signed it: review it, then doorward trust sign"}
	case !slices.ContainsFunc(s.Signers, func(k ed25519.PublicKey) bool { return k.Equal(l.signature.by) }):
		return &Untrusted{Foreign, "it is signed with " + SignerText(l.signature.by) + ", which is not among trust.signers"}
	case !ed25519.Verify(l.signature.by, l.signed(), l.signature.value):
		return &Untrusted{Edited, "it is not what was signed: restore it from Git, or review it, then doorward trust sign"}
	case l.sequence < after.sequence:
		return &Untrusted{RolledBack, fmt.Sprintf("it is number %d, and number %d was in force here: restore the newer one, or review it, then doorward trust sign", l.sequence, after.sequence)}
	case l.sequence == after.sequence && l.sum() != after.sum:
		return &Untrusted{Forked, fmt.Sprintf("another file with number %d was in force here: merge the two, then doorward trust sign", l.sequence)}
	}
	return nil
}

// may tells why a lock may not be changed and written; nil where it may. Where it
// is signed, a change without a signature would make it worthless elsewhere.
func (s *Signing) may(l *Lock) error {
	if s.Key == nil && (s.asks() || l.signature != nil) {
		return &Untrusted{Keyless, "the lock file is signed, and this gateway has no key to sign a change with (trust.signing): decide where the key is"}
	}
	return nil
}

// Verify reads a lock file as Open does, and changes nothing. The error is an
// *Untrusted where the file is well-formed and not to be believed.
func Verify(path string, s Signing) (*Lock, error) {
	after, err := s.kept()
	if err != nil {
		return nil, err
	}
	l, file, err := load(path)
	if err != nil {
		return nil, err
	}
	return l, s.check(l, file != fingerprint{}, after)
}

// Sign signs the lock file as it is, whatever it was before, with the next
// number, and says which that is. Whoever calls it has reviewed the file.
func Sign(path string, s Signing) (uint64, error) {
	if s.Key == nil {
		return 0, &Untrusted{Keyless, "there is no key to sign with: name its file in trust.signing"}
	}
	after, err := s.kept()
	if err != nil {
		return 0, err
	}
	l, file, err := load(path)
	if err != nil {
		return 0, err
	}
	if file == (fingerprint{}) {
		return 0, fmt.Errorf("there is no lock file at %s", path)
	}
	l.sign(s.Key, max(l.sequence, after.sequence))
	if err := l.Save(path); err != nil {
		return 0, err
	}
	return l.sequence, s.keep(l)
}

// SignerText is a public key as trust.signers and lock files have it: base64 of
// its SubjectPublicKeyInfo, the one line of what `openssl pkey -pubout` prints.
func SignerText(key ed25519.PublicKey) string {
	return base64.StdEncoding.EncodeToString(append(bytes.Clone(spki), key...))
}

// spki is what RFC 8410, section 4, puts before an Ed25519 public key.
//
//nolint:gochecknoglobals // a constant of bytes; read-only
var spki = []byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}

// ParseSigner reads what SignerText writes.
func ParseSigner(text string) (ed25519.PublicKey, error) {
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	key, ours := bytes.CutPrefix(der, spki)
	if err != nil || !ours || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("not an Ed25519 public key: want the line that doorward trust keygen or openssl pkey -pubout prints")
	}
	return ed25519.PublicKey(key), nil
}
