package launch

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/fetched"
)

// runner is a program that is no interpreter of servers, and what makes it run code.
type runner struct {
	names  []string
	option *regexp.Regexp // of the words that make it run something; nil: it does always
	unless *regexp.Regexp // a word that means that it does not
	rule   Rule
}

// runners are such programs, from their manuals and from GTFOBins. Options may be cut
// short where getopt_long(3) takes that.
//
//nolint:gochecknoglobals // a table, compiled when first used; read-only
var runners = sync.OnceValue(func() []runner {
	return []runner{
		{names: []string{"find", "gfind", "fd", "fdfind"}, option: regexp.MustCompile(`^(-exec|-execdir|-ok|-okdir|-x|-X|--exec(-batch)?(=.*)?)$`), rule: Runs},
		{names: []string{"tar", "gtar", "bsdtar"}, option: regexp.MustCompile(`^(--ch.*|--to-c.*|--use.*|--rsh.*|--rmt.*|--info.*|--new-volume.*|-[A-Za-z]*[IF].*)$`), rule: Runs},
		{names: []string{"git"}, option: regexp.MustCompile(`^(-c.*|--config-env.*|--exec-path=.*|--upload-pack.*|--receive-pack.*|-u|bisect|submodule|difftool|mergetool|rebase|filter-branch|grep|hook)$`), rule: Runs},
		{names: []string{"split", "gsplit"}, option: regexp.MustCompile(`^--fi.*`), rule: Runs},
		{names: []string{"sort", "gsort"}, option: regexp.MustCompile(`^--co.*`), rule: Runs},
		{names: []string{"tcpdump"}, option: regexp.MustCompile(`^(-[A-Za-z#]*z.*|--postrotate-command.*)$`), rule: Runs},
		{names: []string{"ip"}, option: regexp.MustCompile(`^(netn.*|vrf|-b.*|-force)$`), rule: Runs},
		{names: []string{"go"}, option: regexp.MustCompile(`^--?(exec|toolexec)(=.*)?$`), rule: Runs},
		{names: []string{"ssh", "scp", "sftp", "rsync"}, option: regexp.MustCompile(`(?i)(proxycommand|localcommand|knownhostscommand|match exec)|^(-e.*|--rsh.*|--rsync-path.*|-S)$`), rule: Runs},
		{names: []string{"nc", "ncat", "netcat", "nc.openbsd", "nc.traditional"}, option: regexp.MustCompile(`^(-[A-Za-z]*[ec].*|--exec.*|--sh-exec.*|--lua-exec.*)$`), rule: Runs},
		{names: []string{"socat"}, option: regexp.MustCompile(`(?i)\b(exec|system|shell):`), rule: Runs},
		{names: []string{"make", "gmake", "xargs", "gxargs", "parallel", "watch", "flock", "script", "entr", "strace", "ltrace", "gdb", "lldb", "valgrind", "perf", "unshare", "nsenter", "chroot", "systemd-run", "bwrap", "capsh", "firejail", "proot", "fakeroot", "setarch", "linux32", "linux64", "uname26", "i386", "i486", "i586", "i686", "x86_64", "ppc", "ppc32", "ppc64", "ppc64le", "s390", "s390x", "sparc", "sparc32", "sparc64", "mips", "mips32", "mips64", "parisc", "parisc32", "parisc64", "alpha", "ia64", "armv7l", "armv8l", "aarch64", "arm64", "prlimit", "rlwrap", "unbuffer", "start-stop-daemon", "crontab", "xdg-open", "rundll32", "mshta", "wscript", "cscript", "regsvr32", "msiexec", "forfiles", "logsave", "pexec", "choom", "uclampset", "aa-exec", "run-parts", "hyperfine", "daemonize", "screen", "tmux", "expect", "vi", "vim", "nvim", "ex", "ed", "emacs", "nano", "less", "zip", "cpio", "dpkg", "rpm", "apt", "apt-get", "pip", "pip3"}, rule: Runs},
		{names: []string{"awk", "gawk", "mawk", "nawk", "original-awk", "goawk"}, unless: regexp.MustCompile(`^(-f|--file|-E|--exec)`), rule: Code},
		{names: []string{"sed", "gsed"}, unless: regexp.MustCompile(`^(-f|--file)`), rule: Code},
		{names: []string{"julia", "elixir", "iex", "osascript", "r", "racket", "groovy", "scala", "kotlin", "raku", "nim", "crystal", "janet"}, option: regexp.MustCompile(`^(-[A-Za-z]*[eE].*|--eval.*|--print.*)$`), rule: Code},
		{names: []string{"swipl", "guile", "sbcl", "clisp", "clojure", "clj", "gsi", "chibi-scheme", "octave", "tclsh", "wish", "ghc", "runghc", "ocaml", "gjs", "qjs", "d8", "jsc", "sqlite3", "psql", "mysql"}, option: regexp.MustCompile(`^(-e.*|-eval|-run|-s|-g|-t|-c.*|-x|--eval.*|--command.*|-cmd)$`), rule: Code},
		{names: []string{"cmd"}, rule: Code},
		{names: []string{"su", "runuser"}, option: regexp.MustCompile(`^(-[A-Za-z]*c.*|--com.*|--session-c.*)$`), rule: Code},
		{names: []string{"xonsh", "elvish", "osh", "ysh", "mksh", "yash", "rbash"}, option: regexp.MustCompile(`^(-[A-Za-z]*c.*|--commands?.*)$`), rule: Code},
		{names: []string{"npx", "npm", "pnpm", "pnpx", "yarn", "bunx"}, option: regexp.MustCompile(`^(-c|--call(=.*)?|--shell-mode|--script-shell(=.*)?|--node-options(=.*)?|--node-arg.*|-n)$`), rule: Code},
	}
})

// running judges a program that makes others run. The words of a package's own program,
// which stand behind its name, are not the launcher's.
func running(program string, words []string) []Breach {
	if dynamicLoader().MatchString(program) {
		return []Breach{{Runs, program + " runs whatever program follows", "name the server's program itself"}}
	}
	if slices.Contains([]string{"erl", "werl"}, program) {
		return erlang(program, words)
	}
	for _, r := range runners() {
		if !slices.Contains(r.names, strings.TrimRight(program, "0123456789.")) && !slices.Contains(r.names, program) {
			continue
		}
		if slices.Contains([]string{"npx", "npm", "pnpm", "pnpx", "yarn", "bunx"}, program) {
			words = ownOptions(words)
		}
		if r.unless != nil && slices.ContainsFunc(words, r.unless.MatchString) {
			return nil
		}
		if r.option == nil {
			return []Breach{r.breach(program, "")}
		}
		if at := slices.IndexFunc(words, r.option.MatchString); at >= 0 {
			return []Breach{r.breach(program, words[at])}
		}
	}
	return nil
}

// erlang judges the words of erl(1): -eval is given a program, and -s and -run are named a
// module and a function, which of some modules takes one. Its other flags are for applications
// (-config, -cookie, -env).
func erlang(program string, words []string) []Breach {
	takers := []string{"os", "erlang", "c", "erl_eval", "erl_scan", "file", "rpc", "erpc", "shell", "escript", "code", "compile", "init", "timer", "proc_lib", "apply"}
	for i, w := range words {
		switch w {
		case "-extra", "--":
			return nil
		case "-eval":
			return []Breach{{Code, program + " is given its program in words (" + w + ")", "put the program into a module of its own and name that with -s"}}
		case "-s", "-run":
			if i+1 < len(words) && slices.Contains(takers, words[i+1]) && (words[i+1] != "init" || !slices.Equal(words[i+2:min(i+3, len(words))], []string{"stop"})) {
				return []Breach{{Code, program + " has module " + words[i+1] + " run what its words say (" + w + ")", "name a module of the server's own"}}
			}
		}
	}
	return nil
}

// dynamicLoader is ld.so(8), which runs a program that is named to it.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var dynamicLoader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(ld(-linux.*|-musl.*|64)?\.so(\.[0-9]+)?|rtld.*)$`) })

func (r *runner) breach(program, word string) Breach {
	if word != "" {
		word = " (" + word + ")"
	}
	if r.rule == Code {
		return Breach{Code, program + " is given its program in words" + word, "put the program into a file of its own and name that"}
	}
	return Breach{Runs, program + " runs other commands" + word, "name the server's program itself"}
}

// ownOptions are the words of a package runner that are its own: those before the first
// that is no option, and what follows it where no package can stand there.
func ownOptions(words []string) []string {
	var own []string
	takes := []string{"-p", "--package", "-w", "--workspace", "--registry", "--prefix", "--cache"}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return own
		case slices.Contains(takes, w):
			i++
		case strings.HasPrefix(w, "-"):
			own = append(own, w)
		case i == 0 && slices.Contains([]string{"exec", "x", "dlx"}, w):
		default:
			return own
		}
	}
	return own
}

// besidePackage is the command that a package runner is told to run beside the package that
// it is told to fetch, where that is an interpreter or wraps other commands: it need not be the
// package's. None otherwise.
func besidePackage(program string, words []string) []string {
	if r, ok := fetched.RunnerOf(append([]string{program}, words...)); ok {
		from := func(o fetched.Option) bool { return o.Name == "--from" || o.Name == "--spec" }
		if len(r.Words) > 0 && slices.ContainsFunc(r.Options, from) && takesOthers(programName(r.Words[0])) {
			return r.Words
		}
		return nil
	}
	switch {
	case slices.Contains([]string{"npx", "bunx", "pnpx"}, program):
	case slices.Contains([]string{"npm", "pnpm", "yarn"}, program) && len(words) > 0:
		words = words[1:] // exec, dlx
	default:
		return nil
	}
	named := false
	for i := 0; i < len(words); i++ {
		key, _, joined := strings.Cut(words[i], "=")
		names := slices.Contains([]string{"-p", "--package"}, key)
		named = named || names
		switch {
		case words[i] == "--":
		case strings.HasPrefix(key, "-"):
			if !joined && (names || slices.Contains([]string{"-w", "--workspace", "--registry", "--prefix", "--cache"}, key)) {
				i++
			}
		case named && takesOthers(programName(words[i])):
			return words[i:]
		default:
			return nil
		}
	}
	return nil
}

func takesOthers(program string) bool {
	_, language := languageOf(program)
	_, wraps := wrappers[program]
	return language || wraps
}
