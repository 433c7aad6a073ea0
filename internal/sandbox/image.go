package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Image is a program that is held open, so that it is executed from the very inode that
// was looked at, whatever its name leads to by then (SBX-28). Of a script that is its
// interpreter, found as Linux finds it; the script is named to that by its path.
type Image struct {
	Path string   // to start the program by; good until Close
	Args []string // of it
	held held
}

// errNotPinned is an interpreter that is not among the files that were digested.
var errNotPinned = errors.New("it is not among the files whose digest was taken")

// maxScripts is how often a script's interpreter may be a script (BINPRM_MAX_RECURSION of Linux).
const maxScripts = 5

// maxFirstLine is how much of a script is read for its interpreter (BINPRM_BUF_SIZE of Linux), in bytes.
const maxFirstLine = 256

// Interpreter is what the first line of a script names: a program, and one word for it
// where there is one (execve(2)). Empty for what is no script.
func Interpreter(head []byte) (program, word string) {
	text, script := strings.CutPrefix(string(head[:min(len(head), maxFirstLine)]), "#!")
	if !script {
		return "", ""
	}
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Trim(text, " \t\r")
	if at := strings.IndexAny(text, " \t"); at >= 0 {
		return text[:at], strings.Trim(text[at:], " \t")
	}
	return text, ""
}

// behind are the words of a script's interpreter.
func behind(program, word, script string, args []string) []string {
	words := []string{program}
	if word != "" {
		words = append(words, word)
	}
	return append(append(words, script), args[min(1, len(args)):]...)
}

// expected is the file as it was when its digest was taken. Where no digests were taken
// nothing is expected.
func expected(path string, same []File) (File, bool, error) {
	at := slices.IndexFunc(same, func(f File) bool { return f.Path == path })
	if at >= 0 {
		return same[at], true, nil
	}
	if len(same) > 0 {
		return File{}, false, fmt.Errorf("%s: %w", path, errNotPinned)
	}
	return File{}, false, nil
}

func another(path string) error {
	return fmt.Errorf("%s is another file than the one whose digest was taken: start again", path)
}
