// Package ignore tells which files are kept from clients and from indexes by patterns of their
// names.
package ignore

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Matches tells whether a path with / between its parts is one that a pattern is about: a
// pattern without / about the last part wherever it lies, one with / about the whole path. A
// pattern that cannot be compared is about everything. Case counts: who asks has both in small
// letters, since a file system may have no eye for it.
func Matches(patterns []string, at string) bool {
	for _, p := range patterns {
		of := at
		if !strings.Contains(p, "/") {
			of = path.Base(at)
		}
		if ok, err := doublestar.Match(p, of); ok || err != nil {
			return true
		}
	}
	return false
}
