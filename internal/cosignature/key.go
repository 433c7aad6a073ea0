package cosignature

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// algorithm begins the key material of a witness (C2SP tlog-cosignature, "Format").
const algorithm = 0x04

const maxName = 255 // bytes of a witness's name

// Key is a witness's public key. It implements note.Verifier, and verifies nothing in
// its zero value.
type Key struct {
	name   string
	id     uint32
	public ed25519.PublicKey
}

// ParseKey reads a key as C2SP signed-note writes verifier keys: name+id+base64. The
// id must be that of the name and the key, so that a slip of the pen is found.
func ParseKey(text string) (*Key, error) {
	name, rest, _ := strings.Cut(text, "+")
	id, material, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(material)
	switch {
	case !goodName(name), len(id) != 8, err != nil, len(raw) < 1:
		return nil, errors.New("a witness's key is written name+id+base64, such as witness.example.com+1a2b3c4d+BAYE…")
	case raw[0] == 0x01:
		return nil, errors.New("it is a key that signs notes, and not one that cosigns checkpoints: ask the witness for the other")
	case raw[0] != algorithm || len(raw) != 1+ed25519.PublicKeySize:
		return nil, errors.New("it is of no kind that is known here: cosignature/v1 of Ed25519 is")
	}
	k := &Key{name: name, id: keyID(name, raw), public: raw[1:]}
	if fmt.Sprintf("%08x", k.id) != id {
		return nil, errors.New("its id is not that of the name and the key: copy it anew")
	}
	return k, nil
}

func goodName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}

func keyID(name string, material []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), material...))
	return binary.BigEndian.Uint32(sum[:])
}

// Name implements note.Verifier.
func (k *Key) Name() string { return k.name }

// KeyHash implements note.Verifier.
func (k *Key) KeyHash() uint32 { return k.id }

// stamp is the length of the time that begins a signature.
const stamp = 8

// Verify implements note.Verifier: whether sig is this witness's cosignature of the
// text of a checkpoint.
func (k *Key) Verify(text, sig []byte) bool {
	if len(k.public) != ed25519.PublicKeySize || len(sig) != stamp+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if at > math.MaxInt64 {
		return false
	}
	signed := append([]byte("cosignature/v1\ntime "+strconv.FormatUint(at, 10)+"\n"), text...)
	return ed25519.Verify(k.public, signed, sig[stamp:])
}

// Time is when a signature was made, by its base64 as a note has it: the key's id,
// then the time. It must have been verified.
func Time(sig string) time.Time {
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil || len(raw) < 4+stamp {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[4:])&math.MaxInt64), 0).UTC()
}
