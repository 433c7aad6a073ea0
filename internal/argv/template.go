package argv

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"doorward/internal/policy/words"
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
		for _, why := range [...]string{t.leads(pieces), t.useless(pieces)} {
			if why != "" {
				fault("%s", why)
			}
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

// leads says why a value would choose an option of the program, or a part of its name.
func (t *Template) leads(pieces []piece) string {
	befores := []string{""} // what may stand before a value, as far as it can begin an option
	for i, p := range pieces {
		of := t.takes[p.of]
		switch {
		case p.of == "":
			for at := range befores {
				befores[at] += p.text
			}
		case of == nil:
			return ""
		case i == 0 && of.rule.Minimum != nil && *of.rule.Minimum < 0:
			return fmt.Sprintf("begins a word with {%s}, which may be below zero and would be read as an option: write --option={%s}", p.of, p.of)
		case !of.Listed():
			if slices.ContainsFunc(befores, opens) {
				return fmt.Sprintf("has {%s} where a value would choose the option, or a part of it: write --option={%s}, make it a word of its own, or give the parameter an enum", p.of, p.of)
			}
			return ""
		case i == 0 && of.rule.Enum != nil:
			befores = slices.Clone(of.rule.Enum)
		}
	}
	return ""
}

// opens tells whether a word that begins so is an option, or the name of a file of options,
// that may go on.
func opens(before string) bool { return optional(before) && !strings.Contains(before, "=") }

// useless says why the default of a parameter that begins a word would always be refused.
func (t *Template) useless(pieces []piece) string {
	name := pieces[0].of
	if p := t.takes[name]; p != nil && !p.Listed() && optional(p.rule.Default) {
		return fmt.Sprintf("begins a word with {%s}, whose default begins as options do and would always be refused", name)
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
		if first != "" && !t.takes[first].Listed() && optional(given[first]) {
			return nil, first + " begins with a dash, + or @, and could be read as an option"
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

// optional tells whether a value begins as options and files of options do, or looks so: who
// approves it would read an option, and some programs do.
func optional(value string) bool {
	r, _ := utf8.DecodeRuneInString(value)
	return value != "" && words.Option(r)
}
