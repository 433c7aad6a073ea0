package reveal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// near is how many bytes of text may stand between two unseen characters of one
// finding.
const near = 48

// methods names the findings of each kind, and says why.
//
//nolint:gochecknoglobals // a table; read-only
var methods = [...]struct{ method, why string }{
	tagged:    {"tags", "Unicode tag characters are not drawn, and models read them as letters."},
	zeroWidth: {"zero_width", "Characters of no width stand where no script needs them."},
	turning:   {"bidi", "Direction controls show this in another order than models read it."},
	selector:  {"variation", "Variation selectors stand where they select nothing; each can carry a byte."},
	filler:    {"filler", "Filler characters are letters by their properties and are drawn as nothing."},
	joiner:    {"combining", "Combining grapheme joiners are not drawn and split words."},
	maths:     {"math", "Invisible operators stand where there is no formula."},
	private:   {"private_use", "Private use characters mean nothing that a person could have read."},
	control:   {"control", "Control characters are not drawn, or erase what stands before them."},
	blank:     {"whitespace", "Spaces of unusual width split words or carry a code."},
	unknown:   {"unassigned", "Characters that are not drawn and do no work in any script."},
}

// group is unseen characters of one kind that stand near each other.
type group struct {
	kind         kind
	start, end   int
	count        int
	run, longest int  // consecutive ones: now, at most
	inside       int  // between two letters of a word
	splits       bool // a word that is known, or a piece of one letter
	override     bool // or another character that never does honest work
	turns        bool // an embedding, override or isolate begins
	soft         int  // soft hyphens: many in a word are honest
}

// unseen finds the characters that are not drawn and have no honest reason.
func unseen(text string) []reading {
	var groups []group
	var open [unknown + 1]int // index of the last group of a kind, from 1
	var count [unknown + 1]int
	var symbols [unknown + 1][]rune
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c < 0x7f || c == '\n' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		k := kindOf(r)
		if k == seen || quiet(text, i, r, k) {
			i += size
			continue
		}
		if len(symbols[k]) < maxSymbols {
			symbols[k] = append(symbols[k], r)
		}
		n := open[k] - 1
		if r == 0xfffb && n >= 0 && i-groups[n].end < maxElement { // ends what U+FFF9 began
			groups[n].end = i
		}
		if n < 0 || i-groups[n].end > near && count[k] < maxPerRule {
			groups = append(groups, group{kind: k, start: i, end: i})
			n = len(groups) - 1
			open[k] = n + 1
			count[k]++
		}
		groups[n].add(text, i, size, r)
		i += size
	}
	rs := make([]reading, 0, len(groups))
	for i := range groups {
		rs = append(rs, groups[i].reading(text))
	}
	return append(rs, scattered(groups, &symbols)...)
}

// quiet tells whether an unseen character is no finding: honest, or part of what
// terminal finds.
func quiet(text string, i int, r rune, k kind) bool {
	switch {
	case k == control && (r == 0x1b || r == 0x9b || r == '\r' || r == '\f' || r == '\v' || r == 0x85):
		return true
	case k == control && r == 7:
		return i > 0
	}
	return honest(text, i, r, k)
}

func (g *group) add(text string, i, size int, r rune) {
	if g.count > 0 && i == g.end {
		g.run++
	} else {
		g.run = 1
	}
	g.longest = max(g.longest, g.run)
	g.count++
	if r == 0xad {
		g.soft++
	}
	g.end = i + size
	g.override = g.override || never(r)
	g.turns = g.turns || r == 0x202a || r == 0x202b || r == 0x202d || r == 0x202e || r >= 0x2066 && r <= 0x2068
	if i > 0 && i+size < len(text) && asciiLetter(text[i-1]) && asciiLetter(text[i+size]) {
		g.inside++
		g.splits = g.splits || splits(text, i, size)
	}
}

// never tells whether r does no honest work where honest did not let it off.
func never(r rune) bool {
	return r == '\b' || r == 0x7f || r == 0x202a || r == 0x202b || r == 0x202d || r == 0x202e || r >= 0x2066 && r <= 0x2068 || r >= 0x206a && r <= 0x206f || r == 0x180e || r == 0x3164 || r == 0xffa0 ||
		r >= 0xfff0 && r <= 0xfffb || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// splits tells whether the character at i cuts a known word, or a letter off.
func splits(text string, i, size int) bool {
	a, b := i, i+size
	for a > 0 && i-a < maxWord && asciiLetter(text[a-1]) {
		a--
	}
	for b < len(text) && b-i < maxWord && asciiLetter(text[b]) {
		b++
	}
	return i-a == 1 || b-i-size == 1 || known(text[a:i]+text[i+size:b])
}

func (g *group) reading(text string) reading {
	m := methods[g.kind]
	r := reading{method: m.method, span: gate.Span{Start: g.start, End: g.end}, severity: g.severity(), why: m.why, unseen: g.kind != blank}
	var symbols []rune
	for _, c := range text[g.start:g.end] {
		if kindOf(c) == g.kind && len(symbols) < maxSymbols {
			symbols = append(symbols, c)
		}
	}
	if r.text = spelled(symbols); r.text != "" {
		r.severity = gate.High
		return r
	}
	if g.kind == turning && g.turns {
		r.text, r.span.End = turned(text, g.start, g.end)
		return r
	}
	r.text = shown(text, g.start, g.end)
	return r
}

func (g *group) severity() gate.Severity {
	switch g.kind {
	case tagged, joiner:
		return gate.High
	case zeroWidth, turning, selector, filler, maths, private, unknown:
		if g.soft == g.count {
			if g.splits || g.longest > 1 {
				return gate.High
			}
			return gate.Medium
		}
		if g.override || g.splits || g.count > 1 && g.kind != private || g.inside > 0 || g.longest > 2 {
			return gate.High
		}
	case control:
		if g.override || g.splits && g.count > 1 || g.count > 8 {
			return gate.High
		}
	case blank:
		if g.splits && g.inside > 1 || g.longest > 7 {
			return gate.High
		}
	case seen:
	}
	return gate.Medium
}

// shown is text[start:end] and the words that it cuts, as models read it: without
// the unseen characters. It is what a person would have to know.
func shown(text string, start, end int) string {
	for n := 0; start > 0 && n < near && text[start-1] != '\n' && (n < maxWord || text[start-1] != ' '); n++ {
		start--
	}
	for n := 0; end < len(text) && n < near && text[end] != '\n' && (n < maxWord || text[end] != ' '); n++ {
		end++
	}
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if kindOf(r) != seen && kindOf(r) != blank {
			return -1
		}
		return r
	}, text[start:end]))
}

// scattered reads the unseen characters of the whole text as one message, where
// no group alone was one: a bit after each word.
func scattered(groups []group, symbols *[unknown + 1][]rune) []reading {
	var rs []reading
	var first, last [unknown + 1]int
	var several [unknown + 1]int
	for i := range groups {
		g := &groups[i]
		if several[g.kind]++; several[g.kind] == 1 {
			first[g.kind] = g.start
		}
		last[g.kind] = g.end
	}
	for k := tagged; k <= unknown; k++ {
		n := several[k]
		if n == 0 {
			continue
		}
		s := spelled(symbols[k])
		if s == "" || n == 1 {
			continue
		}
		rs = append(rs, reading{method: methods[k].method, span: gate.Span{Start: first[k], End: last[k]}, text: s, severity: gate.High, why: methods[k].why, unseen: true})
	}
	return rs
}

// turned is what direction controls at text[start:end] show in another order, in
// the order that has words, and where that ends.
func turned(text string, start, end int) (string, int) {
	rest := text[end:min(len(text), end+maxElement)]
	if n := strings.IndexFunc(rest, func(r rune) bool { return r == 0x202c || r == 0x2069 || r == '\n' }); n >= 0 {
		rest = rest[:n]
	}
	end += len(rest)
	stored := strings.TrimSpace(strings.Map(func(r rune) rune {
		if kindOf(r) == turning {
			return -1
		}
		return r
	}, text[start:end]))
	shown := backwards(stored)
	if a, b := familiarity(shown), familiarity(stored); a > b || a == b && strings.IndexAny(stored, ".!?\u3002\u061f") == 0 {
		return shown, end
	}
	return stored, end
}

// familiarity is how many words of a text are known, or begin with a capital.
func familiarity(s string) int {
	n := 0
	for w := range strings.FieldsSeq(s) {
		w = strings.TrimRight(w, ".,;:!?")
		if known(w) {
			n++
		}
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsUpper(r) {
			n++
		}
	}
	return n
}
