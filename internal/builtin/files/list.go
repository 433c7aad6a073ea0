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

// errEnough ends a walk that has what it needs.
var errEnough = errors.New("enough")

func (s *server) list(ctx context.Context, in *listing) (*mcp.CallToolResult, listed, error) {
	depth, limit := max(in.Depth, 1), in.Limit
	if limit <= 0 || limit > maxEntries {
		limit = maxEntries
	}
	if depth > maxDepth {
		return nil, listed{}, fmt.Errorf("depth must be at most %d", maxDepth)
	}
	out := listed{Entries: []stated{}}
	err := s.walk(ctx, in.Path, depth, func(name string, fi fs.FileInfo, _ *os.Root) error {
		if in.After != "" && !behind(name, in.After) {
			return nil
		}
		if len(out.Entries) == limit {
			out.Next = out.Entries[limit-1].Path
			return errEnough
		}
		out.Entries = append(out.Entries, stateOf(name, fi))
		return nil
	})
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
func (s *server) walk(ctx context.Context, name string, depth int, do visit) error {
	name, err := clean(name)
	if err != nil {
		return err
	}
	dir, err := s.dir(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	w := walk{s: s, do: do}
	if err := w.below(ctx, dir, name, depth); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

type walk struct {
	s    *server
	do   visit
	seen int
}

func (w *walk) below(ctx context.Context, dir *os.Root, name string, depth int) error {
	all, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return absent(err)
	}
	for _, e := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.seen++; w.seen > maxWalked {
			return fmt.Errorf("there are more than %d files and directories below: name a directory further in", maxWalked)
		}
		at := path.Join(name, e.Name())
		if _, err := clean(at); err != nil || w.s.ignored(at) {
			continue
		}
		fi, err := dir.Lstat(e.Name())
		if err != nil || !fi.IsDir() && !fi.Mode().IsRegular() {
			continue
		}
		if err := w.do(at, fi, dir); err != nil {
			return err
		}
		if !fi.IsDir() || depth <= 1 {
			continue
		}
		next, err := step(dir, e.Name())
		if err != nil {
			continue // it was replaced meanwhile
		}
		err = w.below(ctx, next, at, depth-1)
		_ = next.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
