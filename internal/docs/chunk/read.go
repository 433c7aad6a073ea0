package chunk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"doorward/internal/docs"
	"doorward/internal/docs/pdf"
)

// Why a document is not read. ingest reports it and goes on.
var (
	ErrBinary   = errors.New("it is no text, and no type of document that is read")
	ErrEncoding = errors.New("its text is neither UTF-8 nor of an encoding that it names")
	ErrLarge    = fmt.Errorf("its text has more than %d bytes", docs.MaxDocument)
	ErrEmpty    = errors.New("there is no text in it")
)

// Raw is a document as it was found.
type Raw struct {
	Name  string // of the file, or the last part of a URL's path; its end says the type
	Type  string // Content-Type that a server gave it; empty for a file
	Bytes []byte
}

// Text is a document as it is kept.
type Text struct {
	Title   string // that the document gives itself; may be empty
	Type    string // text/markdown or text/plain
	Body    string // valid UTF-8, lines ended by \n
	Outside string // headings that passages stand under and that Body does not have, a line each
	Hidden  int    // stretches of text that a page hides from its readers; they are left out
	// Findings are FindingHTML and others: what the document does to be read by some readers alone.
	Findings []string
	blocks   []block
}

// Findings of a document, by name as those of detectors.
const (
	FindingHTML   = "html.hidden" // a page hides a stretch of text from its readers; it is left out
	FindingPDF    = "pdf.hidden"  // the same of a page of a PDF
	FindingUnseen = "pdf.unseen"  // text of a PDF that may be unseen is kept: over a picture, say, as of a page that was scanned
)

// Reader makes text of documents: of several at once, of one PDF at a time.
type Reader struct {
	pdf *pdf.Reader
}

// NewReader returns a reader, to be closed by its caller.
func NewReader() *Reader { return &Reader{pdf: pdf.New()} }

// Close gives back what was needed to read PDF.
func (r *Reader) Close() error { return r.pdf.Close() }

// Read makes text of a document. What a parser of somebody else's cannot bear is this
// document's error, and nobody else's.
func (r *Reader) Read(ctx context.Context, raw Raw) (t *Text, err error) {
	if len(raw.Bytes) > docs.MaxDocument {
		return nil, ErrLarge
	}
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("reading it failed: %v", p)
		}
	}()
	if t, err = r.read(ctx, raw); err != nil {
		return nil, err
	}
	if strings.TrimSpace(t.Body) == "" {
		return nil, ErrEmpty
	}
	if len(t.Body) > docs.MaxDocument {
		return nil, ErrLarge
	}
	t.Title = shorten(strings.Join(strings.Fields(t.Title), " "), docs.MaxTitle)
	return t, nil
}

// AnotherTime tells whether Read may take the same bytes another time: an error is not of the document then, but of
// this machine, which had no time or no room.
func AnotherTime(err error) bool { return errors.Is(err, pdf.ErrTime) || errors.Is(err, pdf.ErrStart) }

func (r *Reader) read(ctx context.Context, raw Raw) (*Text, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	form := formOf(raw)
	switch form {
	case formUnknown:
		return nil, ErrBinary
	case formPDF:
		d, err := r.pdf.Read(ctx, raw.Bytes)
		if err != nil {
			return nil, err
		}
		return pages(d), nil
	case formPage:
		return page(raw.Bytes, raw.Type)
	case formMarkdown, formGo, formCode, formText:
	}
	body, err := plain(raw.Bytes)
	if err != nil {
		return nil, err
	}
	switch form {
	case formMarkdown:
		return markdown(body), nil
	case formGo:
		return source(body), nil
	case formCode:
		return code(body), nil
	default:
		return &Text{Type: "text/plain", Body: body, blocks: paragraphs(body, 0, "")}, nil
	}
}

// plain is text of which nothing says the encoding: UTF-8, or UTF-16 with its mark.
func plain(raw []byte) (string, error) {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return wide(raw)
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return "", ErrBinary
	}
	if !utf8.Valid(raw) {
		return "", ErrEncoding
	}
	return lines(string(raw)), nil
}

// lines ends all lines alike.
func lines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// paragraphs are the blocks of text that has nothing but blank lines, from byte from on.
func paragraphs(text string, from int, heading string) []block {
	out := []block{{start: from, heading: heading}}
	blank := false
	for at := from; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		switch {
		case strings.TrimSpace(text[at:end]) == "":
			blank = true
		case blank && len(out) < maxBlocks:
			out, blank = append(out, block{start: at, heading: heading}), false
		}
		at = end
	}
	return out
}

// extension is the end of a name in lower case, with its dot.
func extension(name string) string { return strings.ToLower(path.Ext(name)) }
