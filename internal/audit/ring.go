package audit

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// Key is a public key that signs a log's checkpoints.
type Key struct {
	Public string // as the note package has it: name+hash+base64
	Since  uint64 // the record that names it
	// Trusted keys were named by the caller of Verify, are certified on record by
	// one that is trusted, or are the log's first when the caller named none. One
	// that is not took over without its predecessor: the private key was lost, or
	// somebody else wrote the log.
	Trusted bool
	// Compromised is the record from which on its signatures prove nothing; 0: none.
	Compromised uint64
}

// maxKeys bounds the keys of one log that Verify remembers.
const maxKeys = 1024

// ring holds the keys that Verify meets.
type ring struct {
	given []string
	// valid may sign: the trusted ones and, when the caller named none, all that the
	// log names.
	valid []note.Verifier
	keys  []Key
	met   bool // a checkpoint that one of the valid signed
}

// trust takes the keys that the caller named.
func (g *ring) trust(given []string) error {
	for _, public := range given {
		v, err := note.NewVerifier(public)
		if err != nil {
			return fmt.Errorf("key %q: %w", public, err)
		}
		g.add(v)
	}
	g.given = given
	return nil
}

// add keeps each key once: note.Open refuses a list with one twice.
func (g *ring) add(v note.Verifier) {
	if !slices.ContainsFunc(g.valid, func(have note.Verifier) bool { return same(have, v) }) {
		g.valid = append(g.valid, v)
	}
}

func same(a, b note.Verifier) bool { return a.Name() == b.Name() && a.KeyHash() == b.KeyHash() }

// learn looks whether a record names a key.
func (g *ring) learn(r *Record) {
	switch {
	case r.Signer != "":
		g.named(r.Signer, r.Seq)
	case r.Event == eventKey, r.Event == eventCompromised:
		g.certified(r)
	}
}

func (g *ring) named(public string, seq uint64) {
	known := slices.ContainsFunc(g.keys, func(k Key) bool { return k.Public == public })
	v, err := note.NewVerifier(public)
	if err != nil || known || len(g.keys) >= maxKeys {
		return
	}
	trusted := slices.Contains(g.given, public)
	if len(g.given) == 0 {
		trusted = len(g.keys) == 0
		g.add(v)
	}
	g.keys = append(g.keys, Key{Public: public, Since: seq, Trusted: trusted})
}

func (g *ring) certified(r *Record) {
	for i, old := range g.valid {
		public, next, ok := certifiedBy(r.Detail, old)
		if !ok || len(g.keys) >= maxKeys {
			continue
		}
		trusted := g.retire(old, r)
		if r.Event == eventCompromised {
			g.valid = slices.Delete(g.valid, i, i+1)
		}
		g.add(next)
		g.keys = append(g.keys, Key{Public: public, Since: r.Seq, Trusted: trusted})
		return
	}
}

// retire marks the key that certified another, and tells whether it is trusted:
// one that the caller named is, whether the log names it or not.
func (g *ring) retire(old note.Verifier, r *Record) (trusted bool) {
	trusted = len(g.given) > 0
	for i := range g.keys {
		k, err := note.NewVerifier(g.keys[i].Public)
		if err != nil || !same(k, old) {
			continue
		}
		trusted = g.keys[i].Trusted
		if r.Event == eventCompromised {
			g.keys[i].Compromised = r.Seq
		}
	}
	return trusted
}

// signed holds a checkpoint's signatures against the keys that the log named up to
// there.
func (g *ring) signed(c mark) error {
	switch {
	case c.Note == "" && c.must:
		return errors.New("the checkpoint beside the log is not signed")
	case c.Note == "":
		return nil
	}
	if len(c.SignedBy(g.valid)) == 0 {
		return fmt.Errorf("no trusted key of this log signed the checkpoint of %d records", c.Size)
	}
	g.met = true
	return nil
}

// vouched tells whether a key signed for any of the log, where the caller named keys:
// a checkpoint that is not there must not be better than one that is forged.
func (g *ring) vouched() bool { return g.met || len(g.given) == 0 }
