package secrets

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/gate"
)

// format is a credential that its own bytes give away.
type format struct {
	rule    string                   // after "secret."
	starts  string                   // literals it begins with, separated by blanks; three bytes or more each
	rest    string                   // what follows the literal, RE2; its first group is the secret if it has one
	before  string                   // what stands before the literal and belongs to it, RE2; empty for nothing
	weak    bool                     // Medium: others may look like this
	low     bool                     // may be as regular as words: no measure of disorder
	must    string                   // what must follow within maxMust bytes; empty for nothing
	phrase  bool                     // chosen by people: a reference to one is none
	anyCase bool                     // the literal is matched in any case
	vouch   func(secret string) bool // tells whether it is one, if the expression cannot
}

// compiled is a format ready to be matched.
type compiled struct {
	*format
	rest   *regexp.Regexp
	before *regexp.Regexp // of all that stands before
	least  int            // bytes that before matches, from least to most
	most   int
	wide   bool // rest may match more than the characters of tokens
}

// maxToken bounds what one match looks at after a literal, in bytes: the longest
// tokens are JWTs, which hardly any server takes above 8 KB of headers.
const maxToken = 8 << 10

// maxWide bounds it for formats that have blanks and other characters, in bytes.
const maxWide = 2600

// maxBefore bounds what one match looks at before a literal, in bytes.
const maxBefore = 48

// entry is what an index has for a literal: a format, or a word of a name.
type entry struct {
	literal string // in lower case where anyCase
	anyCase bool
	format  int // index into formats; -1 for a word
	word    int // index into words
}

// index finds literals by their first three bytes in lower case.
type index struct {
	bloom   [1 << 10]uint64
	entries map[uint32][]entry
	formats []compiled
	words   []word
}

//nolint:gochecknoglobals // the compiled tables; read-only
var table = sync.OnceValue(compile)

func compile() *index {
	x := &index{entries: make(map[uint32][]entry, 1024)}
	for _, family := range [][]format{clouds, forges, tools, messengers, payments, models, carriers} {
		for i := range family {
			f := &family[i]
			c := compiled{format: f, rest: regexp.MustCompile(`\A(?:` + f.rest + `)`)}
			c.wide = strings.Contains(f.rest, `\s`) || strings.Contains(f.rest, `[^`) || strings.ContainsAny(f.rest, `"'@!|*#%`) || strings.Contains(f.rest, `\$`)
			if f.before != "" {
				c.before = regexp.MustCompile(`\A(?:` + f.before + `)\z`)
				c.least, c.most = widths(f.before)
			}
			x.formats = append(x.formats, c)
			for literal := range strings.FieldsSeq(f.starts) {
				x.add(entry{literal: literal, anyCase: f.anyCase, format: len(x.formats) - 1})
			}
		}
	}
	x.words = allWords()
	for i := range x.words {
		x.add(entry{literal: x.words[i].text, anyCase: true, format: -1, word: i})
	}
	return x
}

func (x *index) add(e entry) {
	if e.anyCase {
		e.literal = strings.ToLower(e.literal)
	}
	k := key(e.literal[0], e.literal[1], e.literal[2])
	x.entries[k] = append(x.entries[k], e)
	h := hash(k)
	x.bloom[h>>6] |= 1 << (h & 63)
}

func key(a, b, c byte) uint32 {
	return uint32(lower[a])<<16 | uint32(lower[b])<<8 | uint32(lower[c])
}

// hash spreads a key over the 65,536 bits of the bloom filter.
func hash(k uint32) uint32 { return k * 0x9e3779b1 >> 16 }

//nolint:gochecknoglobals // a table; read-only
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] = byte(i) + 'a' - 'A'
		}
	}
	return t
}()

// at tells whether an entry's literal stands at i.
func (e *entry) at(text string, i int) bool {
	if len(text)-i < len(e.literal) {
		return false
	}
	s := text[i : i+len(e.literal)]
	if e.anyCase {
		return strings.EqualFold(s, e.literal)
	}
	return s == e.literal
}

// begins is where what belongs to the literal at start begins, the longest first; -1
// without any. It is no place within a word.
func (c *compiled) begins(text string, start int, joins []int) int {
	for n := min(c.most, start); n >= c.least; n-- {
		if !within(text, start-n, joins) && c.before.MatchString(text[start-n:start]) {
			return start - n
		}
	}
	return -1
}

// within tells whether what begins at i is part of a word that began before, and no
// join says otherwise.
func within(text string, i int, joins []int) bool {
	return i > 0 && isWord[text[i-1]] && isWord[text[i]] && !slices.Contains(joins, i)
}

// match is a format's secret at a literal that ends at end. At a join, words may
// end and begin.
func (c *compiled) match(text string, start, end int, joins []int) (gate.Span, bool) {
	from := start
	if c.before != nil {
		from = c.begins(text, start, joins)
	}
	if from < 0 || within(text, from, joins) {
		return gate.Span{}, false
	}
	m := c.rest.FindStringSubmatchIndex(text[end:])
	if m == nil {
		return gate.Span{}, false
	}
	at := gate.Span{Start: from, End: end + m[1]}
	if len(m) > 2 && m[2] >= 0 {
		at = gate.Span{Start: end + m[2], End: end + m[3]}
	}
	if stop := at.End; stop < len(text) && m[1] > 0 && isAlnum[text[stop]] && isAlnum[text[stop-1]] && !slices.Contains(joins, stop) {
		return gate.Span{}, false
	}
	return at, true
}

func set(chars ...string) (t [256]bool) {
	for _, c := range chars {
		if len(c) == 3 && c[1] == '-' {
			for b := int(c[0]); b <= int(c[2]); b++ {
				t[b] = true
			}
			continue
		}
		for i := range len(c) {
			t[c[i]] = true
		}
	}
	return t
}

// Alphabets.
//
//nolint:gochecknoglobals // tables; read-only
var (
	isAlnum = set("a-z", "A-Z", "0-9")
	isWord  = set("a-z", "A-Z", "0-9", "_")
	isName  = set("a-z", "A-Z", "0-9", "_", "-", ".") // what the name of a variable is made of
	isToken = set("a-z", "A-Z", "0-9", "_+/=.~", "-") // what tokens are made of
	isBlank = set(" \t\r\n")

	legible   = set(" -~", "\t\r\n")                              // ASCII text
	isControl = set("\x00-\x08", "\x0b\x0c", "\x0e-\x1f", "\x7f") // C0 but the blanks, and DEL
)
