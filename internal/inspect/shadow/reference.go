package shadow

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/inspect/lexicon"
)

// maxReferences bounds the findings of one text.
const maxReferences = 4

// References are the mentions of other upstreams' tools in a text of a tool, which is
// as it stands in the definition. A name that the tool's own upstream has too is its
// own, unless the text sets that tool aside: then it may be any of them.
func (x *Index) References(t *Tool, text string) []gate.Finding {
	var found []gate.Finding
	seen := map[string]bool{}
	for at := range identifiers(text) {
		word := text[at.Start:at.End]
		name, whose := x.owner(t, word)
		if whose == ours || seen[name] || single(word) && (whose == anybodys || !marked(text, at)) {
			continue
		}
		f := gate.Finding{
			Rule: "shadow.reference", Severity: gate.High, Span: at, Text: excerpt(text, at),
			Why: "a definition says something of how a tool of another upstream is used",
		}
		switch {
		case whose == anybodys && !setsAside(text, at):
			continue
		case whose == anybodys:
			f.Severity, f.Why = gate.Medium, "a definition sets aside a tool by a name that another upstream's tool has too"
		case compares(text, at):
			f.Severity, f.Why = gate.Medium, "a definition compares itself with a tool of another upstream"
		}
		seen[name] = true
		if found = append(found, f); len(found) == maxReferences {
			break
		}
	}
	return found
}

// Whose tool a name is.
type ownership uint8

const (
	ours     ownership = iota // of the tool's own upstream, or nobody's
	theirs                    // of other upstreams alone
	anybodys                  // of both
)

// owner is the name of a tool that a word is, and whose.
func (x *Index) owner(t *Tool, word string) (string, ownership) {
	for _, w := range [...]string{strings.ToLower(word), last(strings.ToLower(word))} {
		own, other := strings.EqualFold(w, t.Name), false
		for _, i := range x.names[w] {
			if x.entries[i].Upstream == t.Upstream {
				own = true
			} else {
				other = true
			}
		}
		switch {
		case own && other:
			return w, anybodys
		case own:
			return "", ours
		case other:
			return w, theirs
		}
	}
	return "", ours
}

// last is a name without what is put before it: "mcp__mail__send", "mail/send".
func last(word string) string {
	if i := strings.LastIndex(word, "__"); i >= 0 {
		word = word[i+2:]
	}
	if i := strings.LastIndexAny(word, "/.:"); i >= 0 {
		word = word[i+1:]
	}
	return word
}

// single tells whether a name is one plain word.
func single(word string) bool {
	word = last(word)
	return !strings.ContainsAny(word, "_-0123456789") && strings.IndexFunc(word[min(1, len(word)):], unicode.IsUpper) < 0
}

// marked tells whether a plain word is written as a name: in quotes, with
// brackets after it, or beside "tool".
func marked(text string, at gate.Span) bool {
	if at.End-at.Start < 4 {
		return false
	}
	before, after := text[max(0, at.Start-12):at.Start], text[at.End:min(len(text), at.End+12)]
	b, _ := utf8.DecodeLastRuneInString(before)
	a, _ := utf8.DecodeRuneInString(after)
	switch {
	case b == '`' && a == '`', a == '(' && strings.HasPrefix(after, "()"):
		return true
	}
	next := strings.ToLower(strings.Trim(after, " `'\""))
	return strings.HasPrefix(next, "tool") && !strings.HasPrefix(next, "toolb") && !strings.HasPrefix(next, "toolk") || strings.HasSuffix(strings.ToLower(strings.TrimRight(before, " `'\"")), " tool")
}

// identifiers are the spans of words that may be names, with their prefixes. Scripts
// that write no spaces, and Korean, which puts particles on names, end a name.
func identifiers(text string) func(func(gate.Span) bool) {
	kind := func(i int) (kind, size int) {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r < utf8.RuneSelf && (r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z'):
			return 1, size
		case r < utf8.RuneSelf:
			return 0, size
		case lexicon.Spaceless(r), 0xac00 <= r && r < 0xd7a4, 0x3000 <= r && r < 0x3030:
			return 2, size
		}
		return 1, size
	}
	part := func(i, of int) bool {
		if i >= len(text) {
			return false
		}
		k, _ := kind(i)
		return k == of
	}
	return func(yield func(gate.Span) bool) {
		for i := 0; i < len(text); {
			of, size := kind(i)
			if of == 0 {
				i += size
				continue
			}
			start := i
			for i < len(text) && (part(i, of) || strings.IndexByte("./:", text[i]) >= 0 && part(i+1, of)) {
				_, size := kind(i)
				i += size
			}
			if !yield(gate.Span{Start: start, End: i}) {
				return
			}
		}
	}
}

// excerpt is the text around a name.
func excerpt(text string, at gate.Span) string {
	from, to := max(0, at.Start-120), min(len(text), at.End+240)
	return strings.ToValidUTF8(text[from:to], "")
}

// Named are the tools that a text mentions: of the tool's own upstream, and of
// others alone, sorted by where they are first mentioned.
func (x *Index) Named(t *Tool, text string) (own, others []string) {
	seen := map[string]bool{}
	for at := range identifiers(text) {
		word := text[at.Start:at.End]
		for _, w := range [...]string{word, last(word)} {
			list := x.names[strings.ToLower(w)]
			if len(list) == 0 || seen[w] {
				continue
			}
			seen[w] = true
			if _, whose := x.owner(t, w); whose == theirs {
				others = append(others, w)
			} else {
				own = append(own, w)
			}
		}
	}
	return own, others
}
