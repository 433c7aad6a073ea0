// Package chunk reads documents of many types as text, and cuts text into passages along
// what it is made of: headings, paragraphs, lists, tables, code, declarations. Passages
// one after the other are the text, byte for byte. ingest calls it for each document.
//
// The package opens nothing and keeps nothing. What it reads was written by anybody:
// sizes and depths are bounded, and what a reader of a page could not see is left out and
// counted.
package chunk

import (
	"fmt"

	"doorward/internal/docs"
)

// version is of the way to cut and to read. Another one is another text or other passages
// of the same bytes, so that every document is brought in again.
const version = "structure-1"

// Bounds are how long passages are to be, in bytes.
type Bounds struct {
	Target int // pieces are put together up to it, and what may be cut is cut to it
	Min    int // shorter ones are put together with what follows, also under another heading
	Most   int // of what is kept whole beyond Target: code, tables
}

// Default is about 250 to 400 tokens of English (4 to 6 bytes each), which is what
// all-MiniLM-L6-v2 was trained on (256 tokens) and models of retrieval read well.
func Default() Bounds { return Bounds{Target: 1500, Min: 300, Most: 4 << 10} }

// minTarget keeps a document of docs.MaxDocument below some 85,000 passages.
const minTarget = 200

// Check tells what is wrong with bounds.
func (b Bounds) Check() error {
	switch {
	case b.Target < minTarget || b.Target > b.Most:
		return fmt.Errorf("passages of %d bytes: say %d to %d", b.Target, minTarget, b.Most)
	case b.Most > docs.MaxPassage:
		return fmt.Errorf("passages of at most %d bytes: say %d at most", b.Most, docs.MaxPassage)
	case b.Min < 0 || b.Min > b.Target/2:
		return fmt.Errorf("passages of at least %d bytes: say at most half of %d", b.Min, b.Target)
	}
	return nil
}

// Name says how documents are cut, for docs.Description.
func (b Bounds) Name() string {
	return fmt.Sprintf("%s min=%d target=%d most=%d", version, b.Min, b.Target, b.Most)
}
