package qdrant

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"doorward/internal/docs"
)

// Kinds of points. A collection has one of kindMade, one for each document and one for each
// passage.
const (
	kindMade     = "made"
	kindDocument = "document"
	kindPassage  = "passage"
)

// Names of the vectors of a passage.
const (
	meaning = "meaning"
	words   = "words"
)

// payload is what is kept with a point. Which fields are there depends on its kind.
type payload struct {
	Kind string `json:"kind"`

	Generation string `json:"generation,omitempty"` // of kindMade, as those below
	Made       string `json:"made,omitempty"`       // JSON
	Mark       string `json:"mark,omitempty"`       // drawn anew with each change of documents
	Over       bool   `json:"over,omitempty"`       // another one came into use after it, or is about to

	URI      string   `json:"uri,omitempty"`
	Source   string   `json:"source,omitempty"`
	Origin   string   `json:"origin,omitempty"`
	Title    string   `json:"title,omitempty"`
	Type     string   `json:"type,omitempty"`
	Size     int      `json:"size,omitempty"`
	Modified int64    `json:"modified,omitempty"` // seconds since 1970; 0: the origin does not say
	Digest   string   `json:"digest,omitempty"`   // hex
	Open     bool     `json:"open"`               // whoever may use the server may read it
	Roles    []string `json:"roles,omitempty"`
	Findings []string `json:"findings,omitempty"`
	Within   []string `json:"within,omitempty"` // each beginning of the URI that ends in a slash

	ID      string `json:"id,omitempty"` // of a passage, as the next
	Place   int    `json:"place"`        // among those of its document, from 0
	Heading string `json:"heading,omitempty"`
	Start   int    `json:"start,omitempty"`
	Text    string `json:"text,omitempty"`
}

// point is what is put.
type point struct {
	ID      string         `json:"id"` // UUID
	Vector  map[string]any `json:"vector"`
	Payload any            `json:"payload"`
}

// idOf is the UUID of a point: the same for the same thing.
func idOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	s := hex.EncodeToString(h.Sum(nil)[:16])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// within are the beginnings of a URI that end in a slash.
func within(uri string) (all []string) {
	for i := range len(uri) {
		if uri[i] == '/' {
			all = append(all, uri[:i+1])
		}
	}
	return all
}

// about is the payload that a document's points share.
func about(d *docs.Document) payload {
	p := payload{
		URI: d.URI, Source: d.Source, Origin: d.Origin, Title: d.Title, Type: d.Type, Size: d.Size,
		Open: d.Roles == nil, Roles: d.Roles, Within: within(d.URI),
	}
	if !d.Modified.IsZero() {
		p.Modified = d.Modified.Unix()
	}
	return p
}

// document is what a payload says of one.
func (p *payload) document() docs.Document {
	d := docs.Document{URI: p.URI, Source: p.Source, Origin: p.Origin, Title: p.Title, Type: p.Type, Size: p.Size, Roles: p.Roles, Findings: p.Findings}
	if p.Modified != 0 {
		d.Modified = time.Unix(p.Modified, 0).UTC()
	}
	if !p.Open && d.Roles == nil {
		d.Roles = []string{}
	}
	if digest, err := hex.DecodeString(p.Digest); err == nil && len(digest) == len(d.Digest) {
		copy(d.Digest[:], digest)
	}
	return d
}

func (p *payload) passage() docs.Passage {
	return docs.Passage{ID: p.ID, Heading: p.Heading, Start: p.Start, Text: p.Text}
}
