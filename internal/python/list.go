package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"doorward/internal/durable"
)

// What there is in the directory of an installed package.
const (
	ListFile = "doorward-python.json" // what was installed, each archive by its digest
	siteDir  = "site-packages"
	runFile  = "run.py" // that the interpreter runs
)

// maxList bounds the list, and pip's report, in bytes. One of 300 packages has 100 KB, and a
// report, which has their descriptions, 10 MB.
const maxList = 64 << 20

// wheel is one archive that was installed.
type wheel struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"`
	SHA256  string `json:"sha256"` // hexadecimal
}

// list is what was installed, and how it is run.
type list struct {
	Format  int      `json:"format"`
	Asked   []string `json:"asked"`           // requirements
	Own     string   `json:"own"`             // the one of these whose program is run
	Named   string   `json:"named,omitempty"` // the program that the command named
	Python  string   `json:"python"`          // the interpreter
	Program string   `json:"program"`
	Call    string   `json:"call"` // the function of it, module:attribute
	Wheels  []wheel  `json:"wheels"`
	Unrun   []string `json:"unrun,omitempty"`
}

// Installed is a package that was installed.
type Installed struct {
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Integrity string   `json:"integrity"`       // of its wheel
	Packages  int      `json:"packages"`        // with those that it depends on
	Unrun     []string `json:"unrun,omitempty"` // files with lines that Python would run at every start, and does not
	Dir       string   `json:"dir"`             // that it is installed in
	Script    string   `json:"script"`          // that the interpreter runs
	Python    string   `json:"python"`          // the interpreter
}

// Command is what runs the package: the interpreter on its own, without what the system has
// installed beside its library, and without the files that it runs at every start (-I, -S).
func (is *Installed) Command(args []string) []string {
	return append([]string{is.Python, "-I", "-S", "-B", is.Script}, args...)
}

// What there is in place of the package of a command.
var (
	ErrNone  = errors.New("nothing is installed")
	ErrOther = errors.New("another version is installed")
)

// At is the package that is installed in a directory, where it is the one of the command.
func At(dir string, p Package) (Installed, error) {
	l, err := readList(dir)
	if err != nil {
		return Installed{}, err
	}
	is, err := l.installed(dir)
	if err != nil {
		return Installed{}, err
	}
	if !slices.Equal(l.Asked, p.asked()) || l.Named != p.Program || Normal(is.Name) != Normal(p.Name) {
		return Installed{}, ErrOther
	}
	return is, nil
}

// Listed is the package that is installed in a directory, whatever command it is for.
func Listed(dir string) (Installed, error) {
	l, err := readList(dir)
	if err != nil {
		return Installed{}, err
	}
	return l.installed(dir)
}

// installed is what the list says is installed in its directory.
func (l *list) installed(dir string) (Installed, error) {
	own, err := requirement(l.Own)
	if err != nil {
		return Installed{}, fmt.Errorf("%s names no package: %w", filepath.Join(dir, ListFile), err)
	}
	is := Installed{Name: own.Name, Version: own.Version, Packages: len(l.Wheels), Unrun: l.Unrun, Dir: dir, Script: filepath.Join(dir, runFile), Python: l.Python}
	for _, w := range l.Wheels {
		if Normal(w.Name) == Normal(own.Name) {
			is.Integrity = "sha256:" + w.SHA256
		}
	}
	if info, err := os.Lstat(is.Script); err != nil || !info.Mode().IsRegular() || is.Integrity == "" || !filepath.IsAbs(l.Python) {
		return Installed{}, fmt.Errorf("what is in %s is not whole", dir)
	}
	return is, nil
}

// digests are SHA-256 as pip has them.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var digests = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

func readList(dir string) (list, error) {
	var l list
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return l, ErrNone
	}
	raw, err := durable.ReadNamed(filepath.Join(dir, ListFile), maxList)
	if errors.Is(err, fs.ErrNotExist) { // that of npm, for one
		return l, ErrOther
	}
	if err != nil {
		return l, fmt.Errorf("reading what is installed: %w", err)
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, fmt.Errorf("%s is no list of packages: %w", filepath.Join(dir, ListFile), err)
	}
	if l.Format != 1 {
		return l, fmt.Errorf("%s has format %d, and 1 is known", filepath.Join(dir, ListFile), l.Format)
	}
	return l, l.check()
}

// check refuses what pip would read otherwise than as one package in one version.
func (l *list) check() error {
	if len(l.Wheels) == 0 || len(l.Wheels) > maxDistributions {
		return fmt.Errorf("%d packages were installed, and 1 to %d are taken", len(l.Wheels), maxDistributions)
	}
	for _, w := range l.Wheels {
		if !names().MatchString(w.Name) || !versions().MatchString(w.Version) || !digests().MatchString(w.SHA256) {
			return fmt.Errorf("nothing says by a SHA-256 what the archive of %q %q must be", w.Name, w.Version)
		}
	}
	return nil
}
