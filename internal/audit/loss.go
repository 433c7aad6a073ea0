package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/gate"
)

// Lost is something that a log needs beside its records. Without it the log would go on,
// and sign or seal, as if nothing had been there.
type Lost string

// What may be lost.
const (
	LostCheckpoint Lost = "checkpoint" // DIR/checkpoint is gone, is none, is older than it was, or another key signed it
	LostSigner     Lost = "signer"     // the key that signs checkpoints
	LostArguments  Lost = "arguments"  // the installation's key, of what is kept of arguments
	LostPersons    Lost = "persons"    // keys of people whom records name
)

// Losses are all of them.
func Losses() []Lost { return []Lost{LostCheckpoint, LostSigner, LostArguments, LostPersons} }

// EventLoss says that somebody accepted that something is lost: its detail begins with
// what.
const EventLoss = "audit.accept_loss"

// Acceptance is an operator's word that a log goes on without something.
type Acceptance struct {
	What          []Lost
	Actor, Reason string
}

// LostError refuses a log of which something is lost.
type LostError struct {
	What Lost
	Why  string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%s: put it back, or keep the directory as evidence, and when it is moved away, a new log begins; "+
		"to go on without it, and have that on record: doorward audit accept-loss %s --reason TEXT", e.Why, e.What)
}

// lost is nil where an operator has accepted that something is lost, which is on record
// before the log goes on; else it is an error.
func (l *Log) lost(what Lost, format string, args ...any) error {
	a := l.cfg.Accept
	if a == nil || !slices.Contains(a.What, what) {
		return &LostError{What: what, Why: fmt.Sprintf(format, args...)}
	}
	if !slices.Contains(l.accepted, what) {
		l.accepted = append(l.accepted, what)
	}
	return nil
}

// Accepted is what was lost, and the log goes on without.
func (l *Log) Accepted() []Lost { return slices.Clone(l.accepted) }

// admit puts on record what was accepted.
func (l *Log) admit() error {
	for _, what := range l.accepted {
		a := l.cfg.Accept
		e := gate.Event{Kind: EventLoss, Actor: a.Actor, Detail: string(what) + " " + a.Reason, Status: "ok"}
		if err := l.own(context.Background(), e); err != nil {
			return err
		}
	}
	l.made = nil
	return nil
}

// unmake takes away keys that were made in place of lost ones when the log is refused
// before that is on record: the next start would find them, and nothing lost.
func (l *Log) unmake() error {
	var errs []error
	for _, path := range l.made {
		if err := os.Remove(path); err != nil && !isNotExist(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// begun tells whether a log has anything of a past: a segment with something in it, or
// hashes of records. Its keys were there before any of that.
func begun(dir string) (bool, error) {
	all, err := segments(dir)
	if err != nil {
		return false, err
	}
	names := []string{treeName, checkpointName}
	for _, n := range all {
		names = append(names, segmentName(n))
	}
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err == nil && info.Size() > 0 {
			return true, nil
		}
		if err != nil && !isNotExist(err) {
			return false, err
		}
	}
	return false, nil
}

// maxUncovered bounds the records of a log that a crash may have left without a checkpoint:
// a start writes at most five before it makes one, and so does each that dies there.
const maxUncovered = 64

// uncovered tells whether a log is one that never came to its first checkpoint: nothing but
// what a start writes by itself is in it, and its tree has no more.
func uncovered(dir string) (bool, error) {
	all, err := segments(dir)
	if err != nil || len(all) > 1 {
		return false, err
	}
	count := int64(0)
	for _, n := range all {
		own, err := ownRecords(dir, n)
		if err != nil || own < 0 {
			return false, err
		}
		count += own
	}
	info, err := os.Lstat(filepath.Join(dir, treeName))
	switch {
	case isNotExist(err):
		return true, nil
	case err != nil:
		return false, err
	}
	return info.Size()/tlog.HashSize <= tlog.StoredHashCount(count), nil
}

// ownRecords counts the records of a segment that starts have written by themselves; -1
// when there is any other, or are more than maxUncovered.
func ownRecords(dir string, n int) (count int64, err error) {
	s, err := openScanner(dir, n, 0)
	if err != nil {
		return 0, err
	}
	defer s.file.Close()
	var d decoder
	var r Record
	for {
		line, g, err := s.step()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errPartial):
			return count, nil
		case err != nil, g != nil, count == maxUncovered, d.decode(line, &r) != nil:
			return -1, nil //nolint:nilerr // whatever it is, no start wrote it
		}
		if r.Kind != KindStart && (r.Kind != KindEvent || !strings.HasPrefix(r.Event, "audit.")) {
			return -1, nil
		}
		count++
	}
}

// signedBefore tells whether any start of a log named a key that signs its checkpoints:
// formats before 6 had none.
func signedBefore(dir string) (bool, error) {
	all, err := segments(dir)
	if err != nil {
		return false, err
	}
	for _, n := range all {
		s, err := openScanner(dir, n, 0)
		if err != nil {
			return false, err
		}
		for {
			line, err := s.next()
			if err != nil {
				break // its end, or what resume tells of
			}
			if bytes.Contains(line, []byte(`"signer":"`)) {
				s.file.Close()
				return true, nil
			}
		}
		s.file.Close()
	}
	return false, nil
}

// believe reads the checkpoint beside the log. It is what the log is held against before
// this process signs anything, so it must be there, and signed with the log's own key or,
// where a replacement was begun, with the next one. unsigned says that the log never had
// one that was signed.
func (l *Log) believe(pending string, unsigned bool) (err error) {
	path := filepath.Join(l.cfg.Dir, checkpointName)
	l.saved, err = ReadCheckpoint(path)
	gone := isNotExist(err)
	switch {
	case gone && unsigned:
		return nil
	case gone:
		if ok, err := uncovered(l.cfg.Dir); err != nil || ok {
			return err
		}
		return l.lost(LostCheckpoint, "%s is gone, and nothing shows that the records are those that were written", path)
	case err != nil:
		l.saved = Checkpoint{}
		return l.lost(LostCheckpoint, "%v", err)
	case l.signer.made: // of a format that had no key, or whose loss was accepted
		return nil
	}
	keys, err := l.signer.with(pending)
	if err != nil {
		return err
	}
	if len(l.saved.SignedBy(keys)) == 0 {
		return l.lost(LostCheckpoint, "%s is not signed with the key in %s", path, l.signer.path)
	}
	return nil
}

// with are the keys that may have signed the checkpoint: the present one and, where a
// replacement was begun, the next.
func (s signer) with(pending string) (keys []note.Verifier, err error) {
	public := []string{s.public}
	if _, private, ok := strings.Cut(pending, " "); ok {
		next, err := publicOf(private)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
		public = append(public, next)
	}
	for _, p := range public {
		v, err := note.NewVerifier(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
		keys = append(keys, v)
	}
	return keys, nil
}
