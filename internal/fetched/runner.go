package fetched

import (
	"slices"
	"strings"
)

// Runner is what the words say of a command that has a package of Python fetched and runs a
// program of it: uvx, uv tool run, pipx run.
type Runner struct {
	Options []Option
	Words   []string // the first that is no option, and those after it, which are the program's
}

// Option is an option of a runner by its long name.
type Option struct {
	Name  string
	Value string // empty for one that takes none
}

// RunnerOf reads a command; false where it is no such runner. launch and python ask it, too.
func RunnerOf(command []string) (Runner, bool) {
	if len(command) == 0 {
		return Runner{}, false
	}
	r, words := Runner{}, command[1:]
	switch program(command[0]) {
	case "uvx":
	case "uv":
		for _, sub := range [...]string{"tool", "run"} {
			words = r.options(words)
			if len(words) == 0 || words[0] != sub {
				return Runner{}, false
			}
			words = words[1:]
		}
	case "pipx":
		words = r.options(words)
		if len(words) == 0 || words[0] != "run" {
			return Runner{}, false
		}
		words = words[1:]
	default:
		return Runner{}, false
	}
	r.Words = r.options(words)
	return r, true
}

// options takes the options that stand before the first other word.
func (r *Runner) options(words []string) []string {
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			return words[i+1:]
		}
		if !strings.HasPrefix(w, "-") || w == "-" {
			return words[i:]
		}
		name, value, joined := strings.Cut(w, "=")
		if !strings.HasPrefix(w, "--") && len(w) > 2 { // -wNAME
			name, value, joined = w[:2], strings.TrimPrefix(w[2:], "="), true
		}
		name, takes := long(name)
		if takes && !joined && i+1 < len(words) {
			i++
			value = words[i]
		}
		r.Options = append(r.Options, Option{name, value})
	}
	return nil
}

// long is the long name of an option, and whether it takes a word. What is cut short is
// what argparse makes of it, which pipx reads its words with.
func long(name string) (whole string, takes bool) {
	if of, ok := short[name]; ok {
		name = of
	}
	if slices.Contains(taking, name) {
		return name, true
	}
	if slices.Contains(flags, name) || len(name) < 3 {
		return name, false
	}
	for _, t := range taking {
		if strings.HasPrefix(t, name) {
			return t, true
		}
	}
	return name, false
}

// The options of uv 0.9 (uvx --help) and pipx 1.8 (pipx run --help) that matter for reading
// the words after them.
//
//nolint:gochecknoglobals // tables; read-only
var (
	short = map[string]string{
		"-w": "--with", "-p": "--python", "-i": "--index-url", "-f": "--find-links", "-c": "--constraints", "-b": "--build-constraints", "-C": "--config-setting", "-P": "--upgrade-package",
		"-m": "--module", "-q": "--quiet", "-v": "--verbose", "-n": "--no-cache", "-U": "--upgrade",
	}
	taking = []string{
		"--from", "--spec", "--with", "--with-editable", "--with-requirements", "--env-file", "--python", "--index", "--default-index", "--index-url", "--extra-index-url", "--find-links", "--pip-args",
		"--constraints", "--build-constraints", "--overrides", "--override", "--upgrade-package", "--index-strategy", "--keyring-provider", "--resolution", "--prerelease", "--fork-strategy",
		"--config-setting", "--config-settings", "--config-settings-package", "--no-build-isolation-package", "--exclude-newer", "--exclude-newer-package", "--link-mode", "--reinstall-package", "--no-build-package",
		"--no-binary-package", "--no-sources-package", "--refresh-package", "--cache-dir", "--python-platform", "--torch-backend", "--color", "--directory", "--project", "--config-file", "--allow-insecure-host",
		"--trusted-host", "--python-preference", "--backend", "--extra", "--no-extra", "--group", "--no-group", "--only-group", "--package", "--module",
	}
	flags = []string{"--no-config", "--no-cache", "--no-build", "--no-binary", "--no-sources", "--no-build-isolation", "--no-index", "--no-progress", "--no-python-downloads", "--isolated", "--quiet", "--verbose", "--offline", "--upgrade", "--refresh", "--reinstall"}
)

// fetches judges what the runner fetches.
func (r *Runner) fetches() []Fetch {
	var named, out []Fetch
	for _, o := range r.Options {
		switch o.Name {
		case "--from", "--spec":
			named = append(named, pythonFetch(o.Value))
		case "--with":
			out = append(out, added(o.Value)...)
		case "--with-requirements", "--with-editable", "--overrides", "--override":
			out = append(out, Fetch{Loose, "what " + o.Name + " " + o.Value + " names, which is not looked into"})
		case "--index", "--default-index", "--index-url", "--extra-index-url", "--find-links":
			if !pypi(o.Value) {
				out = append(out, Fetch{Movable, "packages from " + o.Value + " (" + o.Name + "), in place of those of PyPI or beside them"})
			}
		case "--pip-args", "--config-file", "--allow-insecure-host", "--trusted-host":
			out = append(out, Fetch{Movable, "packages by " + o.Name + " " + o.Value + ", which is not looked into"})
		case "--managed-python", "--fetch-missing-python":
			out = append(out, Fetch{Movable, "an interpreter that it fetches (" + o.Name + ")"})
		case "--python-preference":
			if strings.HasSuffix(o.Value, "managed") {
				out = append(out, Fetch{Movable, "an interpreter that it fetches (" + o.Name + " " + o.Value + ")"})
			}
		}
	}
	switch {
	case named != nil:
	case len(r.Words) > 0:
		named = []Fetch{pythonFetch(r.Words[0])}
	default:
		named = []Fetch{{Loose, "a package that its words do not name"}}
	}
	return append(named, out...)
}

// project judges what uv run fetches beside what its project or script names: packages that its
// words add, and a script from elsewhere (uv run --help).
func project(command []string) (out []Fetch) {
	var r Runner
	words := r.options(command[1:])
	if program(command[0]) != "uv" || len(words) == 0 || words[0] != "run" {
		return nil
	}
	words = r.options(words[1:])
	for _, o := range r.Options {
		if o.Name == "--with" {
			out = append(out, added(o.Value)...)
		}
	}
	if len(words) > 0 {
		if at := strings.ToLower(words[0]); strings.HasPrefix(at, "https:") || strings.HasPrefix(at, "http:") {
			out = append(out, Fetch{Movable, words[0] + ", which can be another program tomorrow"})
		}
	}
	return out
}

// added judges packages that are fetched beside another, as --with names them.
func added(value string) (out []Fetch) {
	for one := range strings.SplitSeq(value, ",") {
		out = append(out, pythonFetch(strings.TrimSpace(one)))
	}
	return out
}

// pythonFetch judges one requirement. A place, a repository and an archive are built
// when they are fetched, which runs code of theirs before the program does, and builds with
// whatever is published then, even where a commit says what is built.
func pythonFetch(word string) Fetch {
	switch {
	case pythonExact(word):
		return Fetch{Exactly, word}
	case commit(word):
		return Fetch{Movable, word + ", which is built when it is fetched"}
	case local(word) || word == "." || word == "..":
		return Fetch{Movable, word + ", which is built when it is started"}
	}
	return Fetch{Loose, word + ", which is no exact version"}
}

// pypi knows the index that is asked without being named.
func pypi(index string) bool {
	return slices.Contains([]string{"https://pypi.org/simple", "https://pypi.python.org/simple"}, strings.TrimSuffix(strings.ToLower(index), "/"))
}
