package npm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/durable"
)

// Installed is a package that was installed.
type Installed struct {
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Integrity string   `json:"integrity"`       // of its archive
	Packages  int      `json:"packages"`        // with those that it depends on
	Unrun     []string `json:"unrun,omitempty"` // the packages with a script for the installation, which was not run
	Dir       string   `json:"dir"`             // that it is installed in
	Script    string   `json:"script"`          // that node runs, absolute where Dir is
}

// What there is in place of the package of a command.
var (
	ErrNone  = errors.New("nothing is installed")
	ErrOther = errors.New("another version is installed")
)

// At is the package that is installed in a directory, where it is the one of the command.
func At(dir string, p Package) (Installed, error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return Installed{}, ErrNone
	}
	list, err := listed(dir, listFile)
	if err != nil {
		return Installed{}, fmt.Errorf("reading what is installed: %w", err)
	}
	own, ok := list[modules+"/"+p.Name]
	if !ok || own.Version != p.Version {
		return Installed{}, ErrOther
	}
	is := Installed{Name: p.Name, Version: p.Version, Integrity: own.Integrity, Packages: len(list), Dir: dir}
	for at, e := range list {
		if e.Scripts {
			is.Unrun = append(is.Unrun, at[strings.LastIndex(at, modules+"/")+len(modules)+1:]+"@"+e.Version)
		}
	}
	slices.Sort(is.Unrun)
	is.Script, err = scriptOf(filepath.Join(dir, modules, filepath.FromSlash(p.Name)), p)
	return is, err
}

// scriptOf is the script that npx runs of a package: its one program, or the one that is
// named as the package is (docs.npmjs.com, npx).
func scriptOf(dir string, p Package) (string, error) {
	raw, err := durable.ReadNamed(filepath.Join(dir, "package.json"), maxManifest)
	if err != nil {
		return "", fmt.Errorf("reading the package: %w", err)
	}
	var m struct {
		Name    string          `json:"name"`
		Version string          `json:"version"`
		Bin     json.RawMessage `json:"bin"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", fmt.Errorf("reading the package.json of %s: %w", &p, err)
	}
	if m.Name != p.Name || m.Version != p.Version {
		return "", fmt.Errorf("the archive of %s is that of %q %q", &p, m.Name, m.Version)
	}
	name := program(m.Bin, path.Base(p.Name))
	if name == "" || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", fmt.Errorf("the package.json of %s does not say which one program npx runs", &p)
	}
	script := filepath.Join(dir, filepath.FromSlash(name))
	target, err := filepath.EvalSymlinks(script)
	if err != nil || target != script {
		return "", errors.Join(fmt.Errorf("the program of %s is not in it, or is a link", &p), err)
	}
	return script, forNode(script)
}

// program is the file of a package's one program; empty where it is not one.
func program(bin json.RawMessage, name string) string {
	var one string
	if json.Unmarshal(bin, &one) == nil {
		return one
	}
	var named map[string]string
	if json.Unmarshal(bin, &named) != nil {
		return ""
	}
	files := map[string]bool{}
	for _, file := range named {
		one, files[file] = file, true
	}
	if len(files) == 1 {
		return one
	}
	return named[name]
}

// forNode refuses a program that is not a script for node, without options of its own.
func forNode(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading the program of the package: %w", err)
	}
	defer f.Close()
	head := make([]byte, 256) // BINPRM_BUF_SIZE of Linux
	n, err := f.Read(head)
	if err != nil {
		return fmt.Errorf("reading the program of the package: %w", err)
	}
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	named, script := strings.CutPrefix(string(line), "#!")
	words := strings.Fields(named)
	if !script && bytes.IndexByte(head[:n], 0) < 0 {
		return nil // a module without a first line for the kernel
	}
	if script && len(words) > 0 && slices.Contains([]string{"node", "nodejs"}, path.Base(words[len(words)-1])) {
		return nil
	}
	return fmt.Errorf("the program %s is not for node alone: install the package yourself, and name its program", file)
}
