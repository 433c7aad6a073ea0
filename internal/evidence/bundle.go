package evidence

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	pathpkg "path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/durable"
)

// Bounds of a bundle: 20,000 records of 32 KiB at most would not fit, usual ones are
// 700 bytes.
const (
	maxFile  = 128 << 20
	maxTotal = 256 << 20
	maxFiles = 1024
)

// ErrTooLarge means that a bundle would be larger than any may be.
var ErrTooLarge = fmt.Errorf("a bundle has at most %d files of %d MiB, and %d MiB together: look at less time with --since and --until", maxFiles, maxFile>>20, maxTotal>>20)

// Bundle is what is being gathered. The zero value is an empty one.
type Bundle struct {
	files map[string][]byte
	total int64
}

// goodName tells whether a file of a bundle may have a name: short, in ASCII, below
// the bundle's own directory on every system.
func goodName(name string) bool {
	return len(name) <= 200 && filepath.IsLocal(filepath.FromSlash(name)) && fs.ValidPath(name) && name != "." && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("._-/", r)
	})
}

// Add puts a file in. A name is used once.
func (b *Bundle) Add(name string, content []byte) error {
	if !goodName(name) || b.files[name] != nil {
		return fmt.Errorf("a bundle cannot hold %q", name)
	}
	if len(content) > maxFile || len(b.files) >= maxFiles || b.total+int64(len(content)) > maxTotal {
		return ErrTooLarge
	}
	if b.files == nil {
		b.files = map[string][]byte{}
	}
	b.files[name] = slices.Concat([]byte{}, content) // not nil
	b.total += int64(len(content))
	return nil
}

// Seal adds the manifest, and the signature over the digest of its text that sign makes.
func (b *Bundle) Seal(m Manifest, sign func(m Manifest) (note string, err error)) error {
	m.Format, m.Files = Format, []File{}
	for _, name := range b.names() {
		m.Files = append(m.Files, fileOf(name, b.files[name]))
	}
	text, err := m.Text()
	if err != nil {
		return err
	}
	signed, err := sign(m)
	if err != nil {
		return err
	}
	return errors.Join(b.Add(manifestName, text), b.Add(signatureName, []byte(signed)))
}

func (b *Bundle) names() []string { return slices.Sorted(maps.Keys(b.files)) }

// Archive tells whether a bundle at path is one file.
func Archive(path string) bool {
	return strings.HasSuffix(path, ".tar.gz") || strings.HasSuffix(path, ".tgz")
}

// Write puts the bundle in a place where there is nothing yet, whole or not at all,
// for the caller's own user alone: a file when the name says so (Archive), else a
// directory. made is the time that its files have, so that the same bundle has the same
// bytes.
func (b *Bundle) Write(path string, made time.Time) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing %s: there is something already", path)
	}
	var err error
	if Archive(path) {
		err = b.archive(path, made)
	} else {
		err = b.directory(path, made)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func (b *Bundle) archive(path string, made time.Time) error {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, name := range b.names() {
		h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(b.files[name])), ModTime: made.UTC().Truncate(time.Second), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(b.files[name]); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		return err
	}
	return durable.Replace(path, out.Bytes())
}

func (b *Bundle) directory(path string, made time.Time) (err error) {
	temp, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0700
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	for _, name := range b.names() {
		at := filepath.Join(temp, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return err
		}
		if err := durable.Replace(at, b.files[name]); err != nil {
			return err
		}
		if err := os.Chtimes(at, made, made); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

// Open reads a bundle from where Write put it. It does not check it.
func Open(path string) (*Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading a bundle: %w", err)
	}
	b := &Bundle{}
	if info.IsDir() {
		err = b.readDirectory(path)
	} else {
		err = b.readArchive(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the bundle %s: %w", path, err)
	}
	return b, nil
}

func (b *Bundle) readDirectory(path string) error {
	root, err := os.OpenRoot(path) // no link leads out of it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	empty := map[string]bool{} // directories in which nothing was found yet
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		delete(empty, pathpkg.Dir(name))
		if d.IsDir() {
			empty[name] = true
			return nil
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%q is no regular file", name)
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return b.read(name, f)
	})
	for name := range empty {
		err = errors.Join(err, fmt.Errorf("%q is an empty directory", name))
	}
	return err
}

func (b *Bundle) readArchive(path string) error {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.unpack(f)
}

func (b *Bundle) unpack(r io.Reader) error {
	whole := bufio.NewReader(r) // a ByteReader: gzip reads no further than its end
	zip, err := gzip.NewReader(whole)
	if err != nil {
		return err
	}
	zip.Multistream(false)
	in := tar.NewReader(zip)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return ended(zip, whole)
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%q is no regular file", h.Name)
		}
		if err := b.read(h.Name, in); err != nil {
			return err
		}
	}
}

// maxPadding is how many zeros tar may write after its end: a record of 20 blocks.
const maxPadding = 20 * 512

// ended refuses what is behind the end of an archive, where not every program looks.
func ended(zip, whole io.Reader) error {
	rest, err := io.ReadAll(io.LimitReader(zip, maxPadding+1))
	if err == nil && (len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0) {
		err = errors.New("there is something behind the end of the archive")
	}
	if err != nil {
		return err
	}
	if n, err := whole.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return errors.Join(err, errors.New("there is something behind the end of the compressed archive"))
	}
	return nil
}

func (b *Bundle) read(name string, r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, min(maxFile, maxTotal-b.total)+1))
	if err != nil {
		return err
	}
	return b.Add(name, content)
}
