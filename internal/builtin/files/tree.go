package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/ignore"
	"doorward/internal/kernelfs"
)

// Why a path is not served.
var (
	errPath    = errors.New("the path must be relative to the root, with / between its parts, no . or .. among them and no control characters")
	errAbsent  = errors.New("there is no such file")
	errNotFile = errors.New("it is no regular file")
	errNotDir  = errors.New("it is no directory")
	errMany    = fmt.Errorf("there are more than %d files and directories here: name a directory further in", maxWalked)
)

// Bounds of a path.
const (
	maxPath  = 4096 // bytes (PATH_MAX of Linux)
	maxParts = 64
)

// tree is a directory and what is below it, as far as it is served. Links are never
// followed, whether or not they lead out: each directory on the way is opened in the one
// above and must be the very one that was looked at, so that one who swaps a directory for
// a link in between gains nothing (security cases POL-04 and POL-05).
type tree struct {
	root   *os.Root
	ignore []string // patterns, plain; what one matches does not exist for clients
}

// clean checks a client's path; "" and "." are the root.
func clean(name string) (string, error) {
	if name == "" || name == "." {
		return ".", nil
	}
	if len(name) > maxPath || !fs.ValidPath(name) || strings.Count(name, "/") >= maxParts || !utf8.ValidString(name) {
		return "", errPath
	}
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\\' || unicode.Is(unicode.Cf, r) }) {
		return "", errPath
	}
	return name, nil
}

// ignored tells whether a path, or a directory that it is in, is kept from clients. What
// file systems may have no eye for is of no account.
func (t *tree) ignored(name string) bool {
	if name == "." {
		return false
	}
	for at, above := plainPath(name), true; above; {
		slash := strings.LastIndexByte(at, '/')
		base := at[slash+1:]
		if base == trash || strings.HasPrefix(base, trash+".") {
			return true
		}
		if ignore.Matches(t.ignore, at) {
			return true
		}
		if above = slash > 0; above {
			at = at[:slash]
		}
	}
	return false
}

// dir opens a directory of the tree; the caller closes it.
func (t *tree) dir(name string) (*os.Root, error) {
	name, err := clean(name)
	if err != nil {
		return nil, err
	}
	if t.ignored(name) {
		return nil, errAbsent
	}
	at, err := t.root.OpenRoot(".")
	if err != nil || name == "." {
		return at, absent(err)
	}
	for part := range strings.SplitSeq(name, "/") {
		next, err := step(at, part)
		_ = at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// step opens a directory in another, which must not be a link.
func step(at *os.Root, part string) (*os.Root, error) {
	seen, err := spelled(at, part)
	if err != nil {
		return nil, err
	}
	return enter(at, part, seen)
}

// enter opens a directory in another, which must be what was seen there.
func enter(at *os.Root, part string, seen fs.FileInfo) (*os.Root, error) {
	if !seen.IsDir() {
		return nil, errNotDir
	}
	next, err := at.OpenRoot(part)
	if err != nil {
		return nil, absent(err)
	}
	is, err := next.Stat(".")
	if err != nil || !os.SameFile(seen, is) {
		_ = next.Close()
		return nil, errAbsent
	}
	return next, nil
}

// entries are the names of a directory in order.
func entries(dir *os.Root) ([]fs.DirEntry, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, absent(err)
	}
	defer f.Close()
	all, err := f.ReadDir(maxWalked + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, absent(err)
	}
	if len(all) > maxWalked {
		return nil, errMany
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// parent opens the directory that a path is in, and says the path's last part.
func (t *tree) parent(name string) (*os.Root, string, error) {
	name, err := clean(name)
	if err != nil {
		return nil, "", err
	}
	if name == "." {
		return nil, "", errNotFile
	}
	if t.ignored(name) {
		return nil, "", errAbsent
	}
	dir, err := t.dir(path.Dir(name))
	return dir, path.Base(name), err
}

// open opens a regular file; the caller closes it.
func (t *tree) open(name string) (*os.File, fs.FileInfo, error) {
	dir, base, err := t.parent(name)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	return regular(dir, base)
}

// regular opens a regular file in a directory.
func regular(dir *os.Root, base string) (*os.File, fs.FileInfo, error) {
	seen, err := spelled(dir, base)
	if err != nil {
		return nil, nil, err
	}
	return opened(dir, base, seen)
}

// opened opens a regular file in a directory, which must be what was seen there. It does not wait
// for the other end of a pipe.
func opened(dir *os.Root, base string, seen fs.FileInfo) (*os.File, fs.FileInfo, error) {
	if !seen.Mode().IsRegular() {
		return nil, nil, errNotFile
	}
	f, err := dir.OpenFile(base, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, nil, absent(err)
	}
	is, err := f.Stat()
	if err != nil || !is.Mode().IsRegular() || !os.SameFile(seen, is) || kernelfs.Has(f) {
		_ = f.Close()
		return nil, nil, errNotFile
	}
	return f, is, nil
}

// absent is an error of the file system without the paths of this machine.
func absent(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errAbsent
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	return fmt.Errorf("the file system refuses it: %w", err)
}
