package launch

import (
	"slices"
	"strings"
)

// Head is how many of a command's words say which program runs: those up to the name of the one
// that is behind all wrappers, with their own words. All, where a wrapper takes words out of a
// word (env -S).
func Head(command []string) int {
	if len(command) == 0 {
		return 0
	}
	words := inside(command)
	before := len(command) - len(words)
	if before < 0 || !slices.Equal(command[before:], words) {
		return len(command)
	}
	return before + 1
}

// inside is the command behind all wrappers of another.
func inside(command []string) (words []string) {
	words = command
	for range maxWrapped {
		x := &Execution{dir: nowhere, search: nowhere}
		inner, _ := x.judge(words)
		if len(inner) == 0 {
			break
		}
		words = inner
	}
	return words
}

// Remote is the breach of a command that has words for a shell of another machine: ssh(1) joins
// the words behind the host with blanks, and a shell there reads them. nil for none. It is asked
// of commands that values are put into: what others have in these words, their operator wrote.
func Remote(command []string) *Breach {
	if len(command) == 0 {
		return nil
	}
	words := inside(command)
	program := programName(words[0])
	if !slices.Contains([]string{"ssh", "slogin", "autossh", "rsh"}, program) {
		return nil
	}
	const takes = "BbcDEeFIiJLlmMOoPpQRSWw" // of ssh(1), OpenSSH 10: letters with a word after them
	host := false
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
		case len(w) > 1 && w[0] == '-' && !host:
			if at := strings.IndexAny(w[1:], takes); at == len(w)-2 {
				i++
			}
		case host:
			return &Breach{Runs, program + " has words behind the host, which a shell of that machine reads", "give the parameters an enum, or name a program there that takes nothing"}
		default:
			host = true
		}
	}
	return nil
}
