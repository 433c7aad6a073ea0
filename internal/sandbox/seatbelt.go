package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Seatbelt is what a profile of macOS's sandbox is made of, beside a plan.
type Seatbelt struct {
	Runs    []string // files that may be executed, without links
	Scratch string   // a directory of the command's own, without links
	Port    int      // of the egress proxy on the loopback; 0: no network
}

// macSystem is what every program reads of macOS: libraries, their cache, time zones,
// certificates. Everybody may read them on the system, too.
//
//nolint:gochecknoglobals // a table; read-only
var macSystem = []string{
	"/System/Library", "/System/Volumes/Preboot", "/System/Cryptexes", "/Library/Apple", "/usr/lib", "/usr/share", "/private/var/db/dyld", "/private/var/db/timezone",
	"/private/etc/ssl", "/private/etc/localtime", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
}

// Profile is a plan as macOS's sandbox takes it (sandbox-exec(1), a profile of version 1):
// all is denied but what is named. The last rule that fits an operation counts, so what
// is hidden comes last. Rules are about names: what holds a hidden path keeps its own. No path can end its own quotes. It is used on macOS alone.
func (p *Plan) Profile(s Seatbelt) (string, error) {
	var b strings.Builder
	b.WriteString("(version 1)\n(deny default)\n(allow process-fork)\n(allow signal (target same-sandbox))\n(allow process-info-pidinfo process-info-setcontrol (target self))\n")
	// What a runtime asks of the machine; not kern.proc, which lists everybody's processes.
	b.WriteString(`(allow sysctl-read (sysctl-name-prefix "hw.") (sysctl-name "kern.osrelease" "kern.ostype" "kern.osversion" "kern.osproductversion" "kern.version" "kern.argmax" "kern.maxfilesperproc" "kern.usrstack64"))` + "\n")
	rule := func(allow string, paths ...string) error {
		for _, path := range paths {
			quoted, err := sbpl(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "(%s (subpath %s))\n", allow, quoted)
		}
		return nil
	}
	var named, read, write []string
	for i := range p.Mounts {
		path := p.Mounts[i].source()
		named = append(named, p.Mounts[i].Path)
		if p.Mounts[i].Write {
			write = append(write, path)
			continue
		}
		read = append(read, path)
	}
	write = append(write, s.Scratch)
	errs := []error{
		passable(&b, slices.Concat(named, read, write, s.Runs, macSystem)),
		rule("allow file-read*", slices.Concat(macSystem, read)...),
		rule("allow file-read* file-write*", write...),
		rule("allow file-write-data", "/dev/null"),
		executes(&b, s.Runs),
	}
	if s.Port > 0 {
		fmt.Fprintf(&b, "(allow network-outbound (remote ip \"localhost:%d\"))\n", s.Port)
	}
	errs = append(errs, unmovable(&b, p.Hide))
	errs = append(errs, rule("deny file-read* file-write* process-exec", p.Hide...))
	return b.String(), errors.Join(errs...)
}

// passable lets a program see that what it has is there, with the directories and links
// on the way to it, and nothing of what else these hold.
func passable(b *strings.Builder, paths []string) error {
	b.WriteString("(allow file-read-data (literal \"/\"))\n") // which the dynamic linker opens
	for _, at := range onTheWay(paths) {
		quoted, err := sbpl(at)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "(allow file-read-metadata (literal %s))\n", quoted)
	}
	return nil
}

// unmovable keeps the directories that hold a hidden path where they are: a command that
// may write to one could give it another name, under which no rule hides what is in it.
func unmovable(b *strings.Builder, hidden []string) error {
	var holders []string
	for _, path := range hidden {
		holders = append(holders, filepath.Dir(path))
	}
	for _, at := range onTheWay(holders) {
		quoted, err := sbpl(at)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "(deny file-write-unlink (literal %s))\n", quoted)
	}
	return nil
}

func executes(b *strings.Builder, files []string) error {
	if len(files) == 0 {
		return errors.New("a profile needs the program that may run")
	}
	for _, f := range files {
		quoted, err := sbpl(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "(allow process-exec* file-read* (literal %s))\n", quoted)
	}
	return nil
}

// sbpl is a path as a string of a profile: a backslash and a quotation mark are escaped.
// A path that is not absolute, not in its shortest form, or has a control character is
// refused: what a profile's reader makes of one is not documented.
func sbpl(path string) (string, error) {
	if !strings.HasPrefix(path, "/") || filepath.Clean(path) != path {
		return "", fmt.Errorf("%q is not an absolute path in its shortest form", path)
	}
	for _, r := range path {
		if r < 0x20 || r == 0x7f || r == '\uFFFD' {
			return "", fmt.Errorf("path %q has a control character, or is not UTF-8", path)
		}
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`, nil
}

// onTheWay are some paths and the directories that lead to them, sorted.
func onTheWay(paths []string) []string {
	seen := map[string]bool{}
	for _, path := range paths {
		for at := path; ; at = filepath.Dir(at) {
			seen[at] = true
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
