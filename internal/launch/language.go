package launch

import (
	"slices"
	"strings"
)

// language is an interpreter and what its options mean. Lists are of whole options;
// one that ends in * stands for all that begin so.
type language struct {
	names    []string // without the digits of a version
	run      []string // subcommands that stand before the script
	code     []string // the program itself follows, in words
	module   []string // the name of a module follows, and is the program
	script   []string // the file of the program follows
	file     []string // a file follows that is loaded before it, or that says what is
	dir      []string // the directory follows that it runs in
	takes    []string // something else follows
	plain    []string // nothing follows
	letters  bool     // short options may be together in one word, with their value
	fold     bool     // case does not count, and one hyphen is enough
	colon    bool     // a value stands behind a colon (java)
	modules  bool     // a directory has a __main__.py
	packages bool     // names are those of Node.js
	lists    bool     // a value may be several files
	suffix   string   // of a file that is named without it
	glue     string   // an option that is one word with the next
	// continues says that a script may follow code in words.
	continues bool
}

// optionKind is what an option has after it. The zero value is not known.
type optionKind uint8

const (
	optionUnknown optionKind = iota
	optionPlain
	optionWord
	optionCode
	optionModule
	optionScript
	optionFile
	optionDir
)

// option is an option as it stands in one word.
type option struct {
	kind   optionKind
	value  string
	joined bool // the value is in the same word
}

func (o option) takesWord() bool { return o.kind > optionPlain }

func languageOf(program string) (*language, bool) {
	name := strings.TrimRight(program, "0123456789.")
	if free, ok := strings.CutSuffix(program, "t"); ok && strings.TrimRight(free, "0123456789.") != free { // python3.13t
		name = strings.TrimRight(free, "0123456789.")
	}
	at := slices.IndexFunc(languages, func(l language) bool { return slices.Contains(l.names, name) })
	if at < 0 {
		return nil, false
	}
	return &languages[at], true
}

// alike tells of words that begin otherwise than with a hyphen and are options: +o of
// a shell, @file of java, eval of deno.
func (l *language) alike(word string) bool {
	kind := l.kindOf(word)
	return len(word) > 1 && (word[0] == '+' && slices.Contains(l.takes, "+o") || word[0] == '@' && l.colon || kind == optionCode)
}

// kindOf is what the lists say of an option.
func (l *language) kindOf(word string) optionKind {
	if l.fold {
		word = strings.ToLower(strings.TrimPrefix(word, "-"))
		word = "-" + strings.TrimPrefix(word, "-")
	}
	for kind, list := range map[optionKind][]string{
		optionCode: l.code, optionModule: l.module, optionScript: l.script, optionFile: l.file, optionDir: l.dir, optionWord: l.takes,
	} {
		if slices.Contains(list, word) {
			return kind
		}
	}
	if slices.ContainsFunc(l.plain, func(p string) bool {
		before, prefix := strings.CutSuffix(p, "*")
		return p == word || prefix && strings.HasPrefix(word, before)
	}) {
		return optionPlain
	}
	return optionUnknown
}

// read reads one option.
func (l *language) read(word string) option {
	if word[0] == '@' {
		return option{kind: optionFile, value: word[1:], joined: true}
	}
	at := strings.IndexByte(word, '=')
	value := word[at+1:]
	if colon := strings.IndexByte(word, ':'); l.colon && colon > 0 && (at < 0 || colon < at) { // -javaagent:FILE=OPTIONS
		at = colon
		value, _, _ = strings.Cut(word[at+1:], "=")
	}
	if whole, _, ok := strings.Cut(word, "="); ok && slices.Contains(l.code, whole) { // -XX:OnError=COMMAND
		return option{kind: optionCode, joined: true}
	}
	if at > 0 {
		if kind := l.kindOf(word[:at]); kind > optionPlain {
			return option{kind: kind, value: value, joined: true}
		}
	}
	if kind := l.kindOf(word); kind != optionUnknown {
		return option{kind: kind}
	}
	if at > 0 && strings.HasPrefix(word, "--") { // it needs no word after it, whatever it is
		return option{value: value, joined: true}
	}
	if l.letters && !strings.HasPrefix(word, "--") {
		return l.cluster(word)
	}
	return option{}
}

// cluster reads several options in one word: the first that has something after it
// has the rest of the word, or the next one.
func (l *language) cluster(word string) option {
	for i := 1; i < len(word); i++ {
		kind := l.kindOf(word[:1] + word[i:i+1])
		if kind == optionUnknown {
			return option{value: word[i+1:]}
		}
		if kind > optionPlain {
			return option{kind: kind, value: word[i+1:], joined: i+1 < len(word)}
		}
	}
	return option{kind: optionPlain}
}
