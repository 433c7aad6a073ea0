package sandbox

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Program is a command as a plan is made for it.
type Program struct {
	Path   string   // of argv[0], absolute, as it was found: a link is followed by who needs it
	Dir    string   // that it starts in
	Search string   // the PATH that it gets
	Home   string   // of Doorward's user, which is no package; may be empty
	Files  []string // what else it executes: scripts, what interpreters load first
	System bool     // it runs programs of the system, even where it is static itself
}

// systemPaths are what programs that are not static need of a system: libraries,
// interpreters, certificates, time zones. Everybody may read them on the system, too.
//
//nolint:gochecknoglobals // a table; read-only
var systemPaths = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls", "/etc/pki/ca-trust", "/etc/ca-certificates", "/etc/localtime", "/etc/mime.types",
}

// maxLinks bounds the links between the name of a program and the program (as path_resolution(7)).
const maxLinks = 40

// manifests are files that stand in the directory of a whole package.
//
//nolint:gochecknoglobals // a table; read-only
var manifests = []string{"package.json", "pyproject.toml", "setup.py", "deno.json", "Gemfile"}

// Needs finds what a program needs to run: the system's directories where it is not
// static, the directory of its interpreter, and the package of its script. It starts
// nothing. What a program opens besides has to be given to it.
func Needs(pr Program) (mounts []Mount, links map[string]string, err error) {
	n := needs{links: map[string]string{}, search: pr.Search, home: pr.Home}
	if pr.System {
		n.wholeSystem()
	}
	if err := n.program(pr.Path, "the program"); err != nil {
		return nil, nil, err
	}
	for _, f := range pr.Files {
		if !filepath.IsAbs(f) {
			f = filepath.Join(pr.Dir, f)
		}
		if err := n.program(f, "what it runs"); err != nil {
			return nil, nil, err
		}
	}
	return n.mounts, n.links, nil
}

type needs struct {
	mounts []Mount
	links  map[string]string
	search string
	home   string
	system bool
	depth  int // of scripts whose interpreter is a script
}

// add adds a path under its own name and, where a directory on the way is a link, under
// the name that the links lead to: some programs look where they really are.
func (n *needs) add(path, why string) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path // mounting it says what is wrong
	}
	for _, m := range []Mount{{Path: path, Source: target, Why: why}, {Path: target, Why: why}} {
		if m.Source == m.Path {
			m.Source = ""
		}
		if !slices.ContainsFunc(n.mounts, func(had Mount) bool { return within(m.Path, had.Path) && had.Source == "" || had.Path == m.Path }) {
			n.mounts = append(n.mounts, m)
		}
	}
}

// within tells whether a path is a directory or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// program adds what a file needs that is executed, or that an interpreter reads.
func (n *needs) program(path, why string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("finding %s: %w", path, err)
	}
	if err := n.chain(path, why); err != nil {
		return err
	}
	head, err := beginning(target)
	if err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte("#!")):
		n.wholeSystem()
		return n.interpreter(head[2:])
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		dynamic, err := interpreted(target)
		if err != nil {
			return err
		}
		if dynamic {
			n.wholeSystem()
		}
	default:
		n.wholeSystem() // a script that an interpreter is named for
	}
	return nil
}

// chain adds the directories of every link between a name and its file, with what
// belongs to each: an interpreter finds its libraries by the name that it was called by.
func (n *needs) chain(path, why string) error {
	for range maxLinks {
		n.place(path, why)
		to, err := os.Readlink(path)
		if err != nil {
			return nil //nolint:nilerr // it is no link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = filepath.Clean(to)
	}
	return fmt.Errorf("%s: more than %d links", path, maxLinks)
}

// place adds what belongs to one file: its packages, its installation, or itself.
func (n *needs) place(path, why string) {
	if isSystem(path) {
		n.wholeSystem()
		return
	}
	if before, _, ok := strings.Cut(path, "/node_modules/"); ok {
		n.add(before+"/node_modules", "packages of "+why)
		return
	}
	dir := filepath.Dir(path)
	if prefix := filepath.Dir(dir); filepath.Base(dir) == "bin" && prefix != "/" && installation(prefix) {
		for _, part := range []string{"bin", "lib", "lib64", "libexec", "pyvenv.cfg"} {
			if _, err := os.Stat(filepath.Join(prefix, part)); err == nil {
				n.add(filepath.Join(prefix, part), "the installation of "+why)
			}
		}
		return
	}
	for at := dir; at != filepath.Dir(at) && at != n.home; at = filepath.Dir(at) {
		if slices.ContainsFunc(manifests, func(m string) bool { return regularFile(filepath.Join(at, m)) }) {
			n.add(at, "the package of "+why)
			return
		}
	}
	n.add(path, why)
}

func isSystem(path string) bool {
	return slices.ContainsFunc(systemPaths, func(s string) bool { return within(path, s) })
}

// installation tells whether a directory is where a program was installed with its libraries.
func installation(prefix string) bool {
	return regularFile(filepath.Join(prefix, "pyvenv.cfg")) || directory(filepath.Join(prefix, "lib"))
}

func regularFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func directory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// wholeSystem adds the system's directories, once.
func (n *needs) wholeSystem() {
	if n.system {
		return
	}
	n.system = true
	for _, path := range systemPaths {
		info, err := os.Lstat(path)
		if err != nil {
			continue
		}
		// A system whose /bin is /usr/bin has it so inside.
		if to, err := os.Readlink(path); err == nil && filepath.Dir(path) == "/" {
			n.links[path] = to
			continue
		}
		source := ""
		if info.Mode()&os.ModeSymlink != 0 {
			if source, err = filepath.EvalSymlinks(path); err != nil {
				continue
			}
		}
		n.mounts = append(n.mounts, Mount{Path: path, Source: source, Why: "the system"})
	}
}

// interpreter adds what the first line of a script names: a program, or env(1) with
// the name of one.
func (n *needs) interpreter(line []byte) error {
	if n.depth++; n.depth > 4 { // as Linux follows them (BINPRM_MAX_RECURSION)
		return errors.New("a script's interpreter is a script, again and again")
	}
	first, _, _ := bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(first))
	if len(words) == 0 {
		return nil
	}
	if err := n.program(words[0], "its interpreter"); err != nil {
		return err
	}
	if filepath.Base(words[0]) != "env" {
		return nil
	}
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "-") || strings.Contains(w, "=") {
			continue
		}
		for dir := range strings.SplitSeq(n.search, ":") {
			if path := filepath.Join(dir, w); filepath.IsAbs(path) && regularFile(path) {
				return n.program(path, "its interpreter")
			}
		}
		return fmt.Errorf("%s, which a script names, is not in PATH", w)
	}
	return nil
}

// beginning is the first line of a file, or as much of it as a kernel looks at.
func beginning(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	head, err := bufio.NewReaderSize(f, 256).Peek(256)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return head, nil
}

// interpreted tells whether a program asks for the dynamic loader (PT_INTERP, elf(5)).
func interpreted(path string) (bool, error) {
	f, err := elf.Open(path)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), nil
}
