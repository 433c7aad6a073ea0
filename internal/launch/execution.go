package launch

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Executed is a file that a command has executed: by the name that the command, or
// what it names, has for it.
type Executed struct{ Name, Path string }

// Execution finds what a command executes beside its own executable, from its words
// and from what is on this machine: what stands behind env(1) and its like, the
// script of an interpreter, and what the interpreter is told to load before it.
// Where the words alone do not say which of them are files that run, all that are
// files count. It starts nothing.
type Execution struct {
	Script *Executed
	Loads  []Executed // none twice
	Module string     // of Python that runs in place of a script (-m); empty for none

	dir    string // that relative names are relative to
	search string // the PATH that the programs are looked up in

	code    string   // the option that is given code in words; empty for none
	idle    string   // the interpreter that is told neither a script nor code: it reads that from standard input
	assigns []string // variables that a wrapper sets
}

// maxWrapped bounds how many programs one command may be wrapped in.
const maxWrapped = 16

// errWrapped says that what a command runs cannot be found.
var errWrapped = errors.New("what the command runs is not found")

// Executions finds what argv executes in dir.
func Executions(argv []string, dir, search string) (x *Execution, err error) {
	x = &Execution{dir: dir, search: search}
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
	name := strings.ToLower(filepath.Base(strings.ReplaceAll(word, `\`, "/")))
	for _, end := range [...]string{".exe", ".cmd", ".bat"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

// program counts the program of a command that another one runs. One that may be a
// part of it need not be a file; all that its words name counts then.
func (x *Execution) program(command []string, part bool) error {
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
func (x *Execution) lookUp(name string) string {
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
func (x *Execution) interpret(l *language, words []string) {
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
			switch {
			case fromInput(words[i]):
				x.idle = l.names[0]
			case l.packages && strings.HasPrefix(strings.ToLower(words[i]), "data:"): // deno run data:…
				x.code = "data:"
			case loose: // the word may be what an option takes that is not known, and the program follow
				x.code = cmp.Or(x.code, l.codeIn(words[i+1:]))
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
		if strings.HasPrefix(o.value, "data:") { // a module of ECMAScript, in words
			x.code = optionName(w)
		}
		switch o.kind {
		case optionCode:
			x.code = optionName(w)
			if !l.continues {
				return
			}
		case optionModule:
			if l.modules && slices.Contains(takeCode(), o.value) {
				x.code = "-m " + o.value
			}
			x.module(o.value)
			if l.modules {
				x.Module = o.value
			}
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
	if x.code == "" && !l.colon { // java takes no program from standard input
		x.idle = l.names[0]
	}
}

// optionName is the option of a word, without the code that may stand in the same word.
func optionName(word string) string {
	const most = 12 // bytes: --encodedcommand and its like are cut
	key, _, _ := strings.Cut(word, "=")
	return key[:min(len(key), most)]
}

// takeCode are modules of Python that take a program in words, or from standard input.
func takeCode() []string {
	return []string{"timeit", "pdb", "code", "IPython", "idlelib", "asyncio", "ptpython", "bpython", "sqlite3", "cProfile", "profile", "trace"}
}

// codeIn is the option among the first words, up to one that is none, by which a program is
// given in words; empty for none.
func (l *language) codeIn(words []string) string {
	for _, w := range words {
		if !strings.HasPrefix(w, "-") {
			return ""
		}
		if l.read(w).kind == optionCode {
			return optionName(w)
		}
	}
	return ""
}

// standardInput are the names of it, which clients write, whatever process they look at.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var standardInput = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(--?|/dev/(stdin|fd/0|tty)|/proc/[^/]+/(task/[^/]+/)?fd/0)$`)
})

func fromInput(name string) bool {
	return standardInput().MatchString(name) || standardInput().MatchString(filepath.Clean(name))
}

// main counts the script that words begin with. Where it cannot be told which of
// them it is, each that is a file counts.
func (x *Execution) main(l *language, words []string, loose bool) {
	files := x.entry(l, words[0])
	for i, f := range files {
		if i == 0 && x.Script == nil {
			x.Script = &f
			continue
		}
		x.load(f.Name, f.Path)
	}
	if loose || len(files) == 0 {
		x.named(words...)
	}
	if len(files) == 0 && l.packages { // its scripts have names
		x.named("package.json")
	}
}

// named counts those of words that are names of files.
func (x *Execution) named(words ...string) {
	for _, word := range words {
		if path := x.at(word); word != "" && regular(path) && (x.Script == nil || x.Script.Path != path) {
			x.load(word, path)
		}
	}
}

// load counts a file once.
func (x *Execution) load(name, path string) {
	if !slices.ContainsFunc(x.Loads, func(e Executed) bool { return e.Path == path }) {
		x.Loads = append(x.Loads, Executed{name, path})
	}
}

// at is where a name is.
func (x *Execution) at(name string) string { return InDir(x.dir, name) }

func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func directory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// InDir is a path as a process that runs in dir takes it.
func InDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
