package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"regexp/syntax"
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
	maxMatched  = 64 << 10  // bytes of a line that are looked at
	maxGlob     = 256       // bytes
	maxBraces   = 4         // the matcher tries each combination
	maxProgram  = 2000      // instructions of an expression: each byte may cost as many steps
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
	if len(in.Glob) > maxGlob || strings.Count(in.Glob, "{") > maxBraces || in.Glob != "" && !doublestar.ValidatePattern(in.Glob) {
		return nil, fmt.Errorf("glob is no pattern, or has more than %d bytes or %d braces", maxGlob, maxBraces)
	}
	expr := in.Query
	if !in.Regexp {
		expr = regexp.QuoteMeta(expr)
	}
	if in.Fold {
		expr = "(?i)" + expr
	}
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, errors.New("query: the expression is too large: take repetitions out")
	}
	return regexp.Compile(expr)
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
	w := walk{s: s, do: func(name string, fi fs.FileInfo, dir *os.Root) error {
		if !fi.Mode().IsRegular() || fi.Size() > s.set.MaxFile || in.Glob != "" && !doublestar.MatchUnvalidated(in.Glob, name) {
			return nil
		}
		if read += fi.Size(); read > maxSearched {
			return errMore
		}
		leave, err := s.hold(ctx, fi.Size())
		if err != nil {
			return err
		}
		defer leave()
		body, ok := s.textIn(dir, fi)
		if !ok {
			return nil
		}
		out.Files++
		if err := out.lines(ctx, name, body, re); err != nil {
			return err
		}
		if len(out.Matches) > limit {
			out.Matches = out.Matches[:limit]
			return errMore
		}
		return nil
	}}
	err = w.from(ctx, in.Path, maxDepth)
	if errors.Is(err, errMore) || errors.Is(err, errMany) {
		out.Left, err = true, nil
	}
	return nil, out, err
}

// textIn reads a text file that was seen in a directory; ok is false for what is none.
func (s *server) textIn(dir *os.Root, seen fs.FileInfo) (body []byte, ok bool) {
	f, _, err := opened(dir, seen.Name(), seen)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	body, err = io.ReadAll(io.LimitReader(f, s.set.MaxFile))
	return body, err == nil && isText(body)
}

// lines adds the lines that match, until there is one more than an answer may have.
func (out *searched) lines(ctx context.Context, name string, body []byte, re *regexp.Regexp) error {
	n := 0
	for line := range bytes.Lines(body) {
		if n++; ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line = bytes.TrimRight(line, "\r\n")
		if !re.Match(line[:min(len(line), maxMatched)]) {
			continue
		}
		if out.Matches = append(out.Matches, found{name, n, cut(line)}); len(out.Matches) > maxFound {
			break
		}
	}
	return nil
}

func cut(line []byte) string {
	if len(line) <= maxLine {
		return string(line)
	}
	return strings.ToValidUTF8(string(line[:maxLine]), "") + "…"
}
