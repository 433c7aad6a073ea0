package clients

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxWorksOn bounds the paths that one command is taken to work on.
const maxWorksOn = 16

// worksOn are the files and directories of this machine that a command names in its
// arguments, alone or behind a flag's =. A sandbox shows them to it; its program and
// script are found without.
func worksOn(command []string) (paths []string) {
	for i, word := range command {
		if i == 0 || i == 1 && filepath.IsAbs(word) && !isDirectory(word) { // which may be the script
			continue
		}
		if _, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "-") {
			word = value
		}
		if !filepath.IsAbs(word) || filepath.Clean(word) == string(filepath.Separator) || slices.Contains(paths, filepath.Clean(word)) {
			continue
		}
		if _, err := os.Stat(word); err == nil && len(paths) < maxWorksOn {
			paths = append(paths, filepath.Clean(word))
		}
	}
	return paths
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
