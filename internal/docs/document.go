// Package docs keeps documents as passages that can be searched by their words and by
// their meaning, for builtin docs. Indexes, embedders and what brings documents in are
// packages below.
package docs

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// Bounds of what is kept.
const (
	MaxURI       = 2 << 10  // bytes
	MaxTitle     = 512      // bytes
	MaxHeading   = 1 << 10  // bytes
	MaxPassage   = 8 << 10  // bytes of a passage
	MaxDocument  = 16 << 20 // bytes of a document's text
	MaxRoles     = 64       // of a document, and of a caller that are looked at
	MaxDimension = 8192     // of a vector
)

// Nobody is the role of a document that no access rule gives to anybody. No configuration
// can call a role so, and a caller's is left out.
const Nobody = "(nobody)"

// Document is what is known of a document. Its text is that of its passages, one after
// the other.
type Document struct {
	URI      string // docs://UPSTREAM/SOURCE/PATH: unique in an index, the same at each ingestion
	Source   string // the name of what it was brought in from: SOURCE of its URI
	Origin   string // where it was read: a path below the source, or a URL
	Title    string
	Type     string            // media type of the text as it is kept: text/markdown, text/plain
	Size     int               // bytes of the text
	Modified time.Time         // zero where the origin does not say; UTC, whole seconds
	Digest   [sha256.Size]byte // of all that is kept and of how it was cut: equal means nothing to do
	Roles    []string          // sorted; who holds one of them may read it; nil: whoever may use the server
	Findings []string          // sorted; what the detectors found in it: rule names
}

// Passage is a piece of a document: what is embedded, found and cited.
type Passage struct {
	ID      string // PassageID; unique in an index
	Heading string // the headings that it stands under: "Install > Linux"; empty for none
	Start   int    // byte of the document's text at which it begins
	Text    string
}

// PassageID is what a passage is cited by. It stays the same as long as the text and the
// place among equals (nth, from 0) do.
func PassageID(uri, heading, text string, nth int) string {
	h := sha256.New()
	for _, part := range [...]string{uri, heading, text} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(nth))) //nolint:gosec // it counts from 0
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:15]))
}

// Embedded is the text of a passage that its vector is made of: what it says, below what
// it stands under.
func Embedded(d *Document, p *Passage) string {
	var b strings.Builder
	for _, line := range [...]string{d.Title, p.Heading} {
		if line != "" {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	b.WriteString(p.Text)
	return b.String()
}
