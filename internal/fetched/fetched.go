// Package fetched says what a command fetches from elsewhere before it runs, and
// how exactly its words say what that is. checklist asks it about upstreams, scan
// about the servers of clients. It reads words alone: it starts and fetches
// nothing.
package fetched

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Exactness is how exactly a command says what it runs.
type Exactness uint8

// The exactnesses. The zero value is the worst.
const (
	Loose   Exactness = iota // whatever is published next
	Movable                  // a name that its publisher can move
	Exactly
)

// Fetch is one thing that a command may fetch and run.
type Fetch struct {
	How  Exactness
	Text string // what it is and what is amiss
}

// By is what the words of a command fetch before they run it. A program that
// is on the machine fetches nothing: its executable is part of the pin.
func By(command []string) []Fetch {
	words := unwrapped(command)
	if len(words) == 0 {
		return nil
	}
	program, rest := program(words[0]), words[1:]
	switch program {
	case "npx", "bunx", "pnpx":
		return packages(rest, npmOptions())
	case "npm", "pnpm", "yarn", "bun":
		if len(rest) > 0 && slices.Contains([]string{"exec", "x", "dlx"}, rest[0]) {
			return packages(rest[1:], npmOptions())
		}
	case "uvx", "uv", "pipx":
		if r, ok := RunnerOf(words); ok {
			return r.fetches()
		}
		return project(words)
	case "docker", "podman", "nerdctl":
		return container(program, rest)
	case "go":
		if len(rest) > 1 && rest[0] == "run" {
			return module(rest[1:])
		}
	case "deno":
		return specifiers(rest)
	case "sh", "bash", "zsh", "dash", "ksh", "csh", "tcsh", "fish", "cmd", "powershell", "pwsh":
		return line(program, rest)
	}
	return nil
}

// program is the name of an executable, without its directory and what Windows
// writes after it.
func program(word string) string {
	name := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	for _, end := range [...]string{".exe", ".cmd", ".bat", ".ps1"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

// unwrapped is a command without an env(1) before it.
func unwrapped(words []string) []string {
	if len(words) == 0 || program(words[0]) != "env" {
		return words
	}
	for i, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
			return words[i+1:]
		}
	}
	return nil
}

// options are those of a runner that matter here.
type options struct {
	takes []string // have a word after them
	name  []string // of those, name a package to fetch in place of the first word
}

func npmOptions() options {
	return options{
		takes: []string{"-p", "--package", "-c", "--call", "-w", "--workspace", "--registry", "--prefix", "--cache"},
		name:  []string{"-p", "--package"},
	}
}

// packages judges what a runner of packages of npm is told to fetch.
func packages(words []string, o options) []Fetch {
	var named []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			continue
		}
		if !strings.HasPrefix(w, "-") {
			if len(named) == 0 {
				named = []string{w}
			}
			break // what follows is for the program
		}
		key, value, joined := strings.Cut(w, "=")
		if slices.Contains(o.takes, key) && !joined && i+1 < len(words) {
			i++
			value = words[i]
		}
		if slices.Contains(o.name, key) {
			named = append(named, value)
		}
	}
	var out []Fetch
	for _, p := range named {
		f := Fetch{Exactly, p}
		if !npmExact(p) {
			f = Fetch{Loose, p + ", which is no exact version"}
		}
		out = append(out, f)
	}
	if out == nil {
		out = []Fetch{{Loose, "a package that its words do not name"}}
	}
	return out
}

// local tells whether a word is a place on this machine.
func local(word string) bool {
	return strings.HasPrefix(word, "/") || strings.HasPrefix(word, "./") || strings.HasPrefix(word, "../") || strings.HasPrefix(word, "file:")
}

// commit tells whether a word names a commit of a repository by its whole digest.
func commit(word string) bool {
	return regexp.MustCompile(`[@#][0-9a-f]{40}([0-9a-f]{24})?(#.*)?$`).MatchString(word)
}

// npmExact knows name@1.2.3 (Semantic Versioning 2.0.0), a commit, and a place.
func npmExact(word string) bool {
	return local(word) || commit(word) ||
		regexp.MustCompile(`^(@[^@/]+/)?[^@/]+@\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`).MatchString(word)
}

// pythonExact knows name==1.2.3 and uv's name@1.2.3 (PEP 440, without a star).
func pythonExact(word string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9._-]+(\[[^\]]*\])?(===?|@)(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?$`).MatchString(word)
}

// container judges what a command for containers runs.
func container(program string, words []string) []Fetch {
	at, looked := Image(words)
	switch {
	case !looked:
		return []Fetch{{Movable, "a command of " + program + " that is not looked into"}}
	case at == len(words):
		return []Fetch{{Loose, "an image that its words do not name"}}
	}
	return []Fetch{imageNamed(words[at])}
}

// Image is which of the words after docker(1) and its like is the image that a container is
// made of, where they are read; their number where none is. What follows it is for the
// program in the image.
func Image(words []string) (at int, looked bool) {
	for ; at < len(words) && words[at] != "run" && words[at] != "create"; at++ {
		switch w := words[at]; {
		case w == "container":
		case slices.Contains([]string{"-c", "--context", "-H", "--host", "-l", "--log-level", "--config", "--namespace", "-n"}, w):
			at++ // takes a word
		case !strings.HasPrefix(w, "-"):
			return 0, false
		}
	}
	if at >= len(words) {
		return 0, false
	}
	for at++; at < len(words); at++ {
		w := Unbundled(words[at])
		switch long := strings.HasPrefix(w, "--"); {
		case w == "--":
			return at + 1, true
		case slices.Contains(switches(), w), long && strings.Contains(w, "="), !long && strings.HasPrefix(w, "-") && len(w) > 2:
		case strings.HasPrefix(w, "-"):
			at++ // every other option takes a word
		default:
			return at, true
		}
	}
	return len(words), true
}

// Unbundled is a word of docker run without the switches of one letter before the last
// option in it: -itv is -i, -t, and -v with what follows.
func Unbundled(word string) string {
	for len(word) > 2 && word[0] == '-' && strings.IndexByte("itdPq", word[1]) >= 0 && word[2] != '=' {
		word = "-" + word[2:]
	}
	return word
}

// switches are the options of docker run that take no word (docker-run(1), podman-run(1)).
func switches() []string {
	return []string{
		"-i", "-t", "-d", "-P", "--interactive", "--tty", "--detach", "--rm", "--init", "--privileged", "--read-only", "--publish-all",
		"--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "--disable-content-trust", "-q", "--quiet", "--help", "--replace",
		"--use-api-socket", "--env-host", "--http-proxy", "--no-hostname", "--no-hosts", "--passwd", "--read-only-tmpfs", "--rmi", "--rootfs", "--tls-verify", "--unsetenv-all",
	}
}

func imageNamed(name string) Fetch {
	_, tag, tagged := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	switch {
	case regexp.MustCompile(`@sha256:[0-9a-f]{64}$`).MatchString(name):
		return Fetch{Exactly, name}
	case !tagged || tag == "latest" || strings.Contains(name, "@"):
		return Fetch{Loose, name + ", which is no exact image"}
	}
	return Fetch{Movable, name + ", whose tag can be moved to another image"}
}

// module judges what go run is told to fetch.
func module(words []string) []Fetch {
	for _, w := range words {
		if strings.HasPrefix(w, "-") {
			continue
		}
		_, version, fetches := strings.Cut(w, "@")
		if fetches && !regexp.MustCompile(`^v\d+\.\d+\.\d+\S*$`).MatchString(version) {
			return []Fetch{{Loose, w + ", which is no exact version"}}
		}
		break
	}
	return nil
}

// specifiers judges what deno is told to fetch.
func specifiers(words []string) []Fetch {
	for _, w := range words {
		kind, rest, found := strings.Cut(w, ":")
		switch {
		case found && (kind == "npm" || kind == "jsr") && !npmExact(strings.TrimPrefix(rest, "/")):
			return []Fetch{{Loose, w + ", which is no exact version"}}
		case found && (kind == "https" || kind == "http"):
			return []Fetch{{Movable, w + ", which can be another program tomorrow"}}
		}
	}
	return nil
}

// line tells of a shell's command line, which is not looked into.
func line(shell string, words []string) []Fetch {
	for _, w := range words {
		if regexp.MustCompile(`(?i)^(-[a-z]*c|-command|/c|-enc.*)$`).MatchString(w) {
			return []Fetch{{Movable, "a command line of " + shell + ", which is not looked into"}}
		}
	}
	return nil
}
