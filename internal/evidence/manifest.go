package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"doorward/internal/admin"
)

// Format is the version of bundles.
const Format = 1

// The names in a bundle that its manifest does not list: the manifest and what signs
// it.
const (
	manifestName  = "manifest.json"
	signatureName = "manifest.note"
)

// Manifest lists what is in a bundle: the gateway that signs it checks it.
type Manifest = admin.Manifest

// Log is a log that records come from.
type Log = admin.ManifestLog

// File is one file of a bundle.
type File = admin.ManifestFile

func fileOf(name string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// parseManifest reads what Text wrote, byte for byte.
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
	again, err := m.Text()
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
