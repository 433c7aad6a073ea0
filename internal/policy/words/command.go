package words

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// CommandRule is what the words of a command must keep to. The zero value: any program
// by its plain name, and no options.
type CommandRule struct {
	// Programs that the first word may be, as written: "git", "/usr/bin/git". Empty:
	// any plain name, a shell too.
	Programs []string
	// Options lets a word begin with what makes it an option or a file of options: a
	// dash, a plus sign (vim, git push), an @ (gcc, javac). A program with an option
	// that runs another one is then as open as that one.
	Options bool
}

const (
	maxWord  = 4096    // bytes of a word: PATH_MAX of Linux, the longest that is in use
	maxWords = 256     // words of a command
	maxLine  = 1 << 16 // bytes of all words, far below ARG_MAX of any system
)

// Command judges words of an argv that no shell should read, and that harms nothing if
// one does. Nil and the zero value refuse everything.
type Command struct {
	programs map[string]struct{} // nil: not made
	options  bool
}

// NewCommand compiles a rule. It returns every fault it finds; with any the judge is
// nil. Config calls it once per load.
func NewCommand(r CommandRule) (*Command, []Fault) {
	if len(r.Programs) > maxEntries {
		return nil, []Fault{{"programs", fmt.Sprintf("there are more than %d", maxEntries)}}
	}
	c := &Command{programs: map[string]struct{}{}, options: r.Options}
	var faults []Fault
	for i, p := range r.Programs {
		name := p[strings.LastIndexByte(p, '/')+1:]
		if p != name && (p[0] != '/' || strings.Contains(p, "//") || strings.Contains(p, "/.")) || !plainName(name) || word(p) != "" {
			faults = append(faults, Fault{
				fmt.Sprintf("programs[%d]", i),
				"a program is a plain name (\"git\") or an absolute path without dots, and has no arguments",
			})
		}
		c.programs[p] = struct{}{}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return c, nil
}

// Judge says why a string may not pass as a command of one word; "" when it may.
func (c *Command) Judge(s string) (why string) { return c.Word(true, s) }

// List says why a list of words may not pass as an argv.
func (c *Command) List(argv []string) (why string) {
	switch {
	case len(argv) == 0:
		return "the command is empty: its first word names a program"
	case len(argv) > maxWords:
		return "the command has more than 256 words"
	}
	size := 0
	for i, s := range argv {
		if size += len(s); size > maxLine {
			return "the command is longer than 65536 bytes"
		}
		if why = c.Word(i == 0, s); why != "" {
			return why
		}
	}
	return ""
}

// Word says why a string may not pass as a word of a command, the first of which
// names the program; "" when it may.
func (c *Command) Word(first bool, s string) (why string) {
	switch {
	case c == nil || c.programs == nil:
		return noRule
	case first && len(c.programs) > 0:
		if _, ok := c.programs[s]; !ok {
			return "the program is not one that the rule allows: use one that this tool is meant for"
		}
		return ""
	case first && !plainName(s):
		return "the first word is not the plain name of a program: write the name alone, without a path, and its arguments as further words"
	}
	if !c.options && s != "" && strings.IndexByte("-+@", s[0]) >= 0 {
		return "a word begins with -, + or @, as options do: this argument takes values alone"
	}
	return word(s)
}

// word says why a string may not be a word at all.
func word(s string) string {
	switch {
	case s == "":
		return "a word is empty: leave it out"
	case len(s) > maxWord:
		return "a word is longer than 4096 bytes"
	case s[0] == '=':
		return "a word begins with =: shells replace it by a program's path"
	case strings.HasPrefix(s, "\u30fc"):
		return "a word begins with what looks like a dash"
	}
	for _, r := range s {
		if !wordRune(r) {
			return "a word has a blank, a control, a character that means something to a shell, or one that looks like it: " +
				"write each word by itself, with letters, digits and . _ / : , = + @ - alone"
		}
	}
	if Transport(s) {
		return "a word names a transport of git that runs programs: write an https URL"
	}
	return ""
}

// wordRune tells whether a character may stand in a word: of other scripts than ASCII
// letters, marks and digits. The replacement character, which stands for bytes that
// are no text, is none of these.
func wordRune(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/:,=+@-", r)
	}
	return (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && !fitted(r) && !invisible(r)
}

// fitted tells whether a letter or mark becomes a quote, a bar or another ASCII
// character where Windows maps a string to its code page (best fit, as in
// CVE-2024-4577): click letters, modifier letters, combining accents, half and full
// width forms.
func fitted(r rune) bool {
	return r >= 0x1c0 && r <= 0x1c3 || r >= 0x2b0 && r <= 0x36f || r >= 0xff00 && r <= 0xffef
}

// invisible tells whether a letter or mark is drawn as nothing (Unicode,
// Default_Ignorable_Code_Point).
func invisible(r rune) bool {
	return r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || r == 0x3164 ||
		r >= 0x180b && r <= 0x180f || r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0000
}

// Transport tells whether a word holds "ext::" or "fd::", remote helpers of git that
// run what follows (git-remote-ext(1), CVE-2017-1000117 for the like in ssh URLs).
func Transport(s string) bool {
	for rest := s; ; {
		i := strings.Index(rest, "::")
		if i < 0 {
			return false
		}
		start := i
		for start > 0 && (isLetter(rest[start-1]) || isDigit(rest[start-1])) {
			start--
		}
		if name := rest[start:i]; strings.EqualFold(name, "ext") || strings.EqualFold(name, "fd") {
			return true
		}
		rest = rest[i+1:]
	}
}

// plainName tells whether a string is the name of a program without a path.
func plainName(s string) bool {
	if s == "" || len(s) > 64 || !isLetter(s[0]) && !isDigit(s[0]) {
		return false
	}
	return !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return !isLetter(c) && !isDigit(c) && strings.IndexByte("._+-", c) < 0
	})
}
