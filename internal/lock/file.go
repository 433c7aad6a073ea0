package lock

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// maxFile bounds doorward.lock, read or written: 64 MiB.
const maxFile = 64 << 20

// version is the format version of the lock file.
const version = 1

// Lock is the content of a lock file. It is never changed once made.
type Lock struct {
	pins      map[key]Pin
	sequence  uint64     // counts the files that were signed; 0: none was
	signature *signature // nil: not signed
}

// Load reads a lock file. A file that does not exist is an empty lock. One that
// is too large, writable for everybody, malformed, edited by hand (a digest that is not its
// definition's) or left with merge-conflict markers is an error, and the
// gateway must not start with it.
func Load(path string) (*Lock, error) {
	l, _, err := load(path)
	return l, err
}

// fingerprint tells whether a file is the one that was read; the zero value
// stands for a file that does not exist.
type fingerprint [sha256.Size]byte

func load(path string) (*Lock, fingerprint, error) {
	data, err := readLock(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Lock{}, fingerprint{}, nil
	}
	if err != nil {
		return nil, fingerprint{}, fmt.Errorf("reading the lock file: %w", err)
	}
	l, err := Parse(data)
	if err != nil {
		return nil, fingerprint{}, fmt.Errorf("lock file %s: %w", path, err)
	}
	return l, sha256.Sum256(data), nil
}

// current is the fingerprint of the file as it is now.
func current(path string) (fingerprint, error) {
	data, err := readLock(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fingerprint{}, nil
	}
	if err != nil {
		return fingerprint{}, fmt.Errorf("reading the lock file: %w", err)
	}
	return sha256.Sum256(data), nil
}

// othersWrite is the mode bit of a file that every local user may write to.
const othersWrite fs.FileMode = 0o002

// readLock reads a lock file, unless every local user may approve definitions
// by writing to it. Windows has no such mode bits.
func readLock(path string) ([]byte, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&othersWrite != 0 {
		return nil, fmt.Errorf("%s has mode %#o: everybody on this machine may write approvals to it; run chmod o-w %s", path, mode, path)
	}
	return readAll(f, maxFile)
}

// read reads a file of at most limit bytes.
func read(path string, limit int64) ([]byte, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, limit)
}

func readAll(f *os.File, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", f.Name(), limit>>20)
	}
	return data, nil
}

// Save writes the lock atomically: a reader sees the old file or the new one,
// also after a power cut. The file's mode is 0644, because it belongs into Git
// and holds no secret.
func (l *Lock) Save(path string) error {
	_, err := l.save(path, nil)
	return err
}

// save writes the file; just before it takes the old one's place, unchanged is
// asked whether it still may.
func (l *Lock) save(path string, unchanged func() error) (fingerprint, error) {
	data := l.Bytes()
	if len(data) > maxFile {
		return fingerprint{}, fmt.Errorf("the lock file would be larger than %d MiB", maxFile>>20)
	}
	if err := replace(path, data, 0o644, unchanged); err != nil {
		return fingerprint{}, fmt.Errorf("writing the lock file: %w", err)
	}
	return sha256.Sum256(data), nil
}

// replace puts data in path's place: a new file beside it, synced, renamed, the
// directory synced. A symbolic link keeps pointing at the new content.
func replace(path string, data []byte, mode fs.FileMode, unchanged func() error) (err error) {
	if target, e := filepath.EvalSymlinks(path); e == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if unchanged != nil {
		if err = unchanged(); err != nil {
			return err
		}
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes the rename durable where the file system can; one that cannot
// sync a directory has no better answer.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}

// Pins are the entries in the file's order: by upstream, kind and name.
func (l *Lock) Pins() []Pin {
	pins := make([]Pin, 0, len(l.pins))
	for _, p := range l.pins {
		pins = append(pins, p)
	}
	slices.SortFunc(pins, func(a, b Pin) int { return compareKeys(a.key(), b.key()) })
	return pins
}

// Bytes is the file's content: the same lock always gives the same bytes.
func (l *Lock) Bytes() []byte {
	dst := l.body()
	if s := l.signature; s != nil {
		dst = append(appendString(append(newline(dst, 1), `"signed_by": `...), SignerText(s.by)), ',')
		dst = appendString(append(newline(dst, 1), `"signature": `...), base64.StdEncoding.EncodeToString(s.value))
	}
	return append(dst, "\n}\n"...)
}

// body is Bytes up to the signature, which is about it.
func (l *Lock) body() []byte {
	dst := fmt.Appendf(nil, "{\n  \"version\": %d,", version)
	if l.sequence > 0 {
		dst = fmt.Appendf(dst, "\n  \"sequence\": %d,", l.sequence)
	}
	dst = append(dst, "\n  \"upstreams\": {"...)
	var last *Pin
	pins := l.Pins()
	for i := range pins {
		p := &pins[i]
		switch {
		case last == nil:
			dst = openKind(openUpstream(dst, p), p)
		case last.Upstream != p.Upstream:
			dst = append(newline(append(newline(dst, 3), ']'), 2), '}', ',')
			dst = openKind(openUpstream(dst, p), p)
		case last.Kind != p.Kind:
			dst = openKind(append(newline(dst, 3), ']', ','), p)
		default:
			dst = append(dst, ',')
		}
		dst = appendPin(newline(dst, 4), p)
		last = p
	}
	if last != nil {
		dst = newline(append(newline(append(newline(dst, 3), ']'), 2), '}'), 1)
	}
	if dst = append(dst, '}'); l.signature != nil {
		dst = append(dst, ',')
	}
	return dst
}

func openUpstream(dst []byte, p *Pin) []byte {
	return append(appendString(newline(dst, 2), p.Upstream), ':', ' ', '{')
}

func openKind(dst []byte, p *Pin) []byte {
	return append(appendString(newline(dst, 3), section(p.Kind)), ':', ' ', '[')
}

// appendPin appends one entry, at indentation level 4.
func appendPin(dst []byte, p *Pin) []byte {
	verb := "approved"
	if p.State != gate.Approved {
		verb = "rejected"
	}
	field := func(name, value string) {
		dst = append(newline(dst, 5), '"')
		dst = append(append(dst, name...), '"', ':', ' ')
		dst = append(appendString(dst, value), ',')
	}
	dst = append(dst, '{')
	field("name", p.Name)
	field("digest", p.Digest.String())
	field("state", verb)
	field(verb+"_by", p.By)
	field(verb+"_at", p.At.UTC().Format(time.RFC3339))
	if len(p.Accepted) > 0 {
		dst = appendAccepted(dst, p.Accepted)
	}
	dst = append(newline(dst, 5), `"definition": `...)
	dst = appendIndented(dst, p.Definition, 5)
	return append(newline(dst, 4), '}')
}

// appendAccepted appends the rules that an entry accepts, on one line.
func appendAccepted(dst []byte, rules []string) []byte {
	dst = append(newline(dst, 5), `"accepted": [`...)
	for i, rule := range rules {
		if i > 0 {
			dst = append(dst, ',', ' ')
		}
		dst = appendString(dst, rule)
	}
	return append(dst, ']', ',')
}
