package gather

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of sitemaps (sitemaps.org: 50,000 URLs and 50 MiB each).
const (
	maxSitemap  = 50 << 20
	maxSitemaps = 200
	maxListed   = 64 << 20 // bytes of all locations that are held: 200,000 of some 330
	maxIndexes  = 2        // that lie in one another; sitemaps.org has one, and some hosts two
)

// Errors of sitemaps below the first.
var (
	errDeep   = fmt.Errorf("indexes of sitemaps lie in one another more than %d deep", maxIndexes)
	errListed = fmt.Errorf("what is listed has more than %d bytes", maxListed)
)

// Sitemap is a sitemap on the web, or an index of sitemaps.
type Sitemap struct {
	web    *Web
	prefix string
	url    string
}

// NewSitemap makes a source of a sitemap's URL.
func NewSitemap(web *Web, url, prefix string) *Sitemap {
	return &Sitemap{web: web, url: url, prefix: prefix}
}

// Close implements Source.
func (*Sitemap) Close() error { return nil }

// Walk implements Source. Documents and sitemaps of another host than the sitemap's are
// none of its (sitemaps.org, "Sitemap file location").
func (s *Sitemap) Walk(ctx context.Context, v Visit) error {
	top, err := s.web.places.check(s.url)
	if err != nil {
		return fmt.Errorf("%s: %w", s.url, err)
	}
	own := func(raw string) bool {
		u, err := s.web.places.check(raw)
		return err == nil && u.Host == top.Host
	}
	pages, err := s.pages(ctx, own, v)
	if err != nil {
		return err
	}
	list := pages[:0]
	for _, p := range pages {
		if !own(p) {
			v.Skipped(p, "a page of another host than the sitemap's, or no page that may be fetched")
			continue
		}
		list = append(list, p)
	}
	return s.web.visit(ctx, s.prefix, list, v)
}

// pages are those that the sitemap lists, and the sitemaps that it lists. Of one of these
// that cannot be read nothing is known: all that the source had may still be there.
func (s *Sitemap) pages(ctx context.Context, own func(string) bool, v Visit) ([]string, error) {
	size := 0
	pages, maps, err := s.read(ctx, s.url, &size)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{s.url: true}
	for depth := 1; len(maps) > 0; depth++ {
		var below []string
		for _, m := range maps {
			switch {
			case seen[m]:
				continue
			case !own(m):
				v.Skipped(m, "a sitemap of another host")
				continue
			case depth > maxIndexes:
				v.Unread(s.prefix, m, errDeep)
				continue
			case len(seen) > maxSitemaps:
				return nil, fmt.Errorf("%s lists more than %d sitemaps", s.url, maxSitemaps)
			}
			seen[m] = true
			more, nested, err := s.read(ctx, m, &size)
			switch {
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case errors.Is(err, errMany), errors.Is(err, errListed):
				return nil, err
			case err != nil:
				v.Unread(s.prefix, m, err)
				continue
			}
			if pages, below = append(pages, more...), append(below, nested...); len(pages) > maxDocuments {
				return nil, errMany
			}
		}
		maps = below
	}
	return pages, nil
}

// read fetches a sitemap, and adds the bytes of its locations to size.
func (s *Sitemap) read(ctx context.Context, at string, size *int) (pages, maps []string, err error) {
	c, err := s.web.Fetch(ctx, at, maxSitemap)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the sitemap %s: %w", at, err)
	}
	raw := c.Bytes
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		if raw, err = unzip(raw); err != nil {
			return nil, nil, fmt.Errorf("reading the sitemap %s: %w", at, err)
		}
	}
	if pages, maps, err = locations(raw, size); err != nil {
		return nil, nil, fmt.Errorf("reading the sitemap %s: %w", at, err)
	}
	return pages, maps, nil
}

func unzip(raw []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxSitemap+1))
	if err != nil {
		return nil, err
	}
	if len(out) > maxSitemap {
		return nil, fmt.Errorf("it has more than %d bytes", maxSitemap)
	}
	return out, nil
}

// locations are the URLs that a sitemap has of pages, and of other sitemaps. What is longer
// than a URL may be is none: only its beginning is held, to be told of. size grows by their
// bytes.
func locations(raw []byte, size *int) (pages, maps []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	var in []string // the elements that are open; a sitemap nests three
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if in = append(in, token.Name.Local); len(in) > 16 {
				return nil, nil, errors.New("it is nested too deep")
			}
		case xml.EndElement:
			in = in[:len(in)-1]
		case xml.CharData:
			at := strings.TrimSpace(string(token))
			if at == "" {
				continue
			}
			at = strings.Clone(at[:min(len(at), maxURL+1)]) // or the whole text around it would be held
			if *size += len(at); *size > maxListed {
				return nil, nil, errListed
			}
			switch strings.Join(in, "/") {
			case "urlset/url/loc":
				pages = append(pages, at)
			case "sitemapindex/sitemap/loc":
				maps = append(maps, at)
			}
			if len(pages) > maxDocuments || len(maps) > maxSitemaps {
				return nil, nil, errMany
			}
		}
	}
	if pages == nil && maps == nil {
		return nil, nil, errors.New("it is no sitemap, or lists nothing")
	}
	return pages, maps, nil
}
