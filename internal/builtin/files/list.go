package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of a walk.
const (
	maxEntries = 1000   // in one answer
	maxWalked  = 50_000 // looked at for one answer
	maxDepth   = 16
)

type listing struct {
	Path  string `json:"path,omitempty" jsonschema:"the directory; the root unless given"`
	Depth int    `json:"depth,omitempty" jsonschema:"how many levels of directories: 1 unless given, at most 16"`
	After string `json:"after,omitempty" jsonschema:"go on behind this path: next of the answer before"`
	Limit int    `json:"limit,omitempty" jsonschema:"entries at most: 1000 unless given, which is the most"`
}

type listed struct {
	Entries []stated `json:"entries"`
	Next    string   `json:"next,omitempty" jsonschema:"there is more: give this as after"`
}

// errMore ends a walk that has what it needs.
var errMore = errors.New("there is more")

func (s *server) list(ctx context.Context, in *listing) (*mcp.CallToolResult, listed, error) {
	depth, limit := max(in.Depth, 1), in.Limit
	if limit <= 0 || limit > maxEntries {
		limit = maxEntries
	}
	if depth > maxDepth {
		return nil, listed{}, fmt.Errorf("depth must be at most %d", maxDepth)
	}
	out := listed{Entries: []stated{}}
	w := walk{s: s, after: in.After, do: func(name string, fi fs.FileInfo, _ *os.Root) error {
		if len(out.Entries) == limit {
			return errMore
		}
		out.Entries = append(out.Entries, stateOf(name, fi))
		return nil
	}}
	err := w.from(ctx, in.Path, depth)
	if n := len(out.Entries); n > 0 && (errors.Is(err, errMore) || errors.Is(err, errMany)) {
		out.Next, err = out.Entries[n-1].Path, nil
	}
	return nil, out, err
}

// behind tells whether a walk comes to name after other.
func behind(name, other string) bool {
	return slices.Compare(strings.Split(name, "/"), strings.Split(other, "/")) > 0
}

// visit is told of each file and directory that is served; in is the directory that has it.
type visit func(name string, fi fs.FileInfo, in *os.Root) error

// walk visits what is below a directory, each directory before what is in it and the names
// of one in order. What is neither a regular file nor a directory is left out.
type walk struct {
	s     *server
	after string // what comes before it, or is it, is passed over
	do    visit
	seen  int
}

// from walks a directory and so many levels below it. It ends with the error of a visit, or
// with errMany.
func (w *walk) from(ctx context.Context, name string, depth int) error {
	name, err := clean(name)
	if err != nil {
		return err
	}
	dir, err := w.s.dir(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return w.below(ctx, dir, name, depth)
}

func (w *walk) below(ctx context.Context, dir *os.Root, name string, depth int) error {
	all, err := entries(dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		at := path.Join(name, e.Name())
		if w.passed(at) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.seen++; w.seen > maxWalked {
			return errMany
		}
		if _, err := clean(at); err != nil || w.s.ignored(at) {
			continue
		}
		fi, err := dir.Lstat(e.Name())
		if err != nil || !fi.IsDir() && !fi.Mode().IsRegular() {
			continue
		}
		if w.after == "" || behind(at, w.after) {
			if err := w.do(at, fi, dir); err != nil {
				return err
			}
		}
		if !fi.IsDir() || depth <= 1 {
			continue
		}
		if err := w.into(ctx, dir, at, fi, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// passed tells whether a path, and all that may be below it, comes before what was asked for.
func (w *walk) passed(at string) bool {
	return w.after != "" && !behind(at, w.after) && !strings.HasPrefix(w.after, at+"/") && at != w.after
}

// into goes on below a directory that was seen in another.
func (w *walk) into(ctx context.Context, dir *os.Root, at string, seen fs.FileInfo, depth int) error {
	next, err := enter(dir, path.Base(at), seen)
	if err != nil {
		return nil //nolint:nilerr // it was replaced meanwhile
	}
	defer next.Close()
	return w.below(ctx, next, at, depth)
}
