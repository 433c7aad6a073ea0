// Package gather finds documents: in a directory, and on the web by a sitemap or a list of
// URLs. ingest walks a Source, and opens what it wants to know more of.
//
// A directory is read without following a link; of the web only https is, from public
// addresses and from hosts that were named, each redirect judged anew. What a source holds
// was written by anybody, so everything is bounded.
package gather

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"doorward/internal/docs"
)

// Bounds of a source.
const (
	maxDocuments = 200_000
	maxName      = 63 // bytes of a source's name, as of a label in DNS
)

// Kinds of sources.
const (
	KindTree    = "tree"    // a directory
	KindSitemap = "sitemap" // a URL of a sitemap or of an index of them
	KindURLs    = "urls"    // a file with a URL a line
)

// Why a document is not there to be read. Other errors may pass: what was brought in
// before is kept then.
var (
	ErrGone      = errors.New("it is there no more")
	ErrElsewhere = errors.New("it leads to where it may not be read from")
	ErrKernel    = errors.New("the kernel makes it up, as what is in /proc")
	ErrShut      = errors.New("robots.txt keeps it from programs")
	ErrLarge     = fmt.Errorf("it has more than %d bytes", docs.MaxDocument)
	errMany      = fmt.Errorf("the source has more than %d documents: make several of it", maxDocuments)
)

// Found is a document of a source.
type Found struct {
	URI    string
	Origin string // a path below the source, or a URL
	Name   string // the last part of it, whose end may say the type
	// Open reads it. It may be called while the walk goes on.
	Open func(ctx context.Context) (Content, error)
}

// Content is a document as it was read.
type Content struct {
	Bytes    []byte
	Type     string    // Content-Type that a server gave it
	Modified time.Time // zero: nobody says; UTC, whole seconds
	URI      string    // of a page: that of where redirects led, or its own

	at *url.URL // where redirects led
}

// Visit is told what a source has.
type Visit struct {
	Found func(Found) error
	// Skipped is of what is no document, and why.
	Skipped func(origin, why string)
	// Unread is of what could not be looked into: documents whose URI begins so may still
	// be there.
	Unread func(below, origin string, err error)
}

// Source is where documents are.
type Source interface {
	// Walk tells of all documents. With an error nothing is known of those that it did not.
	Walk(ctx context.Context, v Visit) error
	Close() error
}

// named is how a source is called: it is a part of URIs.
var named = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// CheckName tells what is wrong with a source's name.
func CheckName(name string) error {
	if len(name) > maxName || !named.MatchString(name) {
		return fmt.Errorf("%q is no name of a source: lower-case letters, digits, - _ and ., at most %d", name, maxName)
	}
	return nil
}

// Prefix is what the URIs of a source's documents begin with.
func Prefix(upstream, source string) string { return "docs://" + upstream + "/" + source + "/" }

// address is the URI of a document by the parts of its path.
func address(prefix string, parts []string) (string, error) {
	var b strings.Builder
	b.WriteString(prefix)
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(url.PathEscape(part))
	}
	if b.Len() > docs.MaxURI {
		return "", fmt.Errorf("its URI would have more than %d bytes", docs.MaxURI)
	}
	return b.String(), nil
}

// readable tells whether a name may be shown, and be a part of a URI.
func readable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || r == '\\' || unicode.Is(unicode.Cf, r)
	})
}
