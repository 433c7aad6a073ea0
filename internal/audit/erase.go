package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

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
// because their file comes from a backup. It looks at every line of the log once.
func (l *Log) reerase(ctx context.Context) error {
	said, err := ledger(ctx, l.cfg.Dir)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.holds = said.holds
	l.mu.Unlock()
	dead := said.dead
	if len(dead) == 0 {
		return nil
	}
	back, err := l.people.present(dead)
	if err != nil || len(back) == 0 {
		return err
	}
	l.cfg.Log.Warn("keys of erased people came back with a backup and are destroyed again", "keys", len(back))
	_, err = l.people.erase(back)
	return err
}

// standing is what a log says of keys and holds.
type standing struct {
	dead  map[SubjectID]bool // keys that were destroyed
	holds map[string]bool    // legal holds that last, by their ids
}

// ledger reads it from every line of a log.
func ledger(ctx context.Context, dir string) (standing, error) {
	l := standing{map[SubjectID]bool{}, map[string]bool{}}
	all, err := segments(dir)
	if err != nil {
		return l, err
	}
	for _, n := range all {
		s, err := openScanner(dir, n, 0)
		if err != nil {
			return l, err
		}
		err = s.ledger(ctx, &l)
		s.file.Close()
		if err != nil {
			return l, err
		}
	}
	return l, nil
}

func (s *scanner) ledger(ctx context.Context, l *standing) error {
	var d decoder
	var r Record
	for n := uint64(0); ; n++ {
		if err := cancelled(ctx, n); err != nil {
			return err
		}
		line, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !bytes.Contains(line, []byte(`"event":"privacy.`)) || d.decode(line, &r) != nil {
			continue
		}
		switch word, _, _ := strings.Cut(r.Detail, " "); r.Event {
		case eventErase:
			if id, ok := r.Erased(); ok {
				l.dead[id] = true
			}
		case EventHold, EventRelease:
			holding(l.holds, r.Event, r.Status, strings.Clone(word))
		}
	}
}

// holding takes note of what a record says of a hold: its detail begins with the id. One
// with the status failed takes back what the one before it began.
func holding(holds map[string]bool, event, status, id string) {
	if (event == EventHold) != (status == "failed") {
		holds[id] = true
	} else {
		delete(holds, id)
	}
}

// Holds are the legal holds that last by what is on record: their ids.
func (l *Log) Holds() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.holds)
}
