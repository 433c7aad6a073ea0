package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
)

// The files in the data directory.
const (
	incidentsFileName = "incidents.json"
	incidentsLockName = "incidents.lock"
)

const (
	incidentsVersion = 1
	// maxIncidentsOpening is the size in bytes above which nothing is opened or suspended
	// any more; 2,000 usual incidents are 10 MB.
	maxIncidentsOpening = 64 << 20
	// maxIncidentsFile is what a file is read up to. What ends something is kept whatever
	// the size, or it could not be ended: maxUnclosed incidents whose notes (maxNotes, two
	// texts each) and releases (maxContainments) are all of maxNote bytes, each escaped in
	// JSON, in base64, add 1.5 GB.
	maxIncidentsFile = 2 << 30
)

// incidentsContent is the content of incidents.json: who and what they are about is
// under seal.
type incidentsContent struct {
	stamp
	Version   int              `json:"version"`
	Incidents []incidentOnDisk `json:"incidents"`
}

type incidentOnDisk struct {
	ID     string `json:"id"`
	Sealed []byte `json:"sealed"`
}

// incidentsFile keeps the list in incidents.json: replaced whole, by one at a time, as
// revoked.json is.
type incidentsFile struct {
	path, lock string
	lineage    *lineage
	opening    int // bytes, above which nothing is opened
	seals      incidentSeals
	info       fs.FileInfo // of what was read last; nil: look inside, whatever it looks like
	seen       bool        // there was a file, so that there must be one
	known      map[string]sealedIncident
	generation uint64 // of what was read last
}

// OpenFileIncidents opens the list in the data directory, which is made with 0700
// when missing. Other processes may add to it. key is 32 random bytes: who or what an
// incident is about is sealed with it; nil makes a ledger for it alone. A file that cannot be read is an error here;
// later it refuses everything until it can be read again.
func OpenFileIncidents(dir string, key [32]byte, ledger *Ledger, log *slog.Logger) (*Incidents, error) {
	return openFileIncidents(dir, key, maxIncidentsOpening, ledger, log)
}

func openFileIncidents(dir string, key [32]byte, opening int, ledger *Ledger, log *slog.Logger) (*Incidents, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	seals, err := newIncidentSeals(key, incidentSealing)
	if err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	f := &incidentsFile{path: filepath.Join(dir, incidentsFileName), lock: filepath.Join(dir, incidentsLockName), opening: opening, seals: seals}
	if f.lineage, err = newLineage(dir, KeptIncidents, key[:], ledger); err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	if err := f.prepare(dir); err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	return openIncidents(context.Background(), &Incidents{from: f, blind: seals.blind, strict: true, log: log}, lookFileEvery)
}

// prepare makes the directory, and removes what a crash left.
func (f *incidentsFile) prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := lockFile(f.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	durable.Drop(dir, incidentsFileName)
	return nil
}

func (f *incidentsFile) read(_ context.Context, have incidentList) (incidentList, error) {
	info, err := os.Stat(f.path)
	switch {
	case err == nil && same(f.info, info) && f.info.Mode() == info.Mode():
		return have, nil
	case errors.Is(err, fs.ErrNotExist) && !f.seen && f.lineage.least() == 0:
		return have, nil // there was no incident yet
	}
	f.info = nil
	list, info, err := f.content()
	if err != nil {
		return nil, err
	}
	f.info, f.seen = info, true
	return list, nil
}

// add edits the file under the lock.
func (f *incidentsFile) add(_ context.Context, one *Incident) error {
	lock, err := lockFile(f.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	list, _, err := f.content()
	if errors.Is(err, fs.ErrNotExist) && !f.seen {
		list, err = incidentList{}, nil
	}
	if err != nil {
		return err
	}
	list[one.ID] = one
	if have, ok := f.known[one.ID]; ok {
		both, more := have.says.merge(one, f.seals.blind)
		if !more {
			return nil
		}
		list[one.ID] = both
	}
	return f.write(list, one.ID)
}

// edit changes one incident of the file under the lock.
func (f *incidentsFile) edit(_ context.Context, id string, do func(*Incident) bool) error {
	lock, err := lockFile(f.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	list, _, err := f.content()
	if err != nil {
		return err
	}
	have, ok := list[id]
	if !ok {
		return nil // it was left out meanwhile
	}
	list[id] = have.copied()
	if !do(list[id]) {
		return nil
	}
	if err := list[id].check(); err != nil {
		return err
	}
	return f.write(list, id)
}

// write replaces the file, without what is kept no longer. One incident is another
// than the one that is known. Its caller has the lock.
func (f *incidentsFile) write(list incidentList, changed string) (err error) {
	begins := list[changed].opens(f.known[changed].says)
	list.prune(time.Now())
	c := incidentsContent{stamp: stamp{MAC: noMAC, Generation: f.generation + 1}, Version: incidentsVersion}
	for _, id := range slices.Sorted(maps.Keys(list)) {
		sealed := f.known[id].sealed
		if id == changed {
			if sealed, err = f.seals.seal(list[id]); err != nil {
				return err
			}
		}
		c.Incidents = append(c.Incidents, incidentOnDisk{ID: id, Sealed: sealed})
	}
	content, err := json.Marshal(c, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if len(content) >= f.opening && begins {
		return fmt.Errorf("%s would be larger than %d bytes: close incidents; releases, notes and closing are still kept", f.path, f.opening)
	}
	return f.lineage.write(append(content, '\n'), c.Generation)
}

// content reads, opens and checks incidents.json. A missing file is fs.ErrNotExist.
func (f *incidentsFile) content() (incidentList, fs.FileInfo, error) {
	least := f.lineage.least()
	content, info, err := readPrivate(f.path, maxIncidentsFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = cmp.Or(f.lineage.absent(least), err)
	}
	if err != nil {
		return nil, nil, err
	}
	var c incidentsContent
	if err := json.Unmarshal(content, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if c.Version != incidentsVersion {
		return nil, nil, fmt.Errorf("%s: version %d, this program knows version %d", f.path, c.Version, incidentsVersion)
	}
	if len(c.Incidents) > maxIncidents {
		return nil, nil, fmt.Errorf("%s: more than %d incidents", f.path, maxIncidents)
	}
	list, known := make(incidentList, len(c.Incidents)), make(map[string]sealedIncident, len(c.Incidents))
	for _, one := range c.Incidents {
		k, met := f.known[one.ID]
		if !met || !bytes.Equal(k.sealed, one.Sealed) {
			if k, err = f.seals.open(one.ID, one.Sealed); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", f.path, err)
			}
		}
		if _, doubled := list[one.ID]; doubled {
			return nil, nil, fmt.Errorf("%s: incident %.64q is doubled", f.path, one.ID)
		}
		list[one.ID], known[one.ID] = k.says, k
	}
	if err := f.lineage.admit(content, c.stamp, least); err != nil {
		return nil, nil, err
	}
	f.known, f.generation = known, c.Generation
	return list, info, nil
}
