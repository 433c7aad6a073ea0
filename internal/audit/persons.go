package audit

import (
	"errors"
	"strings"
	"time"
)

// Person is who one key is of: the same subject of the same realm and tenant.
type Person struct {
	Realm   string `json:"realm"` // who vouched for the subject: an issuer's URL, or one of gate's Realm constants
	Tenant  string `json:"tenant,omitempty"`
	Subject string `json:"subject"`
}

// Is tells whether a key of the keyring is that of a person.
func (k *Keyring) Is(id SubjectID, p Person) bool {
	e, ok := k.keys[id]
	return ok && e.who == k.root.blind(p.Realm, p.Tenant, p.Subject)
}

// Named tells whether a key is of somebody with this subject.
func (k *Keyring) Named(id SubjectID, subject string) bool {
	e, ok := k.keys[id]
	return ok && e.name == k.root.blind(subject)
}

// Made is when a key was made, in whole seconds; zero for one that is not there.
func (k *Keyring) Made(id SubjectID) time.Time {
	e, ok := k.keys[id]
	if !ok {
		return time.Time{}
	}
	return time.Unix(e.made, 0)
}

// Whose is the person that a record's key is of, as far as the record says it; realms
// are those that are tried where it does not. The record is revealed first. ok is
// false where it does not say it, or its key is gone.
func (k *Keyring) Whose(r *Record, realms []string) (p Person, ok bool) {
	err := k.Reveal(r)
	if err != nil && !errors.Is(err, ErrErased) || r.Principal.Subject == "" {
		return Person{}, false
	}
	p = Person{Tenant: r.Principal.Tenant, Subject: r.Principal.Subject}
	if realm, err := r.Principal.Realm(); err == nil {
		realms = append([]string{realm}, realms...)
	}
	for _, p.Realm = range realms {
		if r.Key == (SubjectID{}) || k.Is(r.Key, p) {
			return p, true
		}
	}
	return Person{}, false
}

// Erased is the key that a tombstone names; ok is false for every other record.
func (r *Record) Erased() (id SubjectID, ok bool) {
	if r.Event != eventErase {
		return SubjectID{}, false
	}
	word, _, _ := strings.Cut(r.Detail, " ")
	id, err := ParseSubjectID(word)
	return id, err == nil
}
