package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The form of a key's text: prefix and 256 random bits in base64url, 46 bytes.
// With that much randomness a keyed hash suffices; a slow one only would make
// every call slow.
const (
	Prefix     = "dw_"
	secretSize = 32
	textSize   = len(Prefix) + 43
)

// The form of a key's public id.
const (
	idPrefix   = "k_"
	idAlphabet = "0123456789abcdefghijklmnopqrstuv" // 32, so that a byte's low bits choose without bias
	idSize     = 10
)

// Bounds of what the file may hold.
const (
	maxName  = 64 // runes
	maxRoles = 64
	maxKeys  = 10_000
	maxFile  = 16 << 20
)

// The refusals of Lookup. ErrUnavailable means that no key can be judged.
var (
	ErrUnknown     = errors.New("unknown key")
	ErrExpired     = errors.New("key has expired")
	ErrRevoked     = errors.New("key is revoked")
	ErrUnavailable = errors.New("the keys are unknown")
)

// The faults of the commands.
var (
	ErrNotFound = errors.New("no such live key")
	ErrTaken    = errors.New("a live key has this name already")
)

// Key is what is known about an API key; its text is known to its owner alone.
type Key struct {
	ID          string // public
	Name        string // the principal's subject; unique among the live keys but for a rotation's overlap
	Roles       []string
	Created     time.Time
	Expires     time.Time // zero: never
	Revoked     time.Time // zero: not revoked
	LastUsed    time.Time // at most a minute late; zero: never
	RotatedFrom string    // id of the key that this one replaces
	RotatedTo   string    // id of the key that replaces this one
	Signing     bool      // requests can be signed with it
}

// Live tells whether the key is good at the given time.
func (k *Key) Live(now time.Time) bool { return k.refusal(now) == nil }

func (k *Key) refusal(now time.Time) error {
	switch {
	case !k.Revoked.IsZero():
		return ErrRevoked
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return ErrExpired
	}
	return nil
}

// newText makes a key's text.
func newText() string {
	var secret [secretSize]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	return Prefix + base64.RawURLEncoding.EncodeToString(secret[:])
}

func newID() string {
	var b [idSize]byte
	_, _ = rand.Read(b[:])
	for i := range b {
		b[i] = idAlphabet[b[i]%byte(len(idAlphabet))]
	}
	return idPrefix + string(b[:])
}

// digest is the keyed hash of a key's text.
type digest [sha256.Size]byte

// MarshalText writes lower-case hex.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads it.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return errors.New("hash of a wrong length")
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// checkName refuses names that could be taken for another's or for an id.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a %s must not be empty", what)
	case !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("a %s has at most %d characters", what, maxName)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("a %s has no space around it", what)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("a %s has only printable characters", what)
	case what == "name" && strings.HasPrefix(name, idPrefix):
		return fmt.Errorf("a name does not begin with %q: that is an id", idPrefix)
	}
	return nil
}

func checkRoles(roles []string) ([]string, error) {
	for _, role := range roles {
		if err := checkName("role", role); err != nil {
			return nil, err
		}
	}
	roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	if len(roles) > maxRoles {
		return nil, fmt.Errorf("a key has at most %d roles", maxRoles)
	}
	return roles, nil
}

// IsKeyID tells whether a text has the form of a key's id.
func IsKeyID(text string) bool {
	return strings.HasPrefix(text, idPrefix) && len(text) == len(idPrefix)+idSize
}
