package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// vouchedFor is the first line of what Vouch signs. No log has such a name, so that no
// such note is a checkpoint, and no checkpoint such a note.
const vouchedFor = "doorward vouches 1"

// Vouch signs the SHA-256 of something that comes out of the log, with the key that
// signs checkpoints. what says in a word what it is, and is signed too.
func (l *Log) Vouch(what string, digest [32]byte) (string, error) {
	l.marking.Lock()
	s := l.signer
	l.marking.Unlock()
	text, err := note.Sign(&note.Note{Text: vouching(what, digest)}, s)
	if err != nil {
		return "", fmt.Errorf("vouching for %s: %w", what, err)
	}
	return string(text), nil
}

func vouching(what string, digest [32]byte) string {
	return vouchedFor + "\n" + strings.ReplaceAll(what, "\n", " ") + "\n" + hex.EncodeToString(digest[:]) + "\n"
}

// Vouched holds a note of Vouch against a public key, as the note package has it: name,
// hash, base64.
func Vouched(text, public, what string, digest [32]byte) error {
	v, err := note.NewVerifier(public)
	if err != nil {
		return fmt.Errorf("key %q: %w", public, err)
	}
	n, err := note.Open([]byte(text), note.VerifierList(v))
	if err != nil {
		return fmt.Errorf("the signature does not hold: %w", err)
	}
	if n.Text != vouching(what, digest) {
		return errors.New("the signature is for something else")
	}
	return nil
}

// Signer is the public key that signs checkpoints now, as the note package has it.
func (l *Log) Signer() string {
	l.marking.Lock()
	defer l.marking.Unlock()
	return l.signer.public
}
