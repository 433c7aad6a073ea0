package launch

import (
	"math"
	"slices"
	"strings"
)

// chooser is a program whose first operands say what it executes, so that no value may stand
// there.
type chooser struct {
	names    []string
	operands int      // how many
	first    bool     // it is the very first word alone, be it an option
	takes    []string // options with a word after them, which may be a value
	flags    []string // options with none; behind others the next word may be theirs or an operand
	after    []string // subcommands behind which the next operand says it, too
	named    []string // subcommands behind which a name and the next operand say it
	what     string   // "could be …"
}

// every is the operands of a program that executes each of them.
const every = math.MaxInt

// choosers are such programs, from their manuals. Interpreters of servers are not among them:
// at each call their script is looked at, and has to be the one that was approved.
//
//nolint:gochecknoglobals // a table; read-only
var choosers = []chooser{
	// Options of old need no dash: tar xIf PROGRAM ARCHIVE.
	{names: []string{"tar", "gtar", "bsdtar"}, operands: 1, first: true, what: "options, which need no dash there"},
	{names: []string{"git"}, operands: 1, takes: []string{"-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix"}, flags: []string{"--no-pager", "-P", "--paginate", "-p", "--bare", "--no-replace-objects", "--no-optional-locks", "--literal-pathspecs"}, what: "the subcommand, and some run other programs"},
	{names: []string{"ip"}, operands: 1, takes: []string{"-n", "-netns", "-f", "-family", "-rc", "-rcvbuf", "-l", "-loops"}, what: "the subcommand, and netns and vrf run other programs"},
	{names: []string{"go", "cargo", "gem", "mix", "kubectl", "helm", "docker", "podman", "nerdctl", "openssl", "busctl", "snap", "flatpak", "brew"}, operands: 1, what: "the subcommand, and some run other programs"},
	{names: []string{"mvn", "gradle", "ant", "rake", "rails"}, operands: every, what: "what it runs, and some of that runs other programs"},
	{
		names: []string{"npm", "pnpm", "yarn", "bunx", "npx", "pnpx"}, operands: 1, takes: []string{"--registry", "--prefix", "--cache", "-C"},
		flags: []string{"-y", "--yes", "--no-install", "-s", "--silent", "--quiet", "-q"},
		after: []string{"run", "run-script", "rum", "urn", "x", "exec", "dlx", "workspaces", "foreach"}, named: []string{"workspace"}, what: "what it runs",
	},
	{names: []string{"sqlite3", "sqlite", "duckdb"}, operands: every, takes: []string{"-separator", "-nullvalue", "-newline", "-mmap", "-lookaside", "-pagecache", "-heap", "-maxsize", "-vfs", "-A"}, what: "SQL or a dot command, and .shell runs other programs"},
	{
		names:    []string{"swipl", "guile", "sbcl", "clisp", "clojure", "clj", "gsi", "chibi-scheme", "octave", "tclsh", "wish", "ghc", "runghc", "ocaml", "gjs", "qjs", "d8", "jsc", "xonsh", "elvish", "osh", "ysh", "mksh", "yash", "rbash"},
		operands: 1, takes: []string{"-encoding", "-display", "-name", "--core", "-L", "-I", "-path", "--path"}, flags: []string{"--quiet", "--script"}, what: "the script that it executes",
	},
	{names: []string{"julia", "elixir", "iex", "osascript", "r", "racket", "groovy", "scala", "kotlin", "raku", "nim", "crystal", "janet", "escript"}, operands: 1, takes: []string{"-L", "-J", "-t", "-C", "-I", "-l"}, flags: []string{"--quiet"}, what: "the script that it executes"},
}

// Chosen is the breach of a command in which a value would say what its program executes,
// which the lock does not pin. free tells of each word whether it has a value that the
// operator has not listed. nil for none. It is asked of commands that values are put into.
func Chosen(command []string, free func(word string) bool) *Breach {
	if len(command) == 0 {
		return nil
	}
	words := inside(command)
	program := programName(words[0])
	name := strings.TrimRight(program, "0123456789.")
	for _, c := range choosers {
		if !slices.Contains(c.names, program) && !slices.Contains(c.names, name) {
			continue
		}
		left, loose := c.operands, false // the word before may take this one
		for i := 1; i < len(words) && left > 0; i++ {
			w := words[i]
			switch {
			case free(w):
				return &Breach{Runs, program + " is given a value where it could be " + c.what, "write that word, in a command for each, or give the parameter an enum"}
			case c.first:
				left = 0
			case !loose && slices.Contains(c.takes, w):
				i++
			case strings.HasPrefix(w, "-") && w != "-":
				loose = w != "--" && !strings.Contains(w, "=") && !slices.Contains(c.flags, w)
				continue
			case strings.HasPrefix(w, "+"), slices.Contains(c.after, w): // cargo +nightly
			case slices.Contains(c.named, w):
				left++
			case !loose:
				left--
			}
			loose = false
		}
		return nil
	}
	return nil
}
