package upstream

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/launch"
	"doorward/internal/python"
)

// environment is where a command's packages of Python are installed: a virtual environment
// (PEP 405), or what doorward upstream install made.
type environment struct {
	dir    string
	places []string // files and directories that are pinned with all that is in them
	list   string   // of doorward upstream install; empty for none
}

// environmentOf is the environment of a command: that of the first of its programs which is
// in one, by the name that it is called by, as the interpreter finds it.
func environmentOf(programs []string, script string) (environment, bool) {
	if list := filepath.Join(filepath.Dir(script), python.ListFile); script != "" && isFile(list) {
		dir := filepath.Dir(script)
		return environment{dir: dir, places: []string{dir}, list: list}, true
	}
	for _, program := range programs {
		for _, dir := range [...]string{filepath.Dir(program), filepath.Dir(filepath.Dir(program))} {
			if file := filepath.Join(dir, "pyvenv.cfg"); isFile(file) {
				return environment{dir: dir, places: []string{file, filepath.Join(dir, "lib"), filepath.Join(dir, "lib64"), filepath.Join(dir, "Lib")}}, true
			}
		}
	}
	return environment{}, false
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// inEnvironment is what is installed in the environment of a command; false where it has none.
func (p *packages) inEnvironment(programs []string, x *launch.Execution, seen marks) (pinnedPackage, bool, error) {
	script, module := "", x.Module
	if x.Script != nil {
		script = x.Script.Path
	}
	e, ok := environmentOf(programs, script)
	if !ok {
		return pinnedPackage{}, false, nil
	}
	if script == "" {
		script = programs[0]
	}
	found, err := p.remembered(e.dir+"\x00"+script+"\x00"+module, pinnedPackage{dir: e.dir, places: e.places}, seen, func() (installed, error) { return e.read(script, module) })
	return found, true, err
}

// read reads the environment: the distribution that the command's program is of, the others,
// and how all files are against what their distributions list.
func (e *environment) read(script, module string) (installed, error) {
	var is installed
	sites, err := e.sites()
	if err != nil {
		return is, err
	}
	records := map[string]*python.Records{}
	for _, site := range sites {
		if records[site], err = python.ReadRecords(site); err != nil {
			return is, err
		}
		for _, d := range records[site].All {
			if is.Name == "" && e.list == "" && has(&d, site, script, module) {
				is.Name, is.Version = d.Name, d.Version
			}
			is.With = append(is.With, d.String())
		}
	}
	if e.list != "" {
		raw, err := durable.ReadNamed(e.list, maxLockBytes)
		if err != nil {
			return is, err
		}
		own, err := python.Listed(e.dir)
		if err != nil {
			return is, err
		}
		is.Name, is.Version, is.Integrity = own.Name, own.Version, own.Integrity
		is.Lock = gate.Digest(sha256.Sum256(raw)).String()
	}
	is.Files, err = filesOf(e.dir, e.places, func(path string, sum []byte) {
		for site, r := range records {
			if name, err := filepath.Rel(site, path); err == nil && filepath.IsLocal(name) {
				r.See(filepath.ToSlash(name), sum)
			}
		}
	})
	for _, site := range sites {
		altered, unlisted, missing := records[site].Odd()
		is.Altered = slices.Concat(is.Altered, altered, missing)
		is.Unlisted = append(is.Unlisted, unlisted...)
	}
	return is, err
}

// sites are the directories with distributions.
func (e *environment) sites() ([]string, error) {
	var all []string
	for _, pattern := range [...]string{"site-packages", "lib/python*/site-packages", "Lib/site-packages"} {
		found, err := filepath.Glob(filepath.Join(escaped(e.dir), filepath.FromSlash(pattern)))
		if err != nil {
			return nil, fmt.Errorf("looking for packages in %s: %w", e.dir, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// escaped is a directory as a pattern that matches nothing else.
func escaped(dir string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(dir)
}

// has tells whether a distribution has the program of a command.
func has(d *python.Distribution, site, script, module string) bool {
	at := strings.ReplaceAll(module, ".", "/")
	for name := range d.Files {
		if module != "" && (name == at+".py" || name == at+"/__main__.py") || module == "" && filepath.Join(site, filepath.FromSlash(name)) == script {
			return true
		}
	}
	return false
}

// absent tells of a place that is not there, which may be.
func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
