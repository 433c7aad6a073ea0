package gather

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"doorward/internal/docs"
)

// page is a document by its URL. One that redirects led to is told with its content, for
// access rules that are of its URI.
func (w *Web) page(prefix, raw string) (Found, error) {
	u, err := w.places.check(raw)
	if err != nil {
		return Found{}, err
	}
	uri, err := pageURI(prefix, u)
	if err != nil {
		return Found{}, err
	}
	at := u.String()
	if len(at) > maxURL {
		return Found{}, errors.New("its URL is too long")
	}
	name := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	return Found{URI: uri, Origin: at, Name: name, Open: func(ctx context.Context) (Content, error) {
		c, err := w.Fetch(ctx, at, docs.MaxDocument)
		if err != nil {
			return c, err
		}
		if c.URI, err = pageURI(prefix, c.at); err != nil {
			return c, fmt.Errorf("%w: %w", ErrElsewhere, err)
		}
		return c, nil
	}}, nil
}

// pageURI is the URI of a page: its host, its path and its query. Hosts read a path in more
// ways than one; a page whose path could be that of another directory has no URI, so that
// no access rule is gone round.
func pageURI(prefix string, u *url.URL) (string, error) {
	escaped := strings.ToLower(u.EscapedPath())
	if strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") || strings.ContainsAny(u.Path, `\;`) {
		return "", errPath
	}
	parts := append([]string{u.Host}, strings.Split(strings.TrimPrefix(u.Path, "/"), "/")...)
	for i, part := range parts {
		if part == "." || part == ".." || part == "" && i < len(parts)-1 {
			return "", errPath
		}
	}
	if u.RawQuery != "" {
		parts[len(parts)-1] += "?" + u.RawQuery
	}
	return address(prefix, parts)
}

var errPath = errors.New("its path has a part that hosts read in different ways: . or .., an empty one, or one with an escaped slash or a semicolon")
