package audit

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/cosignature"
	"doorward/internal/durable"
)

// cosignedName is the newest checkpoint that enough witnesses have cosigned. Who asks
// them writes it.
const cosignedName = "cosigned"

// WriteCosigned keeps a checkpoint with its cosignatures beside the log.
func WriteCosigned(dir, text string) error {
	c, err := ParseCheckpoint(text)
	if err == nil {
		err = durable.Replace(filepath.Join(dir, cosignedName), []byte(c.Text()))
	}
	if err != nil {
		return fmt.Errorf("keeping a cosigned checkpoint: %w", err)
	}
	return nil
}

// Witnessed is what a witness has seen of a log.
type Witnessed struct {
	By      string    // its name
	Records uint64    // from the first on; 0: no checkpoint has its cosignature
	At      time.Time // when it cosigned that
}

// attend takes the witnesses that the caller named.
func (v *verifier) attend(witnesses []*cosignature.Key) error {
	for i, w := range witnesses {
		if slices.ContainsFunc(witnesses[:i], func(other *cosignature.Key) bool { return same(w, other) }) {
			return fmt.Errorf("the key of witness %s is named twice", w.Name())
		}
		v.report.Witnessed = append(v.report.Witnessed, Witnessed{By: w.Name()})
	}
	return nil
}

// collect takes up the checkpoints beside the log and those of the caller.
func (v *verifier) collect(dir string) *Fault {
	for _, name := range []string{checkpointName, cosignedName} {
		c, err := ReadCheckpoint(filepath.Join(dir, name))
		switch {
		case err == nil:
			v.marks = append(v.marks, mark{Checkpoint: c, must: len(v.opt.Keys) > 0})
		case !isNotExist(err):
			return &Fault{Segment: name, What: err.Error()}
		}
	}
	for _, c := range v.opt.Checkpoints {
		v.marks = append(v.marks, mark{Checkpoint: c, given: true})
	}
	return nil
}

// maxOrigins bounds the names that Verify remembers of one log.
const maxOrigins = 1024

// called takes note of a name of the log. It may get another one, and then goes on.
func (v *verifier) called(origin string) {
	if v.report.Origin == "" {
		v.report.Origin = strings.Clone(origin)
	}
	if !slices.Contains(v.origins, origin) && len(v.origins) < maxOrigins {
		v.origins = append(v.origins, strings.Clone(origin))
	}
}

// foreign tells of a checkpoint that the caller has brought and whose name no record so
// far says: a file of many may be of several logs.
func (v *verifier) foreign(c *mark) bool {
	return c.given && c.Root != "" && !slices.Contains(v.origins, c.Origin)
}

// meet holds the log, as far as it was read, against a checkpoint of so many records.
func (v *verifier) meet(c *mark) error {
	switch {
	case c.Size == 0:
		return nil
	case c.Root == "" && v.unchained:
		return fmt.Errorf("a checkpoint from before format 6 ends with record %d, which was pruned: nothing can be held against it", c.Size)
	}
	if c.Size != v.report.Records || c.Root != "" && c.Root != headText(v.tree.root()) || c.Root == "" && c.Head != headText(v.head) {
		if v.foreign(c) {
			v.others = append(v.others, *c) // until the whole log was read: the record with its name may have been pruned
			return nil
		}
		return &pastError{c.Checkpoint}
	}
	if err := v.ring.signed(*c); err != nil {
		return err
	}
	v.report.Proven = c.Size
	if c.given {
		v.report.Elsewhere = c.Size
	}
	for i, w := range v.opt.Witnesses {
		for _, s := range c.SignedBy([]note.Verifier{w}) {
			if at := cosignature.Time(s.Base64); v.timely(at) {
				v.report.Witnessed[i].Records, v.report.Witnessed[i].At = c.Size, at
			}
		}
	}
	return nil
}

// clockAway is how far the clock of a witness may be from ours, and from that of the log.
const clockAway = 24 * time.Hour

// timely tells whether a cosignature of the log, as far as it was read, can be of that time:
// not before its newest record, and not in the future. Another shows nothing.
func (v *verifier) timely(at time.Time) bool {
	return !at.Before(v.report.Last.Add(-clockAway)) && !at.After(time.Now().Add(clockAway))
}

// contradicted says which checkpoint the whole log contradicts: one that is longer, or
// one that seemed to be another log's.
func (v *verifier) contradicted() string {
	for i := range v.others {
		if c := &v.others[i]; !v.foreign(c) {
			return (&pastError{c.Checkpoint}).Error()
		}
		v.report.Others++
	}
	for i := range v.marks {
		if c := &v.marks[i]; v.foreign(c) {
			v.report.Others++
		} else if c.Size > v.report.Records {
			return fmt.Sprintf("the tail was cut: a checkpoint has %d records, the log has %d", c.Size, v.report.Records)
		}
	}
	return ""
}

// unproven says what the checkpoints do not show although the caller asked for it.
func (v *verifier) unproven() string {
	if n := len(v.opt.Checkpoints); n > 0 && v.report.Others == n {
		return "none of the checkpoints is of this log, which is called " + v.report.Origin
	}
	witnessed := func(w Witnessed) bool { return w.Records > 0 }
	if len(v.opt.Witnesses) > 0 && !slices.ContainsFunc(v.report.Witnessed, witnessed) {
		return "no checkpoint of the log has the cosignature of one of the witnesses"
	}
	return ""
}
