package store

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
)

// stamp is what a list on disk begins with: an HMAC over the whole file, in hex, and how
// often the list was changed. Files of earlier versions have neither.
type stamp struct {
	MAC        string `json:"mac,omitzero"`
	Generation uint64 `json:"generation,omitzero"`
}

// stampBegin stands before the MAC in a file: JSON, indented by two spaces.
const stampBegin = "{\n  \"mac\": \""

// noMAC is in the place of the MAC while it is computed: 32 bytes in hex.
const noMAC = "0000000000000000000000000000000000000000000000000000000000000000"

// StaleError refuses a list that was changed less often than the audit log knows.
type StaleError struct {
	List       Kept
	Path       string
	Has, Least uint64 // generations; Has is 0 where the file is gone, or was never stamped
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%s is older than it was: it was changed %d times, and this is what it was after %d", e.Path, e.Least, e.Has)
}

// lineage holds a list on disk against what is known of its generations.
type lineage struct {
	list   Kept
	path   string
	key    []byte // of the MAC
	ledger *Ledger
}

// newLineage makes one whose key is made of a secret. Without a ledger, what was seen is
// known as long as it lasts.
func newLineage(dir string, list Kept, secret []byte, ledger *Ledger) (*lineage, error) {
	if ledger == nil {
		ledger = NewLedger(nil, nil)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "doorward list "+string(list)+" 1", sha256.Size)
	return &lineage{list: list, path: filepath.Join(dir, string(list)), key: key, ledger: ledger}, err
}

// least is what a file must have that is read from now on.
func (l *lineage) least() uint64 { return l.ledger.Least(l.list) }

// absent is nil where nothing is known to have been written.
func (l *lineage) absent(least uint64) error {
	if least > 0 {
		return &StaleError{List: l.list, Path: l.path, Least: least}
	}
	return nil
}

// admit refuses a file that nobody of ours has written like this, or that is older than
// least, which was known before it was read. s is what it says of itself.
func (l *lineage) admit(content []byte, s stamp, least uint64) error {
	if s != (stamp{}) {
		at := len(stampBegin)
		if !bytes.HasPrefix(content, []byte(stampBegin)) || len(content) < at+len(noMAC) || string(content[at:at+len(noMAC)]) != s.MAC {
			return fmt.Errorf("%s does not begin with its MAC", l.path)
		}
		mac, err := hex.DecodeString(s.MAC)
		if err != nil || !hmac.Equal(mac, l.mac(content)) {
			return fmt.Errorf("%s was changed by somebody else than doorward, or its key is another: put a copy back as doorward wrote it", l.path)
		}
	}
	if s.Generation < least {
		return &StaleError{List: l.list, Path: l.path, Has: s.Generation, Least: least}
	}
	return l.ledger.Saw(l.list, s.Generation)
}

// mac is that of a file, without what stands in the MAC's place.
func (l *lineage) mac(content []byte) []byte {
	at := len(stampBegin)
	mac := hmac.New(sha256.New, l.key)
	mac.Write(content[:at])
	mac.Write([]byte(noMAC))
	mac.Write(content[at+len(noMAC):])
	return mac.Sum(nil)
}

// write replaces the file with a content that was made with noMAC, and puts on record that
// it was.
func (l *lineage) write(content []byte, generation uint64) error {
	copy(content[len(stampBegin):], hex.EncodeToString(l.mac(content)))
	if err := durable.Replace(l.path, content); err != nil {
		return err
	}
	return l.ledger.Saw(l.list, generation)
}

// anyList is a list on disk, whatever is on it.
type anyList struct {
	stamp
	Rest jsontext.Value `json:",embed"`
}

// goOn has the file that is there count as changed once more than is known. Its caller
// holds the list's lock.
func (l *lineage) goOn() error {
	content, _, err := readPrivate(l.path, maxIncidentsFile)
	if err != nil {
		return err
	}
	var f anyList
	if err := json.Unmarshal(content, &f); err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	if err := l.admit(content, f.stamp, 0); err != nil {
		return err
	}
	f.stamp = stamp{MAC: noMAC, Generation: max(l.least(), f.Generation) + 1}
	if content, err = json.Marshal(f, jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	return l.write(append(content, '\n'), f.Generation)
}
