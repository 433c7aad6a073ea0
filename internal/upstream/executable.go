package upstream

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"doorward/internal/gate"
)

// maxDigests bounds the cache of executables' digests: one per upstream in
// practice.
const maxDigests = 1024

// digests remembers the digest of an executable as long as the file is the same.
type digests struct {
	mu    sync.Mutex
	known map[string]digested
}

type digested struct {
	info   os.FileInfo
	digest gate.Digest
}

// executable resolves argv[0] and digests the file. A script's digest is that
// of the script; what it runs is not looked at.
func (p *Pool) executable(argv []string) (string, gate.Digest, error) {
	found, err := exec.LookPath(argv[0])
	if err != nil {
		return "", gate.Digest{}, err
	}
	path, err := filepath.Abs(found)
	if err != nil {
		return "", gate.Digest{}, err
	}
	digest, err := p.digests.of(path)
	return path, digest, err
}

func (d *digests) of(path string) (gate.Digest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return gate.Digest{}, err
	}
	d.mu.Lock()
	had, ok := d.known[path]
	d.mu.Unlock()
	if ok && os.SameFile(had.info, info) && had.info.ModTime().Equal(info.ModTime()) && had.info.Size() == info.Size() {
		return had.digest, nil
	}
	digest, err := digestFile(path)
	if err != nil {
		return gate.Digest{}, fmt.Errorf("digesting %s: %w", path, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= maxDigests {
		d.known = map[string]digested{}
	}
	d.known[path] = digested{info, digest}
	return digest, nil
}

func digestFile(path string) (digest gate.Digest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return digest, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return digest, err
	}
	h.Sum(digest[:0])
	return digest, nil
}
