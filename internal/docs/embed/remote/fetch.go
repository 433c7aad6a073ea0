package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Bounds of a download.
const (
	maxHops        = 5         // that it is sent elsewhere: hubs of models keep large files with others
	downloadWithin = time.Hour // the whole of it
)

// File is a file that is downloaded once.
type File struct {
	Place         // URL, Dial, Roots. Key is not sent
	Digest string // SHA-256 in hexadecimal. Required
	Path   string // where it is put; its directory is there
	Most   int64  // bytes
	// Progress is told how many bytes there are, of how many; these are below 0 where the
	// server does not say. nil: nobody is.
	Progress func(done, all int64)
}

// Fetch downloads a file, unless it is there already. What does not have the digest is
// thrown away, and what stands at its path with another is left as it is: both are errors.
// It tells whether anything was downloaded.
func Fetch(ctx context.Context, f File) (fetched bool, err error) {
	want := strings.ToLower(strings.TrimPrefix(f.Digest, "sha256:"))
	if b, err := hex.DecodeString(want); err != nil || len(b) != sha256.Size {
		return false, errors.New("a file is downloaded by its digest: SHA-256 in 64 hexadecimal digits")
	}
	name := filepath.Base(f.Path)
	there, err := digestOf(f.Path)
	switch {
	case err == nil && there == want:
		return false, nil
	case err == nil:
		return false, fmt.Errorf("%s is there, with the digest %s, and %s was said: take it away, or say its own", f.Path, there, want)
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	c, err := newClient(f.Place)
	if err != nil {
		return false, fmt.Errorf("downloading %s: %w", name, err)
	}
	defer c.close()
	c.who, c.timeout = "server of the file", downloadWithin
	c.http.CheckRedirect = c.hop
	if err := c.download(ctx, &f, want); err != nil {
		return false, fmt.Errorf("downloading %s: %w", name, err)
	}
	return true, nil
}

var errHop = errors.New("the server of the file sends elsewhere too often, or from or to a place that is not https")

// hop follows a redirect within https. One over http is followed nowhere: how that is dialled
// is for this machine alone, which only the operator's own URL may lead to.
func (c *client) hop(to *http.Request, before []*http.Request) error {
	if len(before) > maxHops || c.base.Scheme != "https" || to.URL.Scheme != "https" {
		return errHop
	}
	to.Header.Del("Referer")
	return nil
}

// download writes the file beside its place, and puts it there once its digest is known.
func (c *client) download(ctx context.Context, f *File, want string) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String(), http.NoBody)
	if err != nil {
		return errors.New("the URL cannot be asked")
	}
	req.Header.Set("User-Agent", "doorward")
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, errHop) {
			return errHop
		}
		return c.plainly(ctx, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("the server of the file answered %d", res.StatusCode)
	case len(res.Header.Values("Content-Encoding")) > 0:
		return errors.New("the file comes encoded, though nothing asked for it")
	case res.ContentLength > f.Most:
		return fmt.Errorf("the file is larger than %d bytes", f.Most)
	}
	beside, err := os.CreateTemp(filepath.Dir(f.Path), ".download-*")
	if err != nil {
		return err
	}
	defer os.Remove(beside.Name()) //nolint:errcheck // it has its own name by then, or is of no use
	defer beside.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(beside, h, &counted{f: f, all: res.ContentLength}), io.LimitReader(res.Body, f.Most+1))
	switch {
	case n > f.Most:
		return fmt.Errorf("the file is larger than %d bytes", f.Most)
	case err != nil && ctx.Err() == nil && errors.As(err, new(*fs.PathError)):
		return err
	case err != nil:
		return c.plainly(ctx, err)
	case hex.EncodeToString(h.Sum(nil)) != want:
		return fmt.Errorf("it has the digest %x, and %s was said: nothing was kept of it", h.Sum(nil), want)
	}
	if err := errors.Join(beside.Sync(), beside.Close()); err != nil {
		return err
	}
	return os.Link(beside.Name(), f.Path) // which replaces nothing that came meanwhile
}

// counted tells how far a download is.
type counted struct {
	f         *File
	done, all int64
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	c.done += int64(len(b))
	if c.f.Progress != nil {
		c.f.Progress(c.done, c.all)
	}
	return len(b), nil
}

// digestOf is the digest of a regular file.
func digestOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}
