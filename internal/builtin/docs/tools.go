package docs

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/docs"
)

// Bounds of what a caller may ask for.
const (
	maxQuery     = 4 << 10  // bytes of a question
	defaultFound = 8        // passages
	defaultBytes = 32 << 10 // of a document's text in one answer
	maxBytes     = 1 << 20
	maxPage      = 200 // documents
)

func (s *server) tools() {
	tool(s, &mcp.Tool{
		Name: "search", Title: "Search documents",
		Description: "Find passages of documents by a question or by words, best first. Each says where it stands and has a uri to cite it by, with which fetch reads it and what is around it.",
	}, s.search)
	tool(s, &mcp.Tool{
		Name: "fetch", Title: "Read a document",
		Description: "Read a document, a range of a large one, or by the uri of a passage that passage and what is around it.",
	}, s.fetch)
	tool(s, &mcp.Tool{
		Name: "list", Title: "List documents",
		Description: "List the documents that you may read, by uri, a page at a time.",
	}, s.list)
}

type question struct {
	Query  string `json:"query" jsonschema:"what to look for, in words"`
	K      int    `json:"k,omitempty" jsonschema:"passages at most: 8 unless given, 50 is the most"`
	Mode   string `json:"mode,omitempty" jsonschema:"hybrid unless given; words searches the full text alone, meaning the vectors alone"`
	Source string `json:"source,omitempty" jsonschema:"documents of this source alone: the part after the name in their uris"`
	Under  string `json:"under,omitempty" jsonschema:"documents whose uri begins with this alone"`
}

type answer struct {
	Passages []passage `json:"passages" jsonschema:"best first"`
}

// passage is one that was found.
type passage struct {
	URI     string  `json:"uri" jsonschema:"to cite it by, and for fetch"`
	Title   string  `json:"title,omitempty" jsonschema:"of the document"`
	Heading string  `json:"heading,omitempty" jsonschema:"what it stands under"`
	Text    string  `json:"text"`
	Origin  string  `json:"origin,omitempty" jsonschema:"where the document was read"`
	Start   int     `json:"start" jsonschema:"byte of the document at which it begins"`
	Score   float64 `json:"score" jsonschema:"of the two ranks together; it compares within one answer alone"`
	Rank    *ranks  `json:"rank,omitempty" jsonschema:"its places in the two lists, from 1"`
}

type ranks struct {
	Words   int `json:"words,omitempty"`
	Meaning int `json:"meaning,omitempty"`
}

func (s *server) search(ctx context.Context, who caller, in *question) (answer, error) {
	out := answer{Passages: []passage{}}
	q := docs.Question{Text: strings.TrimSpace(in.Query), Most: in.K, Mode: in.Mode, Source: in.Source, Under: in.Under, Roles: who.roles, Key: who.key}
	if q.Most == 0 {
		q.Most = defaultFound
	}
	if q.Mode == "" {
		q.Mode = docs.Hybrid
	}
	switch {
	case q.Text == "" || len(q.Text) > maxQuery:
		return out, fmt.Errorf("%w: query must have 1 to %d bytes", errInput, maxQuery)
	case q.Most < 1 || q.Most > docs.MaxFound:
		return out, fmt.Errorf("%w: k must be 1 to %d", errInput, docs.MaxFound)
	case q.Mode != docs.Hybrid && q.Mode != docs.Words && q.Mode != docs.Meaning:
		return out, fmt.Errorf("%w: mode must be hybrid, words or meaning", errInput)
	case len(q.Source) > docs.MaxURI || len(q.Under) > docs.MaxURI:
		return out, fmt.Errorf("%w: source and under have at most %d bytes", errInput, docs.MaxURI)
	}
	found, err := s.set.Library.Search(ctx, q)
	if err != nil {
		return out, err
	}
	if q.Mode != docs.Words {
		s.health.embedded()
	}
	for i := range found {
		f := &found[i]
		out.Passages = append(out.Passages, passage{
			URI: f.Document.URI + "#" + f.Passage.ID, Title: f.Document.Title, Heading: f.Passage.Heading, Text: f.Passage.Text, Origin: f.Document.Origin,
			Start: f.Passage.Start, Score: f.Score, Rank: &ranks{f.ByWords, f.ByMeaning},
		})
	}
	return out, nil
}

type fetching struct {
	URI    string `json:"uri" jsonschema:"of a document, or of a passage"`
	Start  int    `json:"start,omitempty" jsonschema:"byte to begin at: next of the answer before"`
	Length int    `json:"length,omitempty" jsonschema:"bytes at most: 32768 unless given, 1048576 is the most"`
}

// fetched is a document, or a part of it.
type fetched struct {
	URI      string `json:"uri" jsonschema:"of the document"`
	Title    string `json:"title,omitempty"`
	Type     string `json:"type" jsonschema:"media type of text"`
	Origin   string `json:"origin,omitempty"`
	Modified string `json:"modified,omitempty" jsonschema:"RFC 3339, UTC"`
	Size     int    `json:"size" jsonschema:"bytes of the whole document"`
	Start    int    `json:"start" jsonschema:"byte at which text begins"`
	Text     string `json:"text"`
	Next     int    `json:"next,omitempty" jsonschema:"there is more: give this as start"`
}

func (s *server) fetch(ctx context.Context, who caller, in *fetching) (fetched, error) {
	uri, id, _ := strings.Cut(in.URI, "#")
	length := in.Length
	if length == 0 {
		length = defaultBytes
	}
	if in.Start < 0 || length < 1 || length > maxBytes {
		return fetched{}, fmt.Errorf("%w: start must not be negative, length must be 1 to %d", errInput, maxBytes)
	}
	d, passages, err := s.document(ctx, who, uri)
	if err != nil {
		return fetched{}, err
	}
	out := described(&d)
	start := in.Start
	if id != "" && start == 0 {
		if start, err = around(passages, id, length); err != nil {
			return fetched{}, err
		}
	}
	out.Start, out.Text = cut(passages, start, length)
	if end := out.Start + len(out.Text); end < d.Size {
		out.Next = end
	}
	return out, nil
}

// document is one that the caller may read.
func (s *server) document(ctx context.Context, who caller, uri string) (docs.Document, []docs.Passage, error) {
	if !s.own(uri) {
		return docs.Document{}, nil, errNone
	}
	return s.set.Library.Read(ctx, uri, who.roles)
}

func described(d *docs.Document) fetched {
	out := fetched{URI: d.URI, Title: d.Title, Type: d.Type, Origin: d.Origin, Size: d.Size}
	if !d.Modified.IsZero() {
		out.Modified = d.Modified.UTC().Format(time.RFC3339)
	}
	return out
}

// around is where to begin so that a passage stands in the middle of so many bytes.
func around(passages []docs.Passage, id string, length int) (int, error) {
	for i := range passages {
		if p := &passages[i]; p.ID == id {
			return max(0, p.Start-max(0, length-len(p.Text))/2), nil
		}
	}
	return 0, fmt.Errorf("%w: the document has no such passage any more: it was changed; leave out what follows #", errInput)
}

// cut is a range of the passages' text, and where it begins: whole characters, so that it
// may begin and end a little before.
func cut(passages []docs.Passage, start, length int) (int, string) {
	var b strings.Builder
	begin := -1
	for i := range passages {
		p := &passages[i]
		if p.Start+len(p.Text) <= start {
			continue
		}
		text := p.Text
		if begin < 0 {
			at := max(0, start-p.Start)
			for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
				at--
			}
			begin, text = p.Start+at, text[at:]
		}
		if room := length - b.Len(); len(text) > room {
			for room > 0 && !utf8.RuneStart(text[room]) {
				room--
			}
			b.WriteString(text[:room])
			break
		}
		b.WriteString(text)
	}
	return max(begin, 0), b.String()
}

type listing struct {
	After string `json:"after,omitempty" jsonschema:"go on behind this uri: next of the answer before"`
	Limit int    `json:"limit,omitempty" jsonschema:"documents at most: 200 unless given, which is the most"`
}

type listed struct {
	Documents []document `json:"documents"`
	Next      string     `json:"next,omitempty" jsonschema:"there is more: give this as after"`
}

type document struct {
	URI      string `json:"uri"`
	Title    string `json:"title,omitempty"`
	Type     string `json:"type"`
	Size     int    `json:"size" jsonschema:"bytes"`
	Modified string `json:"modified,omitempty" jsonschema:"RFC 3339, UTC"`
	Origin   string `json:"origin,omitempty"`
}

func (s *server) list(ctx context.Context, who caller, in *listing) (listed, error) {
	out := listed{Documents: []document{}}
	limit := in.Limit
	if limit == 0 {
		limit = maxPage
	}
	if limit < 1 || limit > maxPage || len(in.After) > docs.MaxURI {
		return out, fmt.Errorf("%w: limit must be 1 to %d, and after at most %d bytes", errInput, maxPage, docs.MaxURI)
	}
	page, err := s.set.Library.List(ctx, docs.Listing{After: in.After, Limit: limit + 1, Roles: who.roles})
	if err != nil {
		return out, err
	}
	for i := range page {
		if i == limit {
			out.Next = page[i-1].URI
			break
		}
		d := described(&page[i])
		out.Documents = append(out.Documents, document{d.URI, d.Title, d.Type, d.Size, d.Modified, d.Origin})
	}
	return out, nil
}
