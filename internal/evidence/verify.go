package evidence

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/audit"
)

// Verified is what a bundle shows.
type Verified struct {
	OK       bool     `json:"ok"`
	Fault    string   `json:"fault,omitempty"` // the first thing that is wrong
	Incident string   `json:"incident"`
	Origin   string   `json:"origin"` // the log that vouches for it
	Files    int      `json:"files"`
	Records  int      `json:"records"`
	Proven   int      `json:"proven"`    // in the log that its checkpoint names
	SignedBy []string `json:"signed_by"` // the keys whose signature over the manifest was checked
	// Elsewhere are logs whose checkpoint none of the keys signed: processes beside the
	// gateway have keys of their own. The manifest vouches for those.
	Elsewhere []string `json:"elsewhere,omitempty"`
	Manifest  Manifest `json:"-"`
}

// Verify checks everything in a bundle by these keys, without a log: that each file is
// the one that the manifest names and there is no other, that one of the keys signed
// the manifest, that each record with a proof is in the log of its checkpoint, that what
// was opened is of those records, and that one of the keys signed the checkpoint of the
// log that vouches.
func (b *Bundle) Verify(keys []note.Verifier) Verified {
	v := Verified{SignedBy: []string{}}
	if err := b.verify(&v, keys); err != nil {
		v.Fault = err.Error()
		return v
	}
	v.OK = true
	return v
}

func (b *Bundle) verify(v *Verified, keys []note.Verifier) error {
	if len(keys) == 0 {
		return errors.New("without a key nobody vouches for it: name the log's public key")
	}
	text := b.files[manifestName]
	m, err := parseManifest(text)
	if err != nil {
		return err
	}
	v.Manifest, v.Incident, v.Files = *m, m.Incident, len(m.Files)
	if err := b.whole(m); err != nil {
		return err
	}
	origin, by, err := audit.Attested(string(b.files[signatureName]), audit.OfEvidence, sha256.Sum256(text), keys)
	if err != nil {
		return fmt.Errorf("%s: %w", signatureName, err)
	}
	v.Origin = origin
	for _, s := range by {
		v.SignedBy = append(v.SignedBy, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	for i := range m.Logs {
		l := &m.Logs[i]
		at, err := b.proven(l)
		if err != nil {
			return fmt.Errorf("log %s: %w", l.Name, err)
		}
		if err := b.openedAs(l, m.Opened); err != nil {
			return fmt.Errorf("log %s: %w", l.Name, err)
		}
		v.Records += l.Records
		v.Proven += l.Proven
		switch {
		case len(at.SignedBy(keys)) > 0:
		case at.Origin == origin:
			return fmt.Errorf("log %s: none of the keys signed its checkpoint", l.Name)
		default:
			v.Elsewhere = append(v.Elsewhere, l.Name)
		}
	}
	return nil
}

// whole holds the files against the manifest.
func (b *Bundle) whole(m *Manifest) error {
	const own = 2 // the manifest and its signature
	if len(b.files) != len(m.Files)+own {
		return fmt.Errorf("it has %d files, the manifest names %d", len(b.files)-own, len(m.Files))
	}
	for _, f := range m.Files {
		content, ok := b.files[f.Name]
		if !ok {
			return fmt.Errorf("%s is missing", f.Name)
		}
		if fileOf(f.Name, content) != f {
			return fmt.Errorf("%s is not what it was", f.Name)
		}
	}
	return nil
}
