package admin

import (
	"encoding/json"
	"time"
)

// Manifest lists what is in a bundle of evidence. What is signed is the SHA-256 of its
// text.
type Manifest struct {
	Format   int    `json:"format"`
	Incident string `json:"incident"` // empty: it is about a framework
	// Framework is what evidence for an audit is about.
	Framework string         `json:"framework,omitempty"`
	Created   time.Time      `json:"created"`
	Version   string         `json:"version"` // of Doorward
	Opened    bool           `json:"opened"`  // it holds what was sealed
	Cut       bool           `json:"cut"`     // there are more records than it holds
	Since     time.Time      `json:"since"`   // the time that was looked at
	Until     time.Time      `json:"until"`
	Logs      []ManifestLog  `json:"logs"`
	Files     []ManifestFile `json:"files"` // sorted by name
}

// ManifestLog is a log that records come from.
type ManifestLog struct {
	Name    string `json:"name"`    // of its directory; its files are records/NAME.jsonl, proofs/NAME.jsonl and checkpoints/NAME
	Records int    `json:"records"` // in the bundle
	Proven  int    `json:"proven"`  // of those, the first so many have a proof
}

// ManifestFile is one file of a bundle.
type ManifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Text is the manifest's form in a bundle.
func (m *Manifest) Text() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}
