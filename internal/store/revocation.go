package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// The kinds of what can be revoked.
const (
	RevokedKey     = "key"     // an API key, by its public id; it has no realm
	RevokedSubject = "subject" // everything of one subject at its issuer, in every tenant
	RevokedToken   = "token"   // one token, by its jti
	RevokedErased  = "erased"  // a subject whose name was forgotten: a keyed hash of it, in hex
)

// Bounds of a revocation and of the list. A subject of OpenID Connect has at most
// 255 characters (Core 1.0, section 2).
const (
	maxRevoked = 100_000
	maxRealm   = 1024 // bytes
	maxValue   = 1024
	maxBy      = 256
)

// errUnnamed is a constant: Check returns it without allocating.
var errUnnamed = errors.New("a revocation names a key by its id alone, or a subject or a token by realm and value")

// Revocation says that something is no longer good, whatever it is signed with.
// It is never taken back: it ends by itself, when what it revokes has expired anyway.
type Revocation struct {
	Kind  string    `json:"kind"`
	Realm string    `json:"realm,omitempty"` // who vouched for it: the URL of the issuer; empty for a key
	Value string    `json:"value"`           // id of the key, subject or jti, byte for byte
	Until time.Time `json:"until,omitzero"`  // zero: for ever
	At    time.Time `json:"at"`
	By    string    `json:"by,omitempty"` // the operator
}

// revokedName is what a revocation is looked up by.
type revokedName struct{ kind, realm, value string }

// revokedList is the list in memory; it never changes once it is published.
type revokedList map[revokedName]*Revocation

func (r *Revocation) name() revokedName { return revokedName{r.Kind, r.Realm, r.Value} }

// named tells whether the three say what is meant. A subject or a jti without the
// one who gave it could be anybody's.
func named(kind, realm, value string) bool {
	switch kind {
	case RevokedKey:
		return realm == "" && value != ""
	case RevokedSubject, RevokedToken, RevokedErased:
		return realm != "" && value != ""
	}
	return false
}

// holds tells whether it is in force.
func (r *Revocation) holds(now time.Time) bool { return r.Until.IsZero() || now.Before(r.Until) }

// outlasts tells whether it is in force at least as long as another.
func (r *Revocation) outlasts(other *Revocation) bool {
	return r.Until.IsZero() || !other.Until.IsZero() && !r.Until.Before(other.Until)
}

func (r *Revocation) check() error {
	switch {
	case !named(r.Kind, r.Realm, r.Value):
		return errUnnamed
	case len(r.Realm) > maxRealm || len(r.Value) > maxValue || len(r.By) > maxBy:
		return fmt.Errorf("a revocation has a realm of at most %d bytes, a value of %d and an operator of %d", maxRealm, maxValue, maxBy)
	case !utf8.ValidString(r.Realm) || !utf8.ValidString(r.Value) || !utf8.ValidString(r.By):
		return errors.New("a revocation is valid UTF-8")
	case r.At.IsZero():
		return errors.New("a revocation has a time")
	}
	return nil
}

// put adds r unless the list has it for as long already. It tells whether it did.
func (l revokedList) put(r *Revocation) bool {
	if have, ok := l[r.name()]; ok && have.outlasts(r) {
		return false
	}
	l[r.name()] = r
	return true
}

// live is what is in force, by kind, realm and value.
func (l revokedList) live(now time.Time) []Revocation {
	var all []Revocation
	for _, r := range l {
		if r.holds(now) {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Realm, b.Realm), cmp.Compare(a.Value, b.Value))
	})
	return all
}
