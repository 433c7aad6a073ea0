package upstream

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/sandbox"
)

// Bounds of an installed package that is pinned. The largest server that was looked at has
// 4,000 files and 60 MB.
const (
	maxPackageFiles = 100_000
	maxPackageBytes = 2 << 30
	maxLockBytes    = 64 << 20 // of npm's list of what is installed
)

// installed is a package of Node.js or Python that a command runs, as it is on the disk
// (SUP-09): one line more in a file that is not its main one is another package
// (postmark-mcp 1.0.16).
type installed struct {
	Name      string `json:"name"` // of Python, empty where the program is of no distribution
	Version   string `json:"version"`
	Integrity string `json:"integrity,omitempty"` // of its archive, as npm had it from the registry
	Lock      string `json:"lock,omitempty"`      // digest of the list of all that was installed with it, each with its integrity
	Files     string `json:"files"`               // digest of all its files; of Python, of those of its environment

	// Of Python: all distributions of its environment, and the files that are not as their
	// RECORD has them, or in none.
	With     []string `json:"with,omitempty"`
	Altered  []string `json:"altered,omitempty"`
	Unlisted []string `json:"unlisted,omitempty"`
}

// packages remembers what is installed as long as the files are the same.
type packages struct {
	mu    sync.Mutex
	known map[string]pinnedPackage // by directory, and of Python also by program
}

// pinnedPackage is a package with the mark of its files: which they are, and since when.
type pinnedPackage struct {
	dir    string
	places []string // that have its files, and the list of what was installed; some may not be there
	mark   gate.Digest
	what   installed
}

// placed is a mark, and which of the files was changed last.
type placed struct {
	mark gate.Digest
	last sandbox.File
}

// modules is the directory that packages of Node.js are installed in.
const modules = "node_modules"

// packageOf splits the absolute path of a file that is executed: the directory that holds the
// outermost node_modules, and from there the path of the package that the file belongs to.
func packageOf(path string) (root, at string, ok bool) {
	const within = string(filepath.Separator) + modules + string(filepath.Separator)
	first, last := strings.Index(path, within), strings.LastIndex(path, within)
	if first < 0 {
		return "", "", false
	}
	parts := strings.Split(path[last+len(within):], string(filepath.Separator))
	n := 1
	if strings.HasPrefix(parts[0], "@") {
		n = 2
	}
	if len(parts) <= n { // a file of no package
		return "", "", false
	}
	return path[:first+1], filepath.Join(path[first+1:last+len(within)], filepath.Join(parts[:n]...)), true
}

// of is the package that a file that is executed belongs to; false where it is in none.
func (p *packages) of(path string, seen marks) (pinnedPackage, bool, error) {
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		target, err = filepath.Abs(target) // a name is relative where the command's directory is Doorward's
	}
	if err != nil {
		return pinnedPackage{}, false, err
	}
	root, at, ok := packageOf(target)
	if !ok {
		return pinnedPackage{}, false, nil
	}
	dir := filepath.Join(root, at)
	found, err := p.remembered(dir, pinnedPackage{dir: dir, places: []string{listOf(root), dir}}, seen, func() (installed, error) { return installedAt(root, at) })
	return found, true, err
}

// remembered is what read reads, or has read before where the files are the same.
func (p *packages) remembered(key string, now pinnedPackage, seen marks, read func() (installed, error)) (pinnedPackage, error) {
	dir, places := now.dir, now.places
	is, err := seen.of(places)
	if now.mark = is.mark; err != nil {
		return pinnedPackage{}, err
	}
	p.mu.Lock()
	had, known := p.known[key]
	p.mu.Unlock()
	if known && had.mark == now.mark {
		return had, nil
	}
	is.last.Settle()
	if now.what, err = read(); err != nil {
		return pinnedPackage{}, fmt.Errorf("reading the package in %s: %w", dir, err)
	}
	if after, err := markOf(places); err != nil || after.mark != now.mark {
		return pinnedPackage{}, errors.Join(fmt.Errorf("the package in %s changed while it was read", dir), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxDigests {
		p.known = map[string]pinnedPackage{}
	}
	p.known[key] = now
	return now, nil
}

// still tells whether a package has the files that were digested.
func (p pinnedPackage) still() error {
	now, err := markOf(p.places)
	if err == nil && now.mark != p.mark {
		err = fmt.Errorf("the package in %s was changed while the command started", p.dir)
	}
	return err
}

// listOf is npm's own list of what it installed below a directory.
func listOf(root string) string { return filepath.Join(root, modules, ".package-lock.json") }

// marks are those of places that were looked at for one purpose, such as all commands of a server: many
// commands may be of one package, which has many files. nil keeps none.
type marks map[string]placed

func (m marks) of(places []string) (is placed, err error) {
	key := strings.Join(places, "\x00")
	if is, ok := m[key]; ok {
		return is, nil
	}
	if is, err = markOf(places); err == nil && m != nil {
		m[key] = is
	}
	return is, err
}

// markOf digests which files are in some places and since when, without reading them.
func markOf(places []string) (is placed, err error) {
	h := sha256.New()
	for _, place := range places {
		if absent(place) {
			continue
		}
		err := walk(place, func(path string, d fs.DirEntry) error {
			if d.Type()&fs.ModeSymlink != 0 {
				return fieldLink(h, path)
			}
			f, err := sandbox.Look(path)
			field(h, fmt.Sprintf("%+v", f))
			if f.Changed > is.last.Changed {
				is.last = f
			}
			return err
		})
		if err != nil {
			return is, err
		}
	}
	h.Sum(is.mark[:0])
	return is, nil
}

// walk goes through the files and links of a package, in the order of their names.
func walk(dir string, each func(path string, d fs.DirEntry) error) error {
	files := 0
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case !d.Type().IsRegular() && d.Type()&fs.ModeSymlink == 0:
			return fmt.Errorf("%s is neither a file nor a link", path)
		}
		if files++; files > maxPackageFiles {
			return fmt.Errorf("it has more than %d files", maxPackageFiles)
		}
		return each(path, d)
	})
}

// field adds one text to a digest, so that no two lists of texts are alike.
func field(h hash.Hash, text string) { fmt.Fprintf(h, "%d:%s", len(text), text) }

func fieldLink(h hash.Hash, path string) error {
	to, err := os.Readlink(path)
	field(h, path)
	field(h, to)
	return err
}

// installedAt reads a package.
func installedAt(root, at string) (installed, error) {
	dir := filepath.Join(root, at)
	var is installed
	raw, err := durable.ReadNamed(filepath.Join(dir, "package.json"), 1<<20)
	if err != nil {
		return is, err
	}
	if err := json.Unmarshal(raw, &struct{ Name, Version *string }{&is.Name, &is.Version}); err != nil {
		return is, fmt.Errorf("package.json: %w", err)
	}
	if err := is.listed(root, at); err != nil {
		return is, err
	}
	is.Files, err = filesOf(dir, []string{dir}, func(string, []byte) {})
	return is, err
}

// listed fills in what npm's list says of the package. Other installers write none.
func (is *installed) listed(root, at string) error {
	raw, err := durable.ReadNamed(listOf(root), maxLockBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var list struct {
		Packages map[string]struct{ Integrity string }
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s: %w", listOf(root), err)
	}
	is.Integrity = list.Packages[filepath.ToSlash(at)].Integrity
	is.Lock = gate.Digest(sha256.Sum256(raw)).String()
	return nil
}

// filesOf digests all files in some places of a directory: name, whether it may be executed,
// and content. Each file's own digest goes to seen.
func filesOf(dir string, places []string, seen func(path string, sum []byte)) (string, error) {
	h, left := sha256.New(), int64(maxPackageBytes)
	for _, place := range places {
		if absent(place) {
			continue
		}
		err := walk(place, func(path string, d fs.DirEntry) error {
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			field(h, filepath.ToSlash(name))
			if d.Type()&fs.ModeSymlink != 0 {
				to, err := os.Readlink(path)
				field(h, "link "+to)
				return err
			}
			what, sum, err := fileOf(path, &left)
			field(h, what)
			seen(path, sum)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return gate.Digest(h.Sum(nil)).String(), nil
}

// fileOf digests a file; left is how many bytes it may have.
func fileOf(path string, left *int64) (what string, sum []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	own := sha256.New()
	n, err := io.Copy(own, io.LimitReader(f, *left+1))
	if *left -= n; *left < 0 {
		return "", nil, fmt.Errorf("it has more than %d bytes", maxPackageBytes)
	}
	sum = own.Sum(nil)
	return fmt.Sprintf("file %t %x", info.Mode()&0o111 != 0, sum), sum, err
}
