package sandbox

import (
	"path/filepath"
	"slices"
	"strings"
)

// Registries are the places from which a program fetches the package that it runs; nil
// for one that fetches nothing.
func Registries(program string) []string {
	name := strings.TrimSuffix(filepath.Base(program), filepath.Ext(program))
	switch {
	case slices.Contains([]string{"npx", "pnpx", "bunx"}, name):
		return []string{"registry.npmjs.org:443"}
	case slices.Contains([]string{"uvx", "pipx"}, name):
		return []string{"pypi.org:443", "files.pythonhosted.org:443"}
	}
	return nil
}
