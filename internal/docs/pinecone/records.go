package pinecone

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs"
	"doorward/internal/docs/sparse"
)

// Namespaces of an index. Each generation has two: its passages are in marks-GENERATION, its
// documents in one of the same name with documentsEnd.
const (
	marks        = "doorward"
	writers      = "doorward-writer"
	documentsEnd = "-documents"
)

// Records of marks: which generation is in use, and what each was begun with.
const (
	markUse  = "use"
	markMade = "made-"
)

func passagesOf(generation string) string { return marks + "-" + generation }

func documentsOf(generation string) string { return marks + "-" + generation + documentsEnd }

// Limits of Pinecone, by its documentation.
const (
	maxMetadata = 40_000    // bytes of a record
	maxUpsert   = 1_900_000 // bytes of a request, which may have 2 MB
	maxRecords  = 1000      // of a request
	maxNonzero  = 1000      // words of a passage
)

// payload is the metadata of a record: texts, numbers, which come back as floats, booleans
// and lists of texts. Nothing of it is null.
type payload struct {
	Generation string `json:"generation,omitempty"` // of marks, as the next
	Made       string `json:"made,omitempty"`       // JSON
	Mark       string `json:"mark,omitempty"`       // drawn anew with each change of documents

	Until float64 `json:"until,omitzero"` // of writers: seconds since 1970

	Document string   `json:"document,omitempty"` // what identifies its URI
	URI      string   `json:"uri,omitempty"`
	Source   string   `json:"source,omitempty"`
	Origin   string   `json:"origin,omitempty"`
	Title    string   `json:"title,omitempty"`
	Type     string   `json:"type,omitempty"`
	Size     float64  `json:"size,omitzero"`
	Modified float64  `json:"modified,omitzero"` // seconds since 1970; 0: the origin does not say
	Digest   string   `json:"digest,omitempty"`  // hex
	Open     bool     `json:"open"`              // whoever may use the server may read it
	Roles    []string `json:"roles,omitempty"`
	Findings []string `json:"findings,omitempty"`
	Within   []string `json:"within,omitempty"` // what identifies each beginning of the URI that ends in a slash

	ID      string  `json:"id,omitempty"` // of a passage, as the next
	Place   float64 `json:"place"`        // among those of its document, from 0
	Heading string  `json:"heading,omitempty"`
	Start   float64 `json:"start,omitzero"`
	Text    string  `json:"text,omitempty"`
}

// record is what is put, and what comes back.
type record struct {
	ID       string         `json:"id"`
	Values   []float32      `json:"values,omitempty"`
	Sparse   *sparse.Vector `json:"sparseValues,omitempty"`
	Metadata payload        `json:"metadata"`
	Score    float64        `json:"score,omitzero"` // of an answer to a query alone
}

// encoded is a record as it is sent; an error where Pinecone would not keep it.
func (r *record) encoded() (jsontext.Value, error) {
	kept, err := json.Marshal(&r.Metadata)
	if err != nil {
		return nil, err
	}
	if len(kept) > maxMetadata {
		return nil, fmt.Errorf("pinecone: what is kept with %.200q has %d bytes, and may have %d: give it a shorter address, or fewer roles", r.Metadata.URI, len(kept), maxMetadata)
	}
	return json.Marshal(r)
}

// short identifies a text: in a filter and in the ID of a record, which are shorter than it
// may be.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// passageID is that of a passage's record. Those of a document begin with the same.
func passageID(document string, place int) string { return document + "#" + strconv.Itoa(place) }

// axis is the vector of records that are not searched by meaning: one of all zeros is refused.
func axis(dimension int) []float32 {
	v := make([]float32, dimension)
	v[0] = 1
	return v
}

func within(uri string) (all []string) {
	for i := range len(uri) {
		if uri[i] == '/' {
			all = append(all, short(uri[:i+1]))
		}
	}
	return all
}

// about is the metadata that a document's records share.
func about(d *docs.Document) payload {
	p := payload{
		Document: short(d.URI), URI: d.URI, Source: d.Source, Origin: d.Origin, Title: d.Title, Type: d.Type, Size: float64(d.Size),
		Open: d.Roles == nil, Roles: d.Roles, Within: within(d.URI),
	}
	if !d.Modified.IsZero() {
		p.Modified = float64(d.Modified.Unix())
	}
	return p
}

// document is what metadata says of one.
func (p *payload) document() docs.Document {
	d := docs.Document{URI: p.URI, Source: p.Source, Origin: p.Origin, Title: p.Title, Type: p.Type, Size: int(p.Size), Roles: p.Roles, Findings: p.Findings}
	if p.Modified != 0 {
		d.Modified = time.Unix(int64(p.Modified), 0).UTC()
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
	return docs.Passage{ID: p.ID, Heading: p.Heading, Start: int(p.Start), Text: p.Text}
}

// fits tells whether a query may find a record.
func (p *payload) fits(q *docs.Query) bool {
	may := p.Open
	for _, r := range docs.Held(q.Roles) {
		for _, of := range p.Roles {
			may = may || r == of
		}
	}
	return may && (q.Source == "" || p.Source == q.Source) && strings.HasPrefix(p.URI, q.Under)
}
