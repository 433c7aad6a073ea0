package gather

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"doorward/internal/docs"
)

// Named is the source that an argument of the command line names: a directory, the URL of
// a sitemap, or a file of URLs. name may be empty: it is made of the last part.
func Named(arg, name string) (docs.Source, error) {
	s := docs.Source{Name: name, Origin: arg}
	switch {
	case strings.HasPrefix(arg, "https://"):
		if end := strings.TrimSuffix(arg, ".gz"); !strings.HasSuffix(end, ".xml") {
			return docs.Source{}, fmt.Errorf("%s is no sitemap (…xml): write the URLs of single pages into a file, one on each line, and name that", arg)
		}
		s.Kind = KindSitemap
		if name == "" {
			host, _, _ := strings.Cut(strings.TrimPrefix(arg, "https://"), "/")
			s.Name = nameOf(host)
		}
	case strings.Contains(arg, "://"):
		return docs.Source{}, fmt.Errorf("%s: documents are fetched over https alone", arg)
	default:
		at, err := filepath.Abs(arg)
		if err != nil {
			return docs.Source{}, err
		}
		fi, err := os.Stat(at)
		if err != nil {
			return docs.Source{}, err
		}
		s.Origin, s.Kind = at, KindTree
		if !fi.IsDir() {
			s.Kind = KindURLs
			if _, err := ReadList(at); err != nil {
				return docs.Source{}, fmt.Errorf("%w: to bring in a single document, name its directory", err)
			}
		}
		if name == "" {
			s.Name = nameOf(strings.TrimSuffix(filepath.Base(at), filepath.Ext(at)))
		}
	}
	if err := CheckName(s.Name); err != nil {
		return docs.Source{}, fmt.Errorf("%w: say one with --name", err)
	}
	return s, nil
}

// nameOf makes a source's name of a file's or a host's.
func nameOf(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(path.Base(s)))
	s = strings.Trim(s, "-._")
	return s[:min(len(s), maxName)]
}

// Opening is what sources are opened with.
type Opening struct {
	Prefix string   // of their documents' URIs
	Ignore []string // of a directory; OpenTree
	Web    *Web     // what is fetched with
}

// Open opens a source.
func Open(s docs.Source, o Opening) (Source, error) {
	switch s.Kind {
	case KindTree:
		return OpenTree(s.Origin, o.Prefix, o.Ignore)
	case KindSitemap:
		return NewSitemap(o.Web, s.Origin, o.Prefix), nil
	case KindURLs:
		return NewURLs(o.Web, s.Origin, o.Prefix), nil
	}
	return nil, fmt.Errorf("the source %s is of no kind that there is: %q", s.Name, s.Kind)
}
