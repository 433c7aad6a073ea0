package launch

import (
	"path/filepath"
	"slices"
	"strings"
)

// wrapper is a program that runs the command after its own words.
type wrapper struct {
	takes    []string // options with a word after them
	dirs     []string // of those, change the directory
	operands int      // words of its own between the options and the command
	instead  bool     // it has those operands only where it has no options
	assigns  bool     // NAME=VALUE may stand before the command
	splits   bool     // -S holds words (env(1))
	part     bool     // the command is a part of it, or may be installed where only it looks
	python   bool     // the command may be a script, or with -m a module, of Python
	run      string   // the subcommand that runs a command
}

// wrappers are the wrappers by their names, from their manuals (GNU coreutils 9,
// util-linux 2.41, sudo 1.9, OpenBSD doas, tini, dumb-init, BusyBox, uv 0.9, Poetry 2, PDM,
// Pixi, Conda, mise, direnv, Pipenv, Bundler, Hatch, Rye, D-Bus 1.16, Xvfb, torsocks 2, proxychains-ng 4,
// numactl 2, libcgroup 3, libfaketime 0.9).
//
//nolint:gochecknoglobals // a table; read-only
var wrappers = map[string]wrapper{
	"env":       {takes: []string{"-u", "--unset", "-C", "--chdir", "-P", "-a", "--argv0"}, dirs: []string{"-C", "--chdir"}, assigns: true, splits: true},
	"genv":      {takes: []string{"-u", "--unset", "-C", "--chdir", "-a", "--argv0"}, dirs: []string{"-C", "--chdir"}, assigns: true, splits: true},
	"nice":      {takes: []string{"-n", "--adjustment"}},
	"nohup":     {},
	"timeout":   {takes: []string{"-k", "--kill-after", "-s", "--signal"}, operands: 1},
	"gtimeout":  {takes: []string{"-k", "--kill-after", "-s", "--signal"}, operands: 1},
	"setsid":    {},
	"stdbuf":    {takes: []string{"-i", "-o", "-e", "--input", "--output", "--error"}},
	"unbuffer":  {},
	"ionice":    {takes: []string{"-c", "--class", "-n", "--classdata"}},
	"chrt":      {takes: []string{"-T", "--sched-runtime", "-P", "--sched-period", "-D", "--sched-deadline"}, operands: 1},
	"taskset":   {operands: 1},
	"time":      {takes: []string{"-f", "--format", "-o", "--output"}},
	"tini":      {takes: []string{"-p", "-e"}},
	"dumb-init": {takes: []string{"-r", "--rewrite"}},
	"catatonit": {},
	"sudo": {
		takes: []string{"-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "--close-from", "-D", "--chdir", "-R", "--chroot", "-T", "--command-timeout", "-U", "--other-user", "-r", "--role", "-t", "--type"},
		dirs:  []string{"-D", "--chdir"}, assigns: true,
	},
	"doas":             {takes: []string{"-u", "-C", "-a"}},
	"dbus-run-session": {takes: []string{"--config-file", "--dbus-daemon"}},
	"xvfb-run": {takes: []string{
		"-e", "--error-file", "-f", "--auth-file", "-n", "--server-num", "-p", "--xauth-protocol", "-s", "--server-args", "-w", "--wait",
	}},
	"torsocks":     {takes: []string{"-u", "--user", "-p", "--pass", "-a", "--address", "-P", "--port"}},
	"torify":       {},
	"tsocks":       {},
	"proxychains":  {takes: []string{"-f"}},
	"proxychains4": {takes: []string{"-f"}},
	"numactl": {takes: []string{
		"-i", "--interleave", "-p", "--preferred", "-P", "--preferred-many", "-m", "--membind", "-w", "--weighted-interleave", "-C", "--physcpubind", "-c", "-N", "--cpunodebind",
	}},
	"cgexec":     {takes: []string{"-g"}},
	"runcon":     {takes: []string{"-t", "--type", "-u", "--user", "-r", "--role", "-l", "--range"}, operands: 1, instead: true},
	"faketime":   {takes: []string{"-p", "--date-prog"}, operands: 1},
	"catchsegv":  {},
	"pipenv":     {takes: []string{"--python"}, part: true, run: "run"},
	"bundle":     {takes: []string{"--gemfile", "-r", "--retry"}, part: true, run: "exec"},
	"hatch":      {takes: []string{"-e", "--env", "-p", "--project"}, part: true, run: "run"},
	"rye":        {part: true, run: "run"},
	"busybox":    {part: true},
	"toybox":     {part: true},
	"poetry":     {takes: []string{"-C", "--directory", "-P", "--project"}, dirs: []string{"-C", "--directory"}, part: true, run: "run"},
	"pdm":        {takes: []string{"-p", "--project"}, part: true, run: "run"},
	"pixi":       {takes: []string{"-e", "--environment", "--manifest-path"}, part: true, run: "run"},
	"conda":      {takes: []string{"-n", "--name", "-p", "--prefix", "--cwd"}, dirs: []string{"--cwd"}, part: true, run: "run"},
	"mamba":      {takes: []string{"-n", "--name", "-p", "--prefix", "--cwd"}, dirs: []string{"--cwd"}, part: true, run: "run"},
	"micromamba": {takes: []string{"-n", "--name", "-p", "--prefix", "--cwd"}, dirs: []string{"--cwd"}, part: true, run: "run"},
	"mise":       {takes: []string{"-C", "--cd"}, dirs: []string{"-C", "--cd"}, part: true, run: "exec"},
	"direnv":     {operands: 1, part: true, run: "exec"},
	"uv": {
		takes: []string{
			"--directory", "--project", "--with", "-w", "--with-editable", "--with-requirements", "-p", "--python", "--env-file", "--extra", "--no-extra", "--group", "--no-group",
			"--only-group", "--package", "--index", "--default-index", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--cache-dir", "--config-file", "-c", "--constraints",
		},
		dirs: []string{"--directory"}, part: true, python: true, run: "run",
	},
}

// unwrap reads a wrapper's own words and returns the command that it runs; none where
// it runs none.
func (x *Execution) unwrap(w wrapper, words []string) ([]string, error) {
	options, operands := true, w.operands
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case options && word == "--":
			options = false
		case options && w.python && w.run == "" && (word == "-m" || word == "--module"):
			x.module(strings.Join(words[i+1:min(len(words), i+2)], ""))
			return nil, nil
		case options && w.splits && splitOption(word):
			text, rest := afterSplit(words[i:])
			inner, err := splitString(text)
			if err != nil {
				return nil, err
			}
			words, i = slices.Concat(inner, rest), -1
		case options && strings.HasPrefix(word, "-") && word != "-":
			i += x.option(w, words[i:])
			if w.instead {
				operands = 0
			}
		case word == "-" && w.assigns: // env - empties the environment
		case w.assigns && strings.Contains(word, "="):
			options = false
			x.assign(word)
		case w.run != "" && word != w.run:
			return nil, nil
		case w.run != "":
			w.run = ""
		case operands > 0:
			options = false
			operands--
		default:
			return x.inner(w, words[i:]), nil
		}
	}
	return nil, nil
}

// inner is the command that a wrapper runs. What uv runs may be a script of Python.
func (x *Execution) inner(w wrapper, words []string) []string {
	if w.python && fromInput(words[0]) {
		x.idle = "python"
		return nil
	}
	if path := x.at(words[0]); w.python && (regular(path) || directory(path)) {
		if l, ok := languageOf("python"); ok {
			x.main(l, words, false)
		}
		return nil
	}
	return words
}

// option heeds an option of a wrapper, and returns how many words it has after it.
func (x *Execution) option(w wrapper, words []string) int {
	key, value, joined := strings.Cut(words[0], "=")
	if at := slices.IndexFunc(w.takes, func(t string) bool { return len(key) > 3 && strings.HasPrefix(t, key) }); at >= 0 {
		key = w.takes[at] // long ones may be cut short
	}
	takes := slices.Contains(w.takes, key)
	if !takes && !strings.HasPrefix(key, "--") && len(key) > 1 { // several in one word: the last may take one, or the first the rest
		first, last := key[:2], "-"+key[len(key)-1:]
		switch {
		case slices.Contains(w.takes, first):
			key, value, takes, joined = first, words[0][2:], true, true
		case slices.Contains(w.takes, last):
			key, takes = last, true
		}
	}
	used := 0
	if takes && !joined && len(words) > 1 {
		value, used = words[1], 1
	}
	if takes && slices.Contains(w.dirs, key) {
		x.dir = x.at(value)
	}
	return used
}

// assign heeds a variable that env(1) sets and that loads files: ld.so(8), dyld(1),
// bash(1), sh(1), nodejs.org/api/cli.html, java(1), ruby(1).
func (x *Execution) assign(word string) {
	name, value, _ := strings.Cut(word, "=")
	x.assigns = append(x.assigns, name)
	switch name {
	case "PATH":
		x.search = value
	case "LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES":
		for _, file := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == filepath.ListSeparator }) {
			x.named(file)
		}
	case "BASH_ENV", "ENV", "OPENSSL_CONF":
		x.named(value)
	}
	for program, variables := range map[string]string{"node": "NODE_OPTIONS", "java": "JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS", "ruby": "RUBYOPT"} {
		if l, ok := languageOf(program); ok && slices.Contains(strings.Fields(variables), name) {
			before, idle := x.dir, x.idle
			x.interpret(l, strings.Fields(value))
			x.dir, x.idle = before, idle // the script is named elsewhere
		}
	}
}
