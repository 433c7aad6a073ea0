// Package argv makes the words of a command of a template and of the values that a client sends
// for its parameters (security cases POL-30 and POL-31). A value stands in one word, is never
// read by a shell, and is used as it was judged: nothing is normalised. config asks whether a
// template can be used, builtin/commands fills it in.
//
// It decides about values alone. Which programs may run is launch's affair.
package argv

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"doorward/internal/policy/paths"
	"doorward/internal/policy/words"
)

// The types of a parameter.
const (
	text       = "text"       // one of a list, or what a pattern matches as a whole
	Integer    = "integer"    // between two bounds
	Identifier = "identifier" // a name that a program gave: words.Identifier
	Path       = "path"       // below a directory: paths.Judge
)

// Bounds of a parameter.
const (
	DefaultLength = 256  // bytes of a value
	maxLength     = 4096 // bytes; PATH_MAX of Linux, and far below what one word may have
	maxValues     = 64   // of a list
	maxUnder      = 16   // directories
)

// Rule is what a value must keep to. As JSON it is what the lock pins of it.
type Rule struct {
	Type    string   `json:"type,omitempty"`       // empty: text
	Enum    []string `json:"enum,omitempty"`       // of text, what it may be
	Pattern string   `json:"pattern,omitempty"`    // of text without Enum: a regular expression (RE2) that matches the whole value
	Length  int      `json:"max_length,omitempty"` // bytes at most; 0: DefaultLength
	Minimum *int64   `json:"minimum,omitempty"`    // of Integer
	Maximum *int64   `json:"maximum,omitempty"`
	Under   []string `json:"under,omitempty"`   // of Path, absolute directories
	Default string   `json:"default,omitempty"` // in place of a value that is not sent; empty: it must be
}

// Fault is one thing wrong with a rule. Field is the key of it in a configuration.
type Fault struct{ Field, Text string }

// Parameter is a rule that values are judged by. The zero value refuses everything.
type Parameter struct {
	rule  Rule
	text  *words.Text
	path  *paths.Judge
	named words.Identifier
}

// NewParameter compiles a rule. It returns every fault that it finds; with any the parameter is nil.
func NewParameter(r Rule) (*Parameter, []Fault) {
	p := &Parameter{rule: r}
	if p.rule.Type == "" {
		p.rule.Type = text
	}
	if p.rule.Length == 0 {
		p.rule.Length = DefaultLength
	}
	faults := p.misplaced()
	if r.Length < 0 || r.Length > maxLength {
		return nil, append(faults, Fault{"max_length", fmt.Sprintf("must be at most %d", maxLength)})
	}
	switch p.rule.Type {
	case text:
		faults = append(faults, p.ofText()...)
	case Integer:
		if r.Minimum == nil || r.Maximum == nil {
			faults = append(faults, Fault{"type", "an integer needs minimum and maximum"})
		} else if *r.Minimum > *r.Maximum {
			faults = append(faults, Fault{"minimum", "is more than maximum: nothing could pass"})
		}
	case Path:
		if len(r.Under) == 0 || len(r.Under) > maxUnder {
			faults = append(faults, Fault{"under", fmt.Sprintf("a path needs the directories that it is below, at most %d", maxUnder)})
			break
		}
		var wrong []paths.Fault
		p.path, wrong = paths.New(paths.Rule{Under: r.Under, Resolve: true})
		for _, f := range wrong {
			faults = append(faults, Fault{f.Field, f.Text})
		}
	case Identifier:
	default:
		faults = append(faults, Fault{"type", "must be text, integer, identifier or path"})
	}
	if len(faults) == 0 && r.Default != "" {
		if why := p.Judge(r.Default); why != "" {
			faults = append(faults, Fault{"default", "could not be sent: it " + why})
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return p, nil
}

// misplaced are keys that the type has no use for.
func (p *Parameter) misplaced() (faults []Fault) {
	r := &p.rule
	for _, k := range [...]struct {
		key, kind string
		written   bool
	}{
		{"enum", text, r.Enum != nil},
		{"pattern", text, r.Pattern != ""},
		{"minimum", Integer, r.Minimum != nil},
		{"maximum", Integer, r.Maximum != nil},
		{"under", Path, r.Under != nil},
	} {
		if k.written && k.kind != r.Type {
			faults = append(faults, Fault{k.key, "is for type: " + k.kind})
		}
	}
	return faults
}

func (p *Parameter) ofText() (faults []Fault) {
	r := &p.rule
	switch {
	case r.Enum == nil && r.Pattern == "":
		return []Fault{{"", "has no rule for what it may be: write enum: [a, b], pattern: '[a-z0-9-]+', type: identifier, type: integer with minimum and maximum, or type: path with under"}}
	case r.Enum != nil && r.Pattern != "":
		return []Fault{{"pattern", "stands beside enum, which says all: keep one"}}
	case r.Enum != nil && (len(r.Enum) == 0 || len(r.Enum) > maxValues):
		return []Fault{{"enum", fmt.Sprintf("must have between 1 and %d values", maxValues)}}
	}
	for _, v := range r.Enum {
		if why := unfit(v, r.Length); why != "" {
			faults = append(faults, Fault{"enum", fmt.Sprintf("%q %s", v[:min(len(v), 60)], why)})
		}
	}
	judged, wrong := words.NewText(words.TextRule{Size: r.Length, Pattern: r.Pattern, OneOf: r.Enum})
	for _, f := range wrong {
		at := map[string]string{"size": "max_length", "one_of": "enum"}[f.Field]
		if at == "" {
			at = f.Field
		}
		faults = append(faults, Fault{at, f.Text})
	}
	p.text = judged
	return faults
}

// Listed tells whether the operator wrote every value that it may have, or it is a number: it
// cannot be an option, or mean anything to an interpreter, that its operator has not seen.
func (p *Parameter) Listed() bool { return p.rule.Enum != nil || p.rule.Type == Integer }

// Rule is what it was made of, with what is not written filled in.
func (p *Parameter) Rule() Rule { return p.rule }

// Judge says why a value may not pass, in words that follow its name; "" when it may. The
// value is not repeated.
func (p *Parameter) Judge(value string) (why string) {
	if p == nil || p.rule.Type == "" {
		return "has no rule"
	}
	if why := unfit(value, p.rule.Length); why != "" {
		return why
	}
	switch p.rule.Type {
	case Integer:
		return p.number(value)
	case Path:
		return p.path.Judge(value)
	case Identifier:
		if p.named.Judge(value) != "" {
			return "is no identifier: letters, digits and _ . - / + @, beginning with a letter, a digit or _"
		}
	default:
		if p.text.Judge(value) != "" {
			return "is none of the values that it may have"
		}
		if p.rule.Enum == nil && words.Transport(value) {
			return "names a command in place of an address"
		}
	}
	return ""
}

func (p *Parameter) number(value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil || strconv.FormatInt(n, 10) != value:
		return "is no whole number in its shortest form"
	case n < *p.rule.Minimum || n > *p.rule.Maximum:
		return fmt.Sprintf("is not between %d and %d", *p.rule.Minimum, *p.rule.Maximum)
	}
	return ""
}

// unfit says why a text can be no value at all: a program, a terminal or a log would take it
// for something else than who approved the call saw.
func unfit(value string, length int) string {
	switch {
	case value == "":
		return "is empty"
	case len(value) > length:
		return fmt.Sprintf("is longer than %d bytes", length)
	case !utf8.ValidString(value):
		return "is not UTF-8"
	case strings.ContainsFunc(value, words.Unseen):
		return "has a control character, or one that cannot be seen"
	}
	return ""
}
