package words

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// TextRule is what free text must keep to. The zero value: up to 1 MiB of anything.
type TextRule struct {
	// Size is the most bytes. 0: 1 MiB, or 4096 where there is a pattern.
	Size int
	// Pattern is a regular expression (RE2) that the whole value must match.
	Pattern string
	// OneOf are the values that may be. Empty: any.
	OneOf []string
	// Equals is the one value that may be. Nil: any.
	Equals *string
}

const (
	maxText     = 1 << 20 // bytes of a text
	patternText = 4096    // bytes of a text that has to match a pattern, unless the rule says otherwise
	maxPattern  = 1024    // bytes of a pattern
	// maxSteps bounds the states of a pattern times the bytes that it may read: RE2
	// takes that many steps at most, some tens of nanoseconds each.
	maxSteps = 1 << 23
)

// Text judges free text. Nil and the zero value refuse everything.
type Text struct {
	size    int // 0: not made
	pattern *regexp.Regexp
	oneOf   map[string]struct{}
	equals  *string
}

// NewText compiles a rule. It returns every fault it finds; with any the judge is nil.
// Config calls it once per load.
func NewText(r TextRule) (*Text, []Fault) {
	t := &Text{size: r.Size}
	var faults []Fault
	fault := func(field, text string) { faults = append(faults, Fault{field, text}) }
	switch {
	case r.Size < 0 || r.Size > maxText:
		fault("size", fmt.Sprintf("the size is between 1 and %d bytes", maxText))
	case r.Size == 0 && r.Pattern != "":
		t.size = patternText
	case r.Size == 0:
		t.size = maxText
	}
	if r.Pattern != "" {
		var text string
		if t.pattern, text = whole(r.Pattern, t.size); text != "" {
			fault("pattern", text)
		}
	}
	if len(r.OneOf) > maxEntries {
		fault("one_of", fmt.Sprintf("there are more than %d", maxEntries))
	}
	if len(r.OneOf) > 0 {
		t.oneOf = map[string]struct{}{}
		for _, s := range r.OneOf {
			t.oneOf[s] = struct{}{}
		}
	}
	if r.Equals != nil {
		equals := *r.Equals
		t.equals = &equals
		if len(r.OneOf) > 0 && !slices.Contains(r.OneOf, equals) {
			fault("equals", "the value is not among those of one_of: nothing could pass")
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return t, nil
}

// whole compiles a pattern so that it matches values as wholes, or says why it cannot.
func whole(pattern string, size int) (*regexp.Regexp, string) {
	if len(pattern) > maxPattern {
		return nil, fmt.Sprintf("the pattern is longer than %d bytes", maxPattern)
	}
	// On its own first: "a)|(b" would only be sound within the group.
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, "the pattern is not a regular expression (RE2): " + err.Error()
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, "the pattern cannot be compiled: " + err.Error()
	}
	if len(prog.Inst)*size > maxSteps {
		return nil, "the pattern is too large for the size: write smaller counts in it, or a smaller size"
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, "the pattern cannot match a whole value: " + err.Error()
	}
	return re, ""
}

// Judge says why a string may not pass; "" when it may.
func (t *Text) Judge(s string) (why string) {
	switch {
	case t == nil || t.size <= 0:
		return noRule
	case len(s) > t.size:
		return fmt.Sprintf("the text is longer than %d bytes", t.size)
	case !utf8.ValidString(s):
		return "the text is not UTF-8"
	case t.equals != nil && s != *t.equals:
		return "the value is not the one that the rule allows"
	}
	if t.oneOf != nil {
		if _, ok := t.oneOf[s]; !ok {
			return "the value is not one of those that the rule allows"
		}
	}
	if t.pattern != nil && !t.pattern.MatchString(s) {
		return "the value does not have the form that the rule asks for"
	}
	return ""
}
