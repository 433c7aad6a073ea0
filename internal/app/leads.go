package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many links may lead to a file: as many as Linux follows.
const maxLinks = 40

// leads are the names that decide what is read at an absolute path: every link on the way,
// as a directory too, and last the file itself. Before each of them is a directory that is
// no link. What is not there is taken for a file that will be.
func leads(path string) []string {
	var names []string
	rest := strings.Split(strings.TrimPrefix(path, filepath.VolumeName(path)), string(filepath.Separator))
	at := filepath.VolumeName(path) + string(filepath.Separator)
	for len(rest) > 0 {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 || len(names) == maxLinks {
			at = next
			continue
		}
		names = append(names, next)
		to, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		if filepath.IsAbs(to) {
			at = filepath.VolumeName(to) + string(filepath.Separator)
			to = strings.TrimPrefix(to, filepath.VolumeName(to))
		}
		rest = append(strings.Split(to, string(filepath.Separator)), rest...)
	}
	return append(names, at)
}
