package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// Events about the key that signs checkpoints.
const (
	eventKey         = "audit.key"             // it was replaced by another
	eventCompromised = "audit.key.compromised" // and what it signed proves nothing from then on
)

// signer signs checkpoints with an Ed25519 key. Its file holds the private key in
// the form of the note package, and while the key is being replaced on a second
// line the kind of the event that says so, and the next key.
type signer struct {
	path string
	note.Signer
	public string // as others get it: name+hash+base64
	made   bool   // there was none
}

const maxSigner = 4 << 10

// openSigner reads the key of a log, or makes it. pending is the next key, when a
// replacement was begun and not finished.
func openSigner(path, origin string) (now signer, pending string, err error) {
	text, err := readSigner(path)
	if isNotExist(err) {
		private, err := newSigner(origin)
		if err == nil {
			err = durable.Replace(path, []byte(private+"\n"))
		}
		if err != nil {
			return signer{}, "", fmt.Errorf("making the key that signs checkpoints: %w", err)
		}
		now, err := signerOf(path, private)
		now.made = true
		return now, "", err
	}
	if err != nil {
		return signer{}, "", err
	}
	first, pending, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), "\n")
	now, err = signerOf(path, first)
	return now, pending, err
}

// readSigner reads the file of a signer. A link, a pipe or a device in its place is an error.
func readSigner(path string) ([]byte, error) {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSigner))
}

func newSigner(origin string) (string, error) {
	private, _, err := note.GenerateKey(rand.Reader, origin)
	return private, err
}

// publicOf is the public half of a private key in the form of the note package:
// PRIVATE+KEY+name+hash+base64 of the algorithm and the seed.
func publicOf(private string) (string, error) {
	parts := strings.SplitN(private, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(parts) != 5 || len(seed) != 1+ed25519.SeedSize {
		return "", errors.New("malformed private key")
	}
	public, _ := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}

func signerOf(path, private string) (signer, error) {
	s, err := note.NewSigner(private)
	if err != nil {
		return signer{}, fmt.Errorf("%s holds no key that signs checkpoints", path)
	}
	public, err := publicOf(private)
	if err != nil {
		return signer{}, fmt.Errorf("%s: %w", path, err)
	}
	return signer{path: path, Signer: s, public: public}, nil
}

// sign makes a checkpoint a signed note.
func (s signer) sign(c Checkpoint) (Checkpoint, error) {
	text, err := note.Sign(&note.Note{Text: c.body()}, s)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("signing a checkpoint: %w", err)
	}
	c.Note = string(text)
	return c, nil
}

// certificate is what a record says when a key takes over: the new key, and the old
// one's signature over its name.
func (s signer) certificate(next string) (string, error) {
	sig, err := s.Sign([]byte(certified(next)))
	if err != nil {
		return "", fmt.Errorf("certifying a key: %w", err)
	}
	return next + " " + base64.StdEncoding.EncodeToString(sig), nil
}

// certified is the text that an old key signs for a new one.
func certified(next string) string { return "doorward audit key\n" + next + "\n" }

// certifiedBy reads a certificate: the new key, if the old one signed it.
func certifiedBy(detail string, old note.Verifier) (public string, next note.Verifier, ok bool) {
	public, text, _ := strings.Cut(detail, " ")
	sig, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !old.Verify([]byte(certified(public)), sig) {
		return "", nil, false
	}
	next, err = note.NewVerifier(public)
	return public, next, err == nil
}

// ReplaceKey makes a new key sign checkpoints from now on. The old one certifies
// it on record, and is gone then. compromised marks the old one: what it signs from
// this record on proves nothing.
func (l *Log) ReplaceKey(ctx context.Context, compromised bool) (public string, err error) {
	next, err := newSigner(l.origin)
	if err != nil {
		return "", fmt.Errorf("making the key that signs checkpoints: %w", err)
	}
	l.marking.Lock()
	defer l.marking.Unlock()
	pending := eventKey + " " + next
	if compromised {
		pending = eventCompromised + " " + next
	}
	text, err := readSigner(l.signer.path)
	if err == nil {
		now, _, _ := strings.Cut(string(text), "\n")
		err = durable.Replace(l.signer.path, []byte(now+"\n"+pending+"\n"))
	}
	if err == nil {
		l.points.pass(pointKey)
		err = l.adopt(ctx, pending)
	}
	if err != nil {
		return "", fmt.Errorf("replacing the key that signs checkpoints: %w", err)
	}
	return l.signer.public, l.mark(ctx)
}

// adopt lets the next key take over: first on record and durable, then under the
// checkpoint, then in the file. After a crash in between, Open does it again. It needs
// Log.marking, or to be alone.
func (l *Log) adopt(ctx context.Context, pending string) error {
	kind, private, _ := strings.Cut(pending, " ")
	next, err := signerOf(l.signer.path, private)
	if err != nil {
		return err
	}
	certificate, err := l.signer.certificate(next.public)
	if err != nil {
		return err
	}
	if err := l.own(ctx, gate.Event{Kind: kind, Actor: "doorward", Detail: certificate, Status: "ok"}); err != nil {
		return err
	}
	l.points.pass(pointKey)
	l.mu.Lock()
	s := l.state
	l.mu.Unlock()
	c, err := l.cover(ctx, s) // for its syncs, too: nobody else can certify the next key
	if err == nil {
		c, err = next.sign(Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root})
	}
	if err == nil { // before the file: no start finds a checkpoint that neither of its keys signed
		err = WriteCheckpoint(filepath.Join(l.cfg.Dir, checkpointName), c)
	}
	if err != nil {
		return err
	}
	l.points.pass(pointKey)
	if err := durable.Replace(next.path, []byte(private+"\n")); err != nil {
		return err
	}
	l.points.pass(pointKey)
	l.signer = next
	return nil
}
