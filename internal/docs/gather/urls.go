package gather

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Bounds of a list of URLs.
const (
	maxURL  = 2 << 10 // bytes of one
	maxList = 8 << 20 // bytes of the file
)

// URLs is a file with a URL on each line. Blank lines, and what begins with #, are passed
// over.
type URLs struct {
	web    *Web
	prefix string
	path   string
}

// NewURLs makes a source of a file.
func NewURLs(web *Web, path, prefix string) *URLs { return &URLs{web: web, path: path, prefix: prefix} }

// Close implements Source.
func (*URLs) Close() error { return nil }

// Walk implements Source. A line that is no URL is an error: the file is none of URLs.
func (u *URLs) Walk(ctx context.Context, v Visit) error {
	list, err := ReadList(u.path)
	if err != nil {
		return err
	}
	return u.web.visit(ctx, u.prefix, list, v)
}

// visit tells of documents by their URLs.
func (w *Web) visit(ctx context.Context, prefix string, list []string, v Visit) error {
	seen := map[string]bool{}
	for _, raw := range list {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, err := w.page(prefix, raw)
		if err != nil {
			v.Skipped(raw, err.Error())
			continue
		}
		if seen[f.URI] {
			continue
		}
		seen[f.URI] = true
		if len(seen) > maxDocuments {
			return errMany
		}
		if err := v.Found(f); err != nil {
			return err
		}
	}
	return nil
}

// ReadList reads a file of URLs.
func ReadList(path string) ([]string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() || fi.Size() > maxList {
		return nil, errors.Join(err, fmt.Errorf("%s is no file, or has more than %d bytes", path, maxList))
	}
	var list []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.HasPrefix(line, "https://") {
			return nil, fmt.Errorf("line %d of %s is no https URL: a list of URLs has one on each line", n, path)
		}
		list = append(list, line)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no URL", path)
	}
	return list, nil
}
