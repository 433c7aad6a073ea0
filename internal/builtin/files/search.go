package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of a search.
const (
	maxFound    = 500       // lines in one answer
	maxLine     = 400       // bytes of a line that are shown
	maxSearched = 256 << 20 // bytes that are read for one answer
	maxQuery    = 1000      // bytes
)

type searching struct {
	Query  string `json:"query" jsonschema:"what a line must hold"`
	Regexp bool   `json:"regexp,omitempty" jsonschema:"query is a regular expression (RE2)"`
	Fold   bool   `json:"ignore_case,omitempty" jsonschema:"upper and lower case are the same"`
	Path   string `json:"path,omitempty" jsonschema:"the directory to search below; the root unless given"`
	Glob   string `json:"glob,omitempty" jsonschema:"only files whose path matches, such as **/*.md"`
	Limit  int    `json:"limit,omitempty" jsonschema:"lines at most: 100 unless given, at most 500"`
}

type found struct {
	Path string `json:"path"`
	Line int    `json:"line" jsonschema:"its number, from 1"`
	Text string `json:"text" jsonschema:"the line, cut at 400 bytes"`
}

type searched struct {
	Matches []found `json:"matches"`
	Files   int     `json:"files" jsonschema:"text files that were read"`
	Left    bool    `json:"more,omitempty" jsonschema:"there may be more: the search ended at its limit"`
}

func (in *searching) pattern() (*regexp.Regexp, error) {
	if in.Query == "" || len(in.Query) > maxQuery {
		return nil, fmt.Errorf("query must have 1 to %d bytes", maxQuery)
	}
	if in.Glob != "" && !doublestar.ValidatePattern(in.Glob) {
		return nil, fmt.Errorf("glob is no pattern")
	}
	expr := in.Query
	if !in.Regexp {
		expr = regexp.QuoteMeta(expr)
	}
	if in.Fold {
		expr = "(?i)" + expr
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return re, nil
}

func (s *server) search(ctx context.Context, in *searching) (*mcp.CallToolResult, searched, error) {
	re, err := in.pattern()
	if err != nil {
		return nil, searched{}, err
	}
	limit := in.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, maxFound)
	out := searched{Matches: []found{}}
	read := int64(0)
	err = s.walk(ctx, in.Path, maxDepth, func(name string, fi fs.FileInfo, dir *os.Root) error {
		if !fi.Mode().IsRegular() || fi.Size() > s.set.MaxFile || in.Glob != "" && !doublestar.MatchUnvalidated(in.Glob, name) {
			return nil
		}
		if read += fi.Size(); read > maxSearched {
			out.Left = true
			return errEnough
		}
		body, ok := s.textIn(dir, fi.Name())
		if !ok {
			return nil
		}
		out.Files++
		out.Matches = lines(out.Matches, name, body, re, limit+1)
		if len(out.Matches) > limit {
			out.Matches, out.Left = out.Matches[:limit], true
			return errEnough
		}
		return nil
	})
	return nil, out, err
}

// textIn reads a text file of a directory; ok is false for what is none.
func (s *server) textIn(dir *os.Root, base string) (body []byte, ok bool) {
	f, _, err := regular(dir, base)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	body, err = io.ReadAll(io.LimitReader(f, s.set.MaxFile))
	return body, err == nil && isText(body)
}

// lines adds the lines that match, until there are so many.
func lines(to []found, name string, body []byte, re *regexp.Regexp, most int) []found {
	n := 0
	for line := range bytes.Lines(body) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if !re.Match(line) {
			continue
		}
		to = append(to, found{name, n, cut(line)})
		if len(to) >= most {
			break
		}
	}
	return to
}

func cut(line []byte) string {
	if len(line) <= maxLine {
		return string(line)
	}
	return strings.ToValidUTF8(string(line[:maxLine]), "") + "…"
}
