package docs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Check refuses a description that no generation can be made with. Indexes call it before
// they write anything.
func (d *Description) Check() error {
	switch {
	case d.Dimensions < 1 || d.Dimensions > MaxDimension:
		return fmt.Errorf("a vector has 1 to %d dimensions, and not %d", MaxDimension, d.Dimensions)
	case d.Metric != Metric:
		return fmt.Errorf("vectors are compared by %s, and not by %q", Metric, d.Metric)
	case len(d.Sources) > MaxSources:
		return fmt.Errorf("an index has at most %d sources, and not %d", MaxSources, len(d.Sources))
	}
	return nil
}

// Same tells whether generations are made with the same: one that was not finished is
// continued then.
func (d *Description) Same(o *Description) bool {
	return d.Embedder == o.Embedder && d.Model == o.Model && d.Dimensions == o.Dimensions && d.Metric == o.Metric &&
		d.Chunker == o.Chunker && d.Access == o.Access && slices.Equal(d.Sources, o.Sources)
}

// slack is how far a vector's length may be from 1: what adding 8192 squares of float32
// loses is less.
const slack = 1e-3

// Check refuses what is out of bounds, and vectors of another length than the store holds
// its own to: *MismatchError. Indexes call it before they write anything of the document.
func (d *Document) Check(passages []Passage, vectors [][]float32, dimensions int) error {
	if err := d.CheckText(passages); err != nil {
		return err
	}
	if len(vectors) != len(passages) {
		return fmt.Errorf("document %.200q: it has %d passages and %d vectors", d.URI, len(passages), len(vectors))
	}
	for i := range vectors {
		if err := unit(vectors[i], dimensions); err != nil {
			return fmt.Errorf("document %.200q, passage %d: %w", d.URI, i, err)
		}
	}
	return nil
}

// CheckText is Check of a document that is not embedded yet.
func (d *Document) CheckText(passages []Passage) error {
	for _, part := range [...]struct {
		what, text string
		most       int
	}{
		{"URI", d.URI, MaxURI},
		{"source", d.Source, MaxURI},
		{"origin", d.Origin, MaxURI},
		{"title", d.Title, MaxTitle},
		{"type", d.Type, MaxTitle},
		{"roles", strings.Join(d.Roles, ""), MaxRoles * MaxTitle},
		{"findings", strings.Join(d.Findings, ""), MaxRoles * MaxTitle},
	} {
		if err := plain(part.what, part.text, part.most); err != nil {
			return fmt.Errorf("document %.200q: %w", d.URI, err)
		}
	}
	switch {
	case d.URI == "" || d.Source == "":
		return errors.New("a document has a URI and a source")
	case len(d.Roles) > MaxRoles:
		return fmt.Errorf("document %.200q: it has %d roles, and may have %d", d.URI, len(d.Roles), MaxRoles)
	case d.Modified.Nanosecond() != 0 || !d.Modified.IsZero() && d.Modified.Location() != time.UTC:
		return fmt.Errorf("document %.200q: its time is not in whole seconds of UTC", d.URI)
	}
	size := 0
	for i := range passages {
		p := &passages[i]
		size += len(p.Text)
		if err := p.check(); err != nil {
			return fmt.Errorf("document %.200q, passage %d: %w", d.URI, i, err)
		}
	}
	if size > MaxDocument {
		return fmt.Errorf("document %.200q: it has %d bytes, and may have %d", d.URI, size, MaxDocument)
	}
	return nil
}

func (p *Passage) check() error {
	switch {
	case p.ID == "" || p.Text == "":
		return errors.New("it has an ID and a text")
	case p.Start < 0 || p.Start > MaxDocument:
		return fmt.Errorf("it begins at %d", p.Start)
	}
	return errors.Join(plain("ID", p.ID, MaxHeading), plain("heading", p.Heading, MaxHeading), plain("text", p.Text, MaxPassage))
}

// plain refuses what some store cannot keep as it is: PostgreSQL has no NUL in a text.
func plain(what, text string, most int) error {
	switch {
	case len(text) > most:
		return fmt.Errorf("its %s has %d bytes, and may have %d", what, len(text), most)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fmt.Errorf("its %s is no UTF-8, or has a NUL", what)
	}
	return nil
}

// unit refuses a vector of other dimensions, and one that is not of length 1.
func unit(v []float32, dimensions int) error {
	if len(v) != dimensions {
		return &MismatchError{
			What: "dimensions", Here: fmt.Sprintf("a vector has %d", len(v)), There: fmt.Sprintf("the store holds vectors of %d", dimensions),
			Do: "configure the model's own dimensions, or make the index again (doorward docs reindex)",
		}
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if length := math.Sqrt(sum); math.IsNaN(length) || math.Abs(length-1) > slack {
		return fmt.Errorf("a vector has the length %g, and not 1", length)
	}
	return nil
}

// Check refuses a query that no index answers: *MismatchError for a vector of other
// dimensions than the store's.
func (q *Query) Check(dimensions int) error {
	if q.Limit < 1 || q.Limit > MaxHits {
		return fmt.Errorf("a search has 1 to %d hits, and not %d", MaxHits, q.Limit)
	}
	if q.Vector == nil {
		return nil
	}
	return unit(q.Vector, dimensions)
}

// Nothing tells of a query that nothing can fit, because no document is kept with what it
// asks for: such texts are not sent to a store, which may refuse them.
func (q *Query) Nothing() bool { return !Storable(q.Source) || !Storable(q.Under) }

// Storable tells whether a URI or the name of a source can be one that is kept.
func Storable(name string) bool { return plain("", name, MaxURI) == nil }

// MaxListed is the most documents of a page.
const MaxListed = 1000

// Check refuses a page that no index gives.
func (l *Listing) Check() error {
	if l.Limit < 1 || l.Limit > MaxListed {
		return fmt.Errorf("a page has 1 to %d documents, and not %d", MaxListed, l.Limit)
	}
	return plain("place to go on from", l.After, MaxURI)
}

// Held are a caller's roles that a document can have, and not more than are looked at.
func Held(roles []string) []string {
	held := make([]string, 0, min(len(roles), MaxRoles))
	for _, r := range roles {
		if len(held) < MaxRoles && r != Nobody && plain("", r, MaxTitle) == nil {
			held = append(held, r)
		}
	}
	return held
}
