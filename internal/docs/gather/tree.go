package gather

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"doorward/internal/docs"
	"doorward/internal/ignore"
	"doorward/internal/kernelfs"
)

// Bounds of a directory.
const (
	maxEntries = 50_000 // of one directory
	maxDepth   = 64
)

var errSwapped = errors.New("it is another file than a moment ago, or no regular one")

// Tree is a directory and what is below it. Links are not followed: each directory is
// opened in the one above, and must be the very one that was looked at.
type Tree struct {
	root   *os.Root
	prefix string
	ignore []string
	most   int // entries of a directory
}

// OpenTree opens a directory. ignore are patterns in lower case: of a name, or with a / of
// a path below the directory; what one matches is not there.
func OpenTree(dir, prefix string, ignore []string) (*Tree, error) {
	for _, p := range ignore {
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("%q is no pattern", p)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := kernelfs.Refuse(root); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Tree{root: root, prefix: prefix, ignore: ignore, most: maxEntries}, nil
}

// Close implements Source.
func (t *Tree) Close() error { return t.root.Close() }

// Walk implements Source. Names of a directory are visited in order.
func (t *Tree) Walk(ctx context.Context, v Visit) error {
	w := walk{Tree: t, visit: v}
	return w.below(ctx, t.root, nil)
}

// walk is one going through a tree.
type walk struct {
	*Tree
	visit Visit
	found int
}

// below visits what is in a directory.
func (w *walk) below(ctx context.Context, dir *os.Root, parts []string) error {
	names, err := entries(dir, w.most)
	if err != nil {
		return w.unread(parts, err)
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at := append(slices.Clone(parts), name)
		if w.ignored(at) {
			continue
		}
		if !readable(name) {
			w.visit.Skipped(strings.ToValidUTF8(strings.Join(at, "/"), "?"), "its name has characters that are not shown")
			continue
		}
		fi, err := dir.Lstat(name)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := w.unread(at, err); err != nil {
				return err
			}
			continue
		}
		if err := w.one(ctx, dir, at, fi); err != nil {
			return err
		}
	}
	return nil
}

// one visits an entry of a directory.
func (w *walk) one(ctx context.Context, dir *os.Root, at []string, fi fs.FileInfo) error {
	origin := strings.Join(at, "/")
	switch {
	case fi.IsDir() && len(at) >= maxDepth:
		w.visit.Skipped(origin, fmt.Sprintf("it lies %d directories deep", maxDepth))
		return nil
	case fi.IsDir():
		next, err := step(dir, at[len(at)-1], fi)
		if err != nil {
			return w.unread(at, err)
		}
		defer next.Close()
		return w.below(ctx, next, at)
	case fi.Mode()&fs.ModeSymlink != 0:
		w.visit.Skipped(origin, "it is a link")
		return nil
	case !fi.Mode().IsRegular():
		w.visit.Skipped(origin, "it is no regular file")
		return nil
	case fi.Size() > docs.MaxDocument:
		w.visit.Skipped(origin, ErrLarge.Error())
		return nil
	}
	uri, err := address(w.prefix, at)
	if err != nil {
		w.visit.Skipped(origin, err.Error())
		return nil
	}
	if w.found++; w.found > maxDocuments {
		return errMany
	}
	return w.visit.Found(Found{URI: uri, Origin: origin, Name: path.Base(origin), Open: func(context.Context) (Content, error) {
		return w.open(at)
	}})
}

// unread tells of a directory or a file that cannot be looked into. Without the root
// nothing is known at all.
func (w *walk) unread(at []string, err error) error {
	if len(at) == 0 {
		return err
	}
	below, addressed := address(w.prefix, at)
	if addressed != nil {
		return addressed
	}
	w.visit.Unread(below, strings.Join(at, "/"), err)
	return nil
}

// ignored tells whether a path is not to be seen. Case is of no account: a file system may
// have none.
func (t *Tree) ignored(at []string) bool {
	return ignore.Matches(t.ignore, strings.ToLower(strings.Join(at, "/")))
}

// open reads a file: each directory on the way, and the file itself, must not be a link.
func (t *Tree) open(at []string) (Content, error) {
	dir, err := t.root.OpenRoot(".")
	if err != nil {
		return Content{}, err
	}
	defer func() { dir.Close() }()
	for _, part := range at[:len(at)-1] {
		fi, err := dir.Lstat(part)
		if err != nil {
			return Content{}, gone(err)
		}
		next, err := step(dir, part, fi)
		if err != nil {
			return Content{}, gone(err)
		}
		dir.Close()
		dir = next
	}
	return read(dir, at[len(at)-1])
}

// read reads a regular file of a directory. It does not wait for the other end of a pipe.
func read(dir *os.Root, name string) (Content, error) {
	seen, err := dir.Lstat(name)
	if err != nil {
		return Content{}, gone(err)
	}
	if !seen.Mode().IsRegular() {
		return Content{}, errSwapped
	}
	f, err := dir.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return Content{}, gone(err)
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil || !os.SameFile(seen, is) {
		return Content{}, errSwapped
	}
	if kernelfs.Has(f) {
		return Content{}, ErrKernel
	}
	raw, err := io.ReadAll(io.LimitReader(f, docs.MaxDocument+1))
	if err != nil {
		return Content{}, err
	}
	if len(raw) > docs.MaxDocument {
		return Content{}, ErrLarge
	}
	return Content{Bytes: raw, Modified: whole(is.ModTime())}, nil
}

// step opens a directory in another, which must be the one that was looked at.
func step(dir *os.Root, name string, seen fs.FileInfo) (*os.Root, error) {
	if !seen.IsDir() {
		return nil, errSwapped
	}
	next, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	is, err := next.Stat(".")
	if err != nil || !os.SameFile(seen, is) {
		next.Close()
		return nil, errSwapped
	}
	return next, nil
}

// entries are the names in a directory, in order.
func entries(dir *os.Root, most int) ([]string, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(most + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > most {
		return nil, fmt.Errorf("it has more than %d files and directories", most)
	}
	slices.Sort(names)
	return names, nil
}

// gone tells a file that was removed from one that cannot be read.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrGone
	}
	return err
}
