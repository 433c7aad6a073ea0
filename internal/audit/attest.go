package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// What a log attests. What is signed begins with "doorward", this and a version, so that
// none passes for another: of evidence an operator brings the digest, of an export the
// gateway makes it. No checkpoint and no certificate begins so: those begin with the
// log's name, and with "doorward audit key".
const (
	OfEvidence = "evidence"
	OfExport   = "privacy export"
)

// Attest signs a SHA-256 with the key that signs checkpoints: a note whose lines are, of
// evidence, "doorward evidence 1", the log's name, and "sha256" with the digest in hex.
func (l *Log) Attest(what string, digest [32]byte) (text, public string, err error) {
	l.marking.Lock() // the key may be replaced
	defer l.marking.Unlock()
	signed, err := note.Sign(&note.Note{Text: attested(what, l.origin, digest)}, l.signer)
	if err != nil {
		return "", "", fmt.Errorf("attesting: %w", err)
	}
	return string(signed), l.signer.public, nil
}

// Signer is the public key that signs checkpoints now, as the note package has it.
func (l *Log) Signer() string {
	l.marking.Lock()
	defer l.marking.Unlock()
	return l.signer.public
}

func attested(what, origin string, digest [32]byte) string {
	return "doorward " + what + " 1\n" + origin + "\nsha256 " + hex.EncodeToString(digest[:]) + "\n"
}

// Attested reads what Attest wrote about a digest: the log's name, and which of the
// keys signed it. It is an error when it is about something else, or none of them did.
func Attested(text, what string, digest [32]byte, keys []note.Verifier) (origin string, by []note.Signature, err error) {
	n, err := note.Open([]byte(text), note.VerifierList(keys...))
	if err != nil {
		return "", nil, fmt.Errorf("none of the keys signed it: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	const whole = 4
	if len(lines) != whole || n.Text != attested(what, lines[1], digest) {
		return "", nil, errors.New("what was signed is something else")
	}
	return lines[1], n.Sigs, nil
}
