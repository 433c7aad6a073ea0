package clients

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// shared are the directories that everybody on a machine may write to (hier(7),
// and Windows's own).
//
//nolint:gochecknoglobals // compiled when first used; read-only
var shared = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^((/private)?/(tmp|var/tmp)|/dev/shm|/run/lock|[a-z]:/(windows/temp|temp|users/public)|%te?mp%|\$\{?te?mp(dir)?\}?)(/|$)`)
})

// exposed are the parts of a command that others on this machine may change: the
// program, a script or a package that it is told to run, and where it looks for
// more. What a server is told to work on does not count.
func exposed(command []string, dir string) []Danger {
	if len(command) == 0 {
		return nil
	}
	var out []Danger
	for _, place := range runsFrom(command) {
		if openToAll(place) {
			out = append(out, Danger{RiskExposed, "it runs " + CommandLine([]string{place}) + ", which others on this machine may change"})
		}
	}
	if dir != "" && openToAll(dir) {
		out = append(out, Danger{RiskExposed, "it runs in " + CommandLine([]string{dir}) + ", where others on this machine may put files"})
	}
	return out
}

// runsFrom are the places in a command that code is run from.
func runsFrom(command []string) []string {
	places := []string{command[0]}
	add := func(p string) {
		if p != "" {
			places = append(places, strings.TrimPrefix(p, "file:"))
		}
	}
	for i, w := range command {
		rest := command[i+1:]
		if l, ok := spoken(w); ok {
			code, script := l.read(rest)
			add(script)
			for _, word := range strings.FieldsFunc(code, func(c rune) bool { return strings.ContainsRune(" ;&|()\"'`", c) }) {
				if strings.HasPrefix(word, "/") {
					add(word)
				}
			}
		}
		name, value, joined := strings.Cut(w, "=")
		switch name {
		case "--directory", "--project", "--prefix", "--from", "--import", "--require", "-r", "--cwd":
			switch {
			case joined:
				add(value)
			case len(rest) > 0:
				add(rest[0])
			}
		}
		switch programName(w) {
		case "npx", "bunx", "uvx", "env", "run", "-y":
			if len(rest) > 0 {
				add(rest[0])
			}
		case "-jar":
			if len(rest) > 0 {
				add(rest[0])
			}
		}
	}
	return places
}

// openToAll tells whether everybody may change what is at a place: because it is
// below a directory that is for everybody, or by its mode and that of the
// directories above it. A sticky directory is one for everybody too: what is not
// there yet can be put there.
func openToAll(place string) bool {
	slashed := path.Clean(strings.ReplaceAll(place, `\`, "/"))
	if shared().MatchString(slashed) {
		return true
	}
	if runtime.GOOS == "windows" || !filepath.IsAbs(place) { // modes say nothing; no way to tell
		return false
	}
	for p := filepath.Clean(place); ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && info.Mode().Perm()&0o002 != 0 {
			return true
		}
		if p == filepath.Dir(p) {
			return false
		}
	}
}
