package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"doorward/internal/docs"
	"doorward/internal/docs/chunk"
	"doorward/internal/docs/gather"
)

// maxPassages bounds what is held for one document while it is embedded.
const maxPassages = 20_000

// filed is a document on its way into the index.
type filed struct {
	docs.Document
	passages []docs.Passage
	vectors  [][]float32
	left     atomic.Int64 // passages without a vector
	weight   int64        // bytes that are held for it
}

// what became of something that a source has.
type what uint8

const (
	kept      what = iota // it has all vectors, and is to be put
	unchanged             // the index has it as it is
	skipped               // it is no document, or is gone
	blocked               // a detector is against it
	unread                // it could not be read this once
)

// outcome is what the writer is told of.
type outcome struct {
	what   what
	uri    string // empty for what never had one
	origin string
	why    string
	below  bool     // unread: all documents whose URI begins so
	roles  []string // unchanged: that may read it
	filed  *filed
}

// read reads a document and says what becomes of it: kept is one that is to be embedded.
func (j *Job) read(ctx context.Context, reader *chunk.Reader, source string, f gather.Found, held map[string][sha256.Size]byte) (outcome, error) {
	o := outcome{uri: f.URI, origin: f.Origin}
	content, err := f.Open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return o, context.Cause(ctx)
		}
		o.what, o.why = unread, err.Error()
		if errors.Is(err, gather.ErrGone) || errors.Is(err, gather.ErrShut) || errors.Is(err, gather.ErrKernel) || errors.Is(err, gather.ErrLarge) || errors.Is(err, gather.ErrElsewhere) {
			o.what = skipped
		}
		return o, nil
	}
	text, err := reader.Read(ctx, chunk.Raw{Name: f.Name, Type: content.Type, Bytes: content.Bytes})
	if err != nil {
		if ctx.Err() != nil {
			return o, context.Cause(ctx)
		}
		o.what, o.why = skipped, err.Error()
		if chunk.AnotherTime(err) {
			o.what = unread
		}
		return o, nil
	}
	verdict, err := j.Inspect(ctx, text.Title+"\n"+text.Outside+text.Body)
	if err != nil {
		return o, fmt.Errorf("inspecting %s: %w", f.Origin, err)
	}
	verdict.Findings = append(slices.Clone(verdict.Findings), text.Findings...)
	slices.Sort(verdict.Findings)
	verdict.Findings = slices.Compact(verdict.Findings)
	if verdict.Block {
		o.what, o.why = blocked, strings.Join(verdict.Findings, ", ")
		return o, nil
	}
	d := &filed{Document: docs.Document{
		URI: f.URI, Source: source, Origin: f.Origin, Title: text.Title, Type: text.Type, Size: len(text.Body), Modified: content.Modified, Findings: verdict.Findings,
	}}
	if d.Title == "" {
		d.Title = titleOf(f.Name)
	}
	if d.Roles, err = j.roles(f.URI); err != nil {
		return o, err
	}
	if led, err := j.roles(cmp.Or(content.URI, f.URI)); err != nil || !slices.Equal(led, d.Roles) {
		o.what, o.why = skipped, "it leads to "+content.URI+", which others may read"
		return o, err
	}
	d.Digest = digest(&d.Document, text, j.Wanted.Chunker)
	if held[f.URI] == d.Digest {
		o.what, o.roles = unchanged, d.Roles
		return o, nil
	}
	if d.passages = text.Passages(f.URI, j.Bounds); len(d.passages) > maxPassages {
		o.what, o.why = skipped, fmt.Sprintf("it would be more than %d passages", maxPassages)
		return o, nil
	}
	if err := d.CheckText(d.passages); err != nil {
		o.what, o.why = skipped, err.Error()
		return o, nil
	}
	d.vectors = make([][]float32, len(d.passages))
	d.left.Store(int64(len(d.passages)))
	d.weight = int64(len(text.Body) + 4*len(d.passages)*j.Wanted.Model.Dimensions)
	o.what, o.filed = kept, d
	return o, nil
}

// titleOf is a name as a title: of a URL it may be any bytes.
func titleOf(name string) string {
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))), " ")
	if len(name) > docs.MaxTitle {
		name = strings.ToValidUTF8(name[:docs.MaxTitle], "") // what was cut within a rune
	}
	return name
}

// roles are those that may read a document. Rules that give it to nobody are no rules.
func (j *Job) roles(uri string) ([]string, error) {
	roles := slices.Clone(j.Access(uri))
	if roles == nil {
		return nil, nil
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); len(roles) == 0 || len(roles) > docs.MaxRoles {
		return nil, fmt.Errorf("the access rules give %s to %d roles: 1 to %d may be named", uri, len(roles), docs.MaxRoles)
	}
	return roles, nil
}

// digest is of all that is kept of a document and of how it is cut, but not of when it was
// changed: a copy that says another time costs nothing.
func digest(d *docs.Document, text *chunk.Text, chunker string) [sha256.Size]byte {
	h := sha256.New()
	put := func(s string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	for _, s := range [...]string{"1", chunker, d.URI, d.Source, d.Origin, d.Title, d.Type, text.Body} {
		put(s)
	}
	if text.Outside != "" {
		put(text.Outside)
	}
	for _, list := range [...][]string{d.Roles, d.Findings} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(list))))
		for _, s := range list {
			put(s)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
