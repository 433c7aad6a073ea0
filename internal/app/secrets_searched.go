package app

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/durable"
	"doorward/internal/leak"
)

// Bounds of a search for secrets at rest.
const (
	maxPlaces     = 1_000     // listed; the others are counted
	maxUnlooked   = 100       // of what could not be looked at
	maxSearched   = 1_000_000 // files
	maxInflated   = 1 << 36   // bytes that a compressed file may hold: segments have at most a hundredth of it
	rounds        = 5         // in which files are looked for that were renamed meanwhile
	compressedExt = ".gz"
)

// seeking is a search under way.
type seeking struct {
	values   []leak.Secret
	watch    *leak.Watch
	homes    map[string]string // where a secret is kept in a file, by its name
	known    map[string]bool   // paths that were looked at
	progress func(files int, bytes int64)
	out      *SecretsSought
}

// lookEverywhere looks through places. A gateway that runs replaces files and renames them:
// what is gone when it is opened is looked for again under another name.
func (k *seeking) lookEverywhere(ctx context.Context, own, further []string) error {
	if k.watch == nil {
		for _, place := range further { // a name that is written wrong is said all the same
			if _, err := os.Stat(place); err != nil {
				k.unlooked(err)
			}
		}
		return nil
	}
	for round := 1; ; round++ {
		gone := ""
		for _, place := range slices.Concat(own, further) {
			missed, err := k.lookUnder(ctx, place, !slices.Contains(own, place))
			if err != nil {
				return err
			}
			if missed != "" {
				gone = missed
			}
		}
		if gone == "" {
			return nil
		}
		if round == rounds {
			k.unlooked(fmt.Errorf("%s: files come and go faster than they are looked at: look again", gone))
			return nil
		}
	}
}

// lookUnder looks at a file, or at each one in a directory. gone is one that is not there any more.
func (k *seeking) lookUnder(ctx context.Context, place string, must bool) (gone string, err error) {
	root, err := filepath.Abs(place)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		if must || !errors.Is(err, fs.ErrNotExist) {
			k.unlookedOnce(place, err)
		}
		return "", nil
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case k.known[path]:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			gone = path
			return nil
		case err != nil:
			k.unlookedOnce(path, err)
			return nil
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			k.known[path] = true
			k.out.PassedBy++
			return nil
		case k.out.Files >= maxSearched:
			k.unlookedOnce(root, fmt.Errorf("there are more than %d files", maxSearched))
			return fs.SkipAll
		}
		err = k.lookAt(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			gone = path
			return nil
		}
		k.known[path] = true
		if err != nil && ctx.Err() == nil {
			k.unlooked(err)
		}
		return nil
	})
	return gone, err
}

// unlookedOnce is unlooked of a path that comes again in the next round.
func (k *seeking) unlookedOnce(path string, err error) {
	if !k.known[path] {
		k.known[path] = true
		k.unlooked(err)
	}
}

// lookAt looks at a file as long as it is now, and at what it decompresses to.
func (k *seeking) lookAt(ctx context.Context, path string) (err error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	k.out.Files++
	shown, names := k.watch.Mask([]byte(path))
	h := looking{seeking: k, path: string(shown), info: info}
	if len(names) > 0 {
		h.list(SecretFound{File: h.path, InName: true, Secrets: names})
	}
	if err := h.through(ctx, io.LimitReader(f, info.Size())); err != nil || !strings.HasSuffix(path, compressedExt) {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	inside, err := gzip.NewReader(io.LimitReader(f, info.Size()))
	if err != nil {
		return fmt.Errorf("decompressing %s: %w", h.path, err)
	}
	h.inside = true
	most := &io.LimitedReader{R: inside, N: maxInflated}
	err = h.through(ctx, most)
	if err == nil && most.N == 0 {
		err = fmt.Errorf("decompressing %s: it holds more than %d bytes", h.path, int64(maxInflated))
	}
	return err
}

// looking is a look at one file.
type looking struct {
	*seeking
	path   string
	info   os.FileInfo
	inside bool
}

func (h *looking) through(ctx context.Context, r io.Reader) error {
	if err := h.watch.Look(ctx, metered{r, h.seeking}, h.found); err != nil {
		return fmt.Errorf("looking at %s: %w", h.path, err)
	}
	return nil
}

// found lists a place, but for those secrets that are kept there.
func (h *looking) found(at int64, names []string) error {
	if names = slices.DeleteFunc(names, h.athome); len(names) > 0 {
		h.list(SecretFound{File: h.path, Offset: at, Decompressed: h.inside, Secrets: names})
	}
	return nil
}

func (k *seeking) list(f SecretFound) {
	if len(k.out.Found) >= maxPlaces {
		k.out.More++
		return
	}
	k.out.Found = append(k.out.Found, f)
}

func (h *looking) athome(name string) bool {
	home, there := h.homes[name]
	if !there {
		return false
	}
	info, err := os.Stat(home)
	return err == nil && os.SameFile(info, h.info)
}

// metered reads, and says how far the search is.
type metered struct {
	io.Reader
	k *seeking
}

func (m metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.k.out.Bytes += int64(n)
	if m.k.progress != nil {
		m.k.progress(m.k.out.Files, m.k.out.Bytes)
	}
	return n, err //nolint:wrapcheck // a reader's error is its caller's to read
}
