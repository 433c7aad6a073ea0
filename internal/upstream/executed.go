package upstream

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// executed is a file that a command has executed: by the name that the command, or
// what it names, has for it.
type executed struct{ name, path string }

// execution finds what a command executes beside its own executable, from its words
// and from what is on this machine: what stands behind env(1) and its like, the
// script of an interpreter, and what the interpreter is told to load before it.
// Where the words alone do not say which of them are files that run, all that are
// files count. It starts nothing.
type execution struct {
	dir    string // that relative names are relative to
	search string // the PATH that the programs are looked up in
	script *executed
	loads  []executed // none twice
}

// maxWrapped bounds how many programs one command may be wrapped in.
const maxWrapped = 16

// errWrapped says that what a command runs cannot be found.
var errWrapped = errors.New("what the command runs is not found")

// executions finds what argv executes in dir.
func executions(argv []string, dir, search string) (x *execution, err error) {
	x = &execution{dir: dir, search: search}
	for range maxWrapped {
		program := programName(argv[0])
		if l, ok := languageOf(program); ok {
			x.interpret(l, argv[1:])
			return x, nil
		}
		w, ok := wrappers[program]
		if !ok {
			return x, nil
		}
		if argv, err = x.unwrap(w, argv[1:]); err != nil || len(argv) == 0 {
			return x, err
		}
		if err = x.program(argv, w.part); err != nil {
			return x, err
		}
	}
	return x, fmt.Errorf("%w: it is wrapped more than %d times", errWrapped, maxWrapped)
}

// programName is the name of an executable, without its directory and what Windows
// writes after it.
func programName(word string) string {
	name := strings.ToLower(filepath.Base(word))
	for _, end := range [...]string{".exe", ".cmd", ".bat"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

// program counts the program of a command that another one runs. One that may be a
// part of it need not be a file; all that its words name counts then.
func (x *execution) program(command []string, part bool) error {
	word := command[0]
	path := x.at(word)
	if !strings.ContainsRune(word, filepath.Separator) {
		path = x.lookUp(word)
	}
	switch {
	case path != "" && regular(path):
		x.load(word, path)
	case !part:
		return fmt.Errorf("%w: %s", errWrapped, word)
	default:
		if _, known := languageOf(programName(word)); !known {
			x.named(command...)
		}
	}
	return nil
}

// lookUp is the file of a program that is named without a directory; empty where
// there is none.
func (x *execution) lookUp(name string) string {
	if x.search == "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return ""
		}
		return path
	}
	for _, dir := range filepath.SplitList(x.search) {
		path := x.at(filepath.Join(dir, name))
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// interpret reads the words after an interpreter up to its script.
func (x *execution) interpret(l *language, words []string) {
	loose := false
	for i := 0; i < len(words); i++ {
		w := words[i]
		if (!strings.HasPrefix(w, "-") || w == "-") && !l.alike(w) || w == "--" {
			if w == "--" && i+1 < len(words) {
				i++
			} else if slices.Contains(l.run, w) {
				x.preload(l, w) // a script may have that name
				continue
			}
			x.main(l, words[i:], loose)
			return
		}
		if w == l.glue && i+1 < len(words) {
			i++
			w += words[i]
		}
		o := l.read(w)
		if !o.joined && o.takesWord() && i+1 < len(words) {
			i++
			o.value = words[i]
		}
		switch o.kind {
		case optionCode:
			if !l.continues {
				return
			}
		case optionModule:
			x.module(o.value)
			return
		case optionScript:
			x.main(l, append([]string{o.value}, words[i+1:]...), loose)
			return
		case optionFile:
			x.preload(l, o.value)
		case optionDir:
			x.dir = x.at(o.value)
		case optionUnknown:
			loose = loose || !o.joined
			x.named(o.value)
		case optionPlain, optionWord:
		}
	}
}

// main counts the script that words begin with. Where it cannot be told which of
// them it is, each that is a file counts.
func (x *execution) main(l *language, words []string, loose bool) {
	files := x.entry(l, words[0])
	for i, f := range files {
		if i == 0 && x.script == nil {
			x.script = &f
			continue
		}
		x.load(f.name, f.path)
	}
	if loose || len(files) == 0 {
		x.named(words...)
	}
	if len(files) == 0 && l.packages { // its scripts have names
		x.named("package.json")
	}
}

// named counts those of words that are names of files.
func (x *execution) named(words ...string) {
	for _, word := range words {
		if path := x.at(word); word != "" && regular(path) && (x.script == nil || x.script.path != path) {
			x.load(word, path)
		}
	}
}

// load counts a file once.
func (x *execution) load(name, path string) {
	if !slices.ContainsFunc(x.loads, func(e executed) bool { return e.path == path }) {
		x.loads = append(x.loads, executed{name, path})
	}
}

// at is where a name is.
func (x *execution) at(name string) string { return inDir(x.dir, name) }

func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func directory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
