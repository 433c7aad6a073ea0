package argv

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Template is the words of a command with places for values. Any number of goroutines may use it.
type Template struct {
	words [][]piece
	takes map[string]*Parameter
}

// piece is a part of a word: text as it is written, or a value.
type piece struct {
	text string
	of   string // the parameter; empty for text
}

// place is where a value goes: {name}. Whatever else stands in braces is text.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var place = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`) })

// GoodName tells whether a parameter may be called so.
func GoodName(name string) bool {
	const most = 64 // bytes, as names of tools
	return len(name) <= most && place().FindString("{"+name+"}") == "{"+name+"}"
}

// Names are the parameters that words have a place for.
func Names(argv []string) (all []string) {
	for _, word := range argv {
		for _, p := range split(word) {
			if p.of != "" && !slices.Contains(all, p.of) {
				all = append(all, p.of)
			}
		}
	}
	return all
}

// New reads a template. It returns every fault that it finds; with any, or where a parameter
// that it names is nil, the template is nil.
func New(argv []string, parameters map[string]*Parameter) (*Template, []string) {
	t := &Template{takes: map[string]*Parameter{}}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(argv) == 0 || strings.TrimSpace(argv[0]) == "" {
		return nil, []string{"must name a program"}
	}
	for i, word := range argv {
		pieces := split(word)
		for _, p := range pieces {
			if p.of == "" {
				continue
			}
			known, ok := parameters[p.of]
			switch {
			case !ok:
				fault("names {%s}, and parameters has no %s; a word cannot have that as its own text", p.of, p.of)
				continue
			case i == 0:
				fault("has {%s} in its first word: a value never chooses the program", p.of)
			}
			t.takes[p.of] = known
		}
		if why := t.leads(pieces); why != "" {
			fault("%s", why)
		}
		t.words = append(t.words, pieces)
	}
	if batch(argv[0]) {
		fault("names a batch file, whose words cmd.exe would read again: name the program itself")
	}
	for _, p := range t.takes {
		if p == nil {
			return nil, faults
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return t, nil
}

// batch tells of a program that cmd.exe(1) of Windows runs, with rules for words of its own
// (CVE-2024-24576).
func batch(program string) bool {
	end := strings.ToLower(strings.TrimRight(program, ". "))
	return strings.HasSuffix(end, ".bat") || strings.HasSuffix(end, ".cmd")
}

// leads says why a value would choose an option of the program.
func (t *Template) leads(pieces []piece) string {
	at := slices.IndexFunc(pieces, func(p piece) bool { return p.of != "" })
	if at < 0 || t.takes[pieces[at].of] == nil {
		return ""
	}
	name, of := pieces[at].of, t.takes[pieces[at].of]
	before := ""
	if at > 0 {
		before = pieces[0].text
	}
	switch {
	case before == "" && of.rule.Minimum != nil && *of.rule.Minimum < 0:
		return fmt.Sprintf("begins a word with {%s}, which may be below zero and would be read as an option: write --option={%s}", name, name)
	case before != "" && strings.Trim(before, "-") == "" && !of.Listed():
		return fmt.Sprintf("has {%s} behind nothing but a dash: a value would choose the option; write the option, or give the parameter an enum", name)
	}
	return ""
}

func split(word string) (pieces []piece) {
	for {
		at := place().FindStringSubmatchIndex(word)
		if at == nil {
			if word != "" || pieces == nil {
				pieces = append(pieces, piece{text: word})
			}
			return pieces
		}
		if at[0] > 0 {
			pieces = append(pieces, piece{text: word[:at[0]]})
		}
		pieces = append(pieces, piece{of: word[at[2]:at[3]]})
		word = word[at[1]:]
	}
}

// Takes are the names of the parameters that have a place, sorted.
func (t *Template) Takes() []string { return slices.Sorted(maps.Keys(t.takes)) }

// Listed tells whether all of them are (Parameter.Listed).
func (t *Template) Listed() bool {
	for _, p := range t.takes {
		if !p.Listed() {
			return false
		}
	}
	return true
}

// Fill judges values by name and makes the words. why says which is refused and for what
// reason, without repeating it; "" where none is.
func (t *Template) Fill(values map[string]string) (argv []string, why string) {
	given := make(map[string]string, len(t.takes))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if t.takes[name] == nil {
			return nil, "there is a parameter that the command does not have; it has " + listed(t.Takes())
		}
	}
	for _, name := range t.Takes() {
		value, sent := values[name]
		if !sent {
			if value = t.takes[name].rule.Default; value == "" {
				return nil, name + " is missing"
			}
		}
		if why := t.takes[name].Judge(value); why != "" {
			return nil, name + " " + why
		}
		given[name] = value
	}
	for _, pieces := range t.words {
		first := pieces[0].of
		if first != "" && !t.takes[first].Listed() && dashed(given[first]) {
			return nil, first + " begins with a dash, and could be read as an option"
		}
		var word strings.Builder
		for _, p := range pieces {
			if p.of == "" {
				word.WriteString(p.text)
			} else {
				word.WriteString(given[p.of])
			}
		}
		argv = append(argv, word.String())
	}
	return argv, ""
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// dashed tells whether a value begins with a dash, or with what looks like one (Pd, and the
// signs that are called minus): who approves it would read an option, and some programs do.
func dashed(value string) bool {
	r, _ := utf8.DecodeRuneInString(value)
	return unicode.Is(unicode.Pd, r) || strings.ContainsRune("\u2212\u02d7\u2796\u207b\u208b\u23bb\u2500\u2501", r)
}
