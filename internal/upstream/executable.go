package upstream

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"

	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/sandbox"
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
	file   sandbox.File
	digest gate.Digest
}

// executable finds argv[0], where the launch rules let it be started, and digests the
// file. A script's digest is that of the script; its interpreter is among what it loads.
// That of a container is its image.
func (p *Pool) executable(set *Settings) (string, digested, error) {
	if set.Sandbox.contained() {
		return "", imageDigest(set.Sandbox), set.permitted()
	}
	path, err := set.program()
	if err != nil {
		return "", digested{}, err
	}
	d, err := p.digests.of(path)
	return path, d, err
}

// of is the digest of a file, and the file that it is the digest of: it is opened first,
// and looked at, digested and looked at again by that descriptor. What is written to it once of
// has returned makes it another file.
func (d *digests) of(path string) (digested, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return digested{}, fmt.Errorf("digesting: %w", err)
	}
	defer f.Close()
	file, err := sandbox.LookAt(f)
	if err != nil {
		return digested{}, err
	}
	d.mu.Lock()
	had, ok := d.known[path]
	d.mu.Unlock()
	if ok && had.file == file {
		return had, nil
	}
	file.Settle()
	digest, err := digestOf(f)
	if err != nil {
		return digested{}, fmt.Errorf("digesting %s: %w", path, err)
	}
	if after, err := sandbox.LookAt(f); err != nil || after != file {
		return digested{}, errors.Join(fmt.Errorf("%s changed while it was read", path), err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= maxDigests {
		d.known = map[string]digested{}
	}
	now := digested{file, digest}
	d.known[path] = now
	return now, nil
}

func digestOf(r io.Reader) (digest gate.Digest, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return digest, err
	}
	h.Sum(digest[:0])
	return digest, nil
}
