package audit

import (
	"bufio"
	"context"
	"fmt"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// eventErase is the tombstone of a person's key: its id, and the legal basis.
const eventErase = "privacy.erase"

// Erase destroys the keys of a person. What they sealed, here and in every copy of
// the log, is noise from then on; the log still verifies. The tombstone is on record
// first, and is what a restored backup is erased by. gone is how many keys there
// were: an id that is unknown, or erased already, is none.
func (l *Log) Erase(ctx context.Context, ids []SubjectID, basis, actor string) (gone int, err error) {
	for _, id := range ids {
		e := gate.Event{Kind: eventErase, Actor: actor, Detail: id.String() + " " + basis, Status: "ok"}
		if err := l.own(ctx, e); err != nil {
			return 0, err
		}
	}
	// Durable before the keys go: a power cut must not leave a log that gives no
	// reason why they are gone.
	if _, err := l.Checkpoint(ctx); err != nil {
		return 0, err
	}
	gone, err = l.people.erase(ids)
	l.marking.Lock()
	l.tree.said.news = true // the mark is of the keys that were there
	l.marking.Unlock()
	if err != nil {
		return 0, fmt.Errorf("destroying keys of subjects: %w", err)
	}
	return gone, nil
}

// ReplaceRoot takes a new root key and seals every person's key under it. What was
// sealed stays readable; a copy of the keys that somebody kept opens nothing with the
// root that is there then. After a crash the next Open finishes it.
func (l *Log) ReplaceRoot() error {
	if _, err := l.people.erase(nil); err != nil {
		return fmt.Errorf("replacing the key that seals those of persons: %w", err)
	}
	return nil
}

// reerase destroys the keys that a tombstone names and that are there all the same,
// because their file comes from a backup.
func (l *Log) reerase() error {
	dead := l.tree.said.dead
	if len(dead) == 0 {
		return nil
	}
	back, err := l.people.present(dead)
	if err != nil || len(back) == 0 {
		return err
	}
	l.cfg.Log.Warn("keys of erased people came back with a backup and are destroyed again", "keys", len(back))
	_, err = l.people.erase(back)
	l.tree.said.news = true
	return err
}

// ErasedIn are the keys that the tombstones of a copy of a log name. A line that is no
// record is an error: a copy that is not whole could leave somebody out.
func ErasedIn(path string) (keys []string, err error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		rec, err := ParseRecord(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if id, ok := rec.Erased(); ok {
			keys = append(keys, id.String())
		}
	}
	return keys, lines.Err()
}
