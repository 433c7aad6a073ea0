package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Format is the version of bundles.
const Format = 1

// The names in a bundle that its manifest does not list: the manifest and what signs
// it.
const (
	manifestName  = "manifest.json"
	signatureName = "manifest.note"
)

// Manifest lists what is in a bundle. What is signed is the SHA-256 of its bytes.
type Manifest struct {
	Format   int    `json:"format"`
	Incident string `json:"incident"` // empty: it is about a framework
	// Framework is what evidence for an audit is about.
	Framework string    `json:"framework,omitempty"`
	Created   time.Time `json:"created"`
	Version   string    `json:"version"` // of Doorward
	Opened    bool      `json:"opened"`  // it holds what was sealed
	Cut       bool      `json:"cut"`     // there are more records than it holds
	Since     time.Time `json:"since"`   // the time that was looked at
	Until     time.Time `json:"until"`
	Logs      []Log     `json:"logs"`
	Files     []File    `json:"files"` // sorted by name
}

// Log is a log that records come from.
type Log struct {
	Name    string `json:"name"`    // of its directory; its files are records/NAME.jsonl, proofs/NAME.jsonl and checkpoints/NAME
	Records int    `json:"records"` // in the bundle
	Proven  int    `json:"proven"`  // of those, the first so many have a proof
}

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func fileOf(name string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// text is the manifest's form in a bundle.
func (m *Manifest) text() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// parseManifest reads what text wrote, byte for byte.
func parseManifest(text []byte) (*Manifest, error) {
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: bytes after the end", manifestName)
	}
	if m.Format != Format {
		return nil, fmt.Errorf("%s: format %d, this program knows format %d", manifestName, m.Format, Format)
	}
	again, err := m.text()
	if err != nil || !bytes.Equal(again, text) {
		return nil, fmt.Errorf("%s is not in its canonical form", manifestName)
	}
	for i := range m.Files {
		f := &m.Files[i]
		if !goodName(f.Name) || f.Name == manifestName || f.Name == signatureName || i > 0 && m.Files[i-1].Name >= f.Name {
			return nil, fmt.Errorf("%s: the files are not sorted, or one has a name that no file of a bundle has", manifestName)
		}
	}
	return &m, nil
}
