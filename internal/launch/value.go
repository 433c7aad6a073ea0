package launch

import (
	"slices"
	"strings"
)

// chooser is a program whose first operands say what it executes, so that no value may stand
// there.
type chooser struct {
	names    []string
	operands int      // how many
	first    bool     // it is the very first word alone, be it an option
	takes    []string // options with a word after them
	after    []string // subcommands behind which the next operand says it, too
	what     string   // "could be …"
}

// choosers are such programs, from their manuals. Interpreters of servers are not among them:
// at each call their script is looked at, and has to be the one that was approved.
//
//nolint:gochecknoglobals // a table; read-only
var choosers = []chooser{
	// Options of old need no dash: tar xIf PROGRAM ARCHIVE.
	{names: []string{"tar", "gtar", "bsdtar"}, operands: 1, first: true, what: "options, which need no dash there"},
	{names: []string{"git"}, operands: 1, takes: []string{"-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix"}, what: "the subcommand, and some run other programs"},
	{names: []string{"ip"}, operands: 1, takes: []string{"-n", "-netns", "-f", "-family", "-rc", "-rcvbuf", "-l", "-loops"}, what: "the subcommand, and netns and vrf run other programs"},
	{names: []string{"go", "cargo", "gem", "mix", "rails", "rake", "gradle", "mvn", "ant", "kubectl", "helm", "docker", "podman", "nerdctl", "openssl", "busctl", "snap", "flatpak", "brew"}, operands: 1, what: "the subcommand, and some run other programs"},
	{names: []string{"npm", "pnpm", "yarn", "bunx", "npx", "pnpx"}, operands: 1, takes: []string{"-w", "--workspace", "--registry", "--prefix", "--cache", "-C"}, after: []string{"run", "run-script", "rum", "urn", "x", "exec", "dlx"}, what: "what it runs"},
	{names: []string{"sqlite3", "sqlite", "duckdb"}, operands: 9, takes: []string{"-separator", "-nullvalue", "-newline", "-mmap", "-lookaside", "-pagecache", "-heap", "-maxsize", "-vfs", "-A"}, what: "SQL or a dot command, and .shell runs other programs"},
	{
		names:    []string{"swipl", "guile", "sbcl", "clisp", "clojure", "clj", "gsi", "chibi-scheme", "octave", "tclsh", "wish", "ghc", "runghc", "ocaml", "gjs", "qjs", "d8", "jsc", "xonsh", "elvish", "osh", "ysh", "mksh", "yash", "rbash"},
		operands: 1, takes: []string{"-encoding", "-display", "-name", "--core", "-L", "-I", "-path", "--path"}, what: "the script that it executes",
	},
	{names: []string{"julia", "elixir", "iex", "osascript", "r", "racket", "groovy", "scala", "kotlin", "raku", "nim", "crystal", "janet", "escript"}, operands: 1, takes: []string{"-L", "-J", "-t", "-C", "-I", "-l"}, what: "the script that it executes"},
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
		left := c.operands
		for i := 1; i < len(words) && left > 0; i++ {
			w := words[i]
			switch {
			case free(w):
				return &Breach{Runs, program + " is given a value where it could be " + c.what, "write that word, in a command for each, or give the parameter an enum"}
			case c.first:
				left = 0
			case slices.Contains(c.takes, w):
				i++
			case strings.HasPrefix(w, "-") && w != "-", slices.Contains(c.after, w):
			default:
				left--
			}
		}
		return nil
	}
	return nil
}
