package launch

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxManifest bounds a package.json that is read for its main file, in bytes.
const maxManifest = 1 << 20

// entry are the files that an interpreter executes when it is given a name: a file,
// or what stands for a directory.
func (x *Execution) entry(l *language, name string) []Executed {
	path := x.at(name)
	switch {
	case name == "":
		return nil
	case regular(path):
		return []Executed{{name, path}}
	case l.packages:
		return packageAt(name, path)
	case directory(path) && l.modules:
		return fileAt(filepath.Join(name, "__main__.py"), filepath.Join(path, "__main__.py"))
	}
	return nil
}

func fileAt(name, path string) []Executed {
	if !regular(path) {
		return nil
	}
	return []Executed{{name, path}}
}

// packageAt is what Node.js executes for a name that is no file: one with an ending,
// or the main file of a directory, beside the package.json that names it
// (nodejs.org/api/modules.html, "All together").
func packageAt(name, path string) []Executed {
	for _, end := range [...]string{".js", ".mjs", ".cjs", ".json", ".node", ".ts", ".tsx", ".mts", ".cts"} {
		if found := fileAt(name+end, path+end); found != nil {
			return found
		}
	}
	if !directory(path) {
		return nil
	}
	manifest := filepath.Join(path, "package.json")
	main := mainOf(manifest)
	if main == "" {
		main = "index.js"
	}
	var found []Executed
	for _, end := range [...]string{"", ".js", ".json", ".node", "/index.js"} {
		if found = fileAt(filepath.Join(name, main+end), filepath.Join(path, main+end)); found != nil {
			break
		}
	}
	return append(found, fileAt(filepath.Join(name, "package.json"), manifest)...)
}

// mainOf is the main file that a package.json names; empty where it names none.
func mainOf(manifest string) string {
	f, err := os.Open(manifest)
	if err != nil {
		return ""
	}
	defer f.Close()
	var m struct {
		Main string `json:"main"`
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return ""
	}
	return m.Main
}

// module counts what python -m runs where that is in the directory that it runs in,
// which it looks in first.
func (x *Execution) module(name string) {
	path := strings.ReplaceAll(name, ".", string(filepath.Separator))
	if name == "" {
		return
	}
	for _, f := range [...]string{path + ".py", filepath.Join(path, "__init__.py"), filepath.Join(path, "__main__.py")} {
		x.named(f)
	}
}

// preload counts what an interpreter is told to load before the script: one file or
// several, or a package of Node.js.
func (x *Execution) preload(l *language, value string) {
	value = strings.TrimPrefix(value, "file://")
	for name := range strings.FieldsFuncSeq(value, func(r rune) bool { return l.lists && r == filepath.ListSeparator }) {
		found := x.entry(l, name)
		if found == nil && l.packages && !filepath.IsAbs(name) && !strings.HasPrefix(name, ".") {
			found = x.installed(name)
		}
		if found == nil && l.suffix != "" {
			found = fileAt(name+l.suffix, x.at(name+l.suffix))
		}
		for _, f := range found {
			x.load(f.Name, f.Path)
		}
	}
}

// installed is a package of Node.js by its name, in the node_modules of the directory
// or the nearest one above it.
func (x *Execution) installed(name string) []Executed {
	dir, err := filepath.Abs(x.dir)
	for at := dir; err == nil; at = filepath.Dir(at) {
		path := filepath.Join(at, "node_modules", name)
		if found := fileAt(name, path); found != nil {
			return found
		}
		if found := packageAt(name, path); found != nil || at == filepath.Dir(at) {
			return found
		}
	}
	return nil
}
