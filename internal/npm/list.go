package npm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"doorward/internal/durable"
)

// Bounds of what npm writes, in bytes. The list of the largest server that was looked at has 400 KB.
const (
	maxList     = 64 << 20
	maxManifest = 1 << 20
)

// lockFile is what npm writes beside package.json, listFile what it writes of what it
// really installed (docs.npmjs.com, package-lock.json, hidden lockfiles).
const (
	lockFile = "package-lock.json"
	modules  = "node_modules"
	listFile = modules + "/.package-lock.json"
)

// ErrUnverified is a list with a package of which nothing says what its archive must be.
var ErrUnverified = errors.New("a package has no sha512 integrity")

// entry is one package of a list.
type entry struct {
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
	Link      bool   `json:"link"`
	Scripts   bool   `json:"hasInstallScript"`
}

// readList reads a list of npm: the packages by their places. Every one has an integrity.
func readList(raw []byte) (map[string]entry, error) {
	var list struct {
		Version  int              `json:"lockfileVersion"`
		Packages map[string]entry `json:"packages"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("it is no list of packages: %w", err)
	}
	if list.Version < 2 || list.Version > 3 {
		return nil, fmt.Errorf("it is a list of version %d, and 2 and 3 are known", list.Version)
	}
	delete(list.Packages, "") // the directory itself
	for at, e := range list.Packages {
		switch {
		case !strings.HasPrefix(at, modules+"/") || path.Clean(at) != at || !filepath.IsLocal(at):
			return nil, fmt.Errorf("%q is no place of a package", at)
		case e.Link:
			return nil, fmt.Errorf("%w: %s is a link", ErrUnverified, at)
		case !strong(e.Integrity):
			return nil, fmt.Errorf("%w: %s has %q", ErrUnverified, at, e.Integrity)
		}
	}
	return list.Packages, nil
}

// strong tells of an integrity that is one digest of SHA-512 (W3C Subresource Integrity).
func strong(integrity string) bool {
	text, ok := strings.CutPrefix(integrity, "sha512-")
	digest, err := base64.StdEncoding.Strict().DecodeString(text)
	return ok && err == nil && len(digest) == 64
}

// listed reads the list in a file of a directory.
func listed(dir, name string) (map[string]entry, error) {
	raw, err := durable.ReadNamed(filepath.Join(dir, name), maxList)
	if err != nil {
		return nil, err
	}
	list, err := readList(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
	}
	return list, nil
}
