package python

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/durable"
)

// functions are what an entry point may name: a module and, in it, an attribute
// (packaging.python.org, "Entry points specification"). ASCII alone is taken.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var functions = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*:\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*(?:\[.*\])?$`)
})

// program writes the file that runs the package's program.
func (o *Order) program(dir string, l *list) error {
	programs, err := programsOf(filepath.Join(dir, siteDir), o.Package.Requirement)
	if err != nil {
		return err
	}
	name := o.Package.Program
	if name == "" {
		if name = o.Package.Name; programs[name] == "" && len(programs) == 1 {
			name = slices.Collect(maps.Keys(programs))[0]
		}
	}
	parts := functions().FindStringSubmatch(programs[name])
	if parts == nil {
		return fmt.Errorf("%s has no program %s that is a function: name one of %s by --from", o.Package.Requirement, name, strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
	}
	l.Program, l.Call = name, parts[1]+":"+parts[2]
	first, _, _ := strings.Cut(parts[2], ".")
	text := fmt.Sprintf(runText, name, o.Package.Requirement, name, parts[1], first, parts[2])
	return os.WriteFile(filepath.Join(dir, runFile), []byte(text), 0o600)
}

// runText is the file: what pip writes into a program (distlib, SCRIPT_TEMPLATE), and before that
// where the packages are. The library of the interpreter is looked in first, as always.
const runText = `# %s of %s, written by doorward upstream install.
import os
import site
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "site-packages"))
site.setquit()
site.setcopyright()
site.sethelper()

if __name__ == "__main__":
    sys.argv[0] = "%s"
    from %s import %s

    sys.exit(%s())
`

// programsOf are the programs of a distribution that is installed in a directory, with the
// function that each is.
func programsOf(site string, r Requirement) (map[string]string, error) {
	entries, err := os.ReadDir(site)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasSuffix(e.Name(), ".dist-info") {
			continue
		}
		d, err := readDistribution(filepath.Join(site, e.Name()))
		if err != nil {
			return nil, err
		}
		if Normal(d.Name) != Normal(r.Name) {
			continue
		}
		if d.Version != r.Version {
			return nil, fmt.Errorf("its version is written %s: write it so", d.Version)
		}
		raw, err := durable.ReadNamed(filepath.Join(site, e.Name(), "entry_points.txt"), maxRecord)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return consoleScripts(raw), nil
	}
	return nil, fmt.Errorf("%s was not installed", r)
}

// consoleScripts reads the programs of an entry_points.txt.
func consoleScripts(raw []byte) map[string]string {
	programs, section := map[string]string{}, ""
	s := bufio.NewScanner(bytes.NewReader(raw))
	for s.Scan() {
		line := strings.TrimSpace(s.Text())
		name, call, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch {
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[] ")
		case ok && section == "console_scripts" && names().MatchString(name):
			programs[name] = strings.TrimSpace(call)
		}
	}
	return programs
}
