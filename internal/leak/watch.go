package leak

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Mark stands in a secret's place. It is how a gate.Secret prints.
const Mark = "[secret]"

// Bounds of what is looked for, in bytes.
const (
	minPlain = 6  // shorter values are in every other word, and are not looked for
	minCoded = 8  // shorter ones are looked for as they are, and as whole words, alone
	maxBlock = 32 // of a pattern that the search looks at before it compares
)

// Secret is one value to look for.
type Secret struct {
	Name string // that reports say
	Text string
}

// Watch looks for secrets. Any number of goroutines may use it; nil finds nothing.
//
// The search is that of Wu and Manber (A fast algorithm for multi-pattern searching,
// 1994) with blocks of three bytes: the last three bytes of a window say how far it may
// move on, for all patterns at once, which is nearly as far as the shortest is long.
type Watch struct {
	index
	names    []string
	special  bool
	squeezer *squeezer // nil: no secret is long enough to be looked for coded
	readings [2]reading
}

// index is what a search needs to know of patterns.
type index struct {
	patterns []pattern
	block    int // bytes of each pattern that shifts are made of
	shifts   [blocks]uint8
	heads    map[uint32]int // 1 + the first pattern whose block ends so
}

const blocks = 1 << 13

// blockOf spreads three bytes, the last of them at end, over the tables.
func blockOf[T string | []byte](s T, end int) uint32 {
	return (uint32(s[end-2]) | uint32(s[end-1])<<8 | uint32(s[end])<<16) * 0x9e3779b1 >> 19
}

// New makes a Watch for secrets; nil where none is long enough to be looked for.
func New(secrets []Secret) *Watch {
	w := &Watch{readings: readings()}
	for _, s := range secrets {
		if len(s.Text) < minPlain {
			continue
		}
		at := slices.Index(w.names, s.Name)
		if at < 0 {
			at = len(w.names)
			w.names = append(w.names, s.Name)
		}
		w.special = w.special || escapes(s.Text)
		w.patterns = append(w.patterns, spellings(s.Text, at)...)
	}
	if len(w.patterns) == 0 {
		return nil
	}
	w.build()
	w.squeezer = newSqueezer(w.patterns)
	return w
}

// escapes tells whether JSON has to escape some of a text.
func escapes(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return true
		}
	}
	return false
}

func (w *index) build() {
	w.block, w.heads = maxBlock, make(map[uint32]int, len(w.patterns))
	for i := range w.patterns {
		w.block = min(w.block, len(w.patterns[i].text))
	}
	for i := range w.shifts {
		w.shifts[i] = uint8(w.block - 2) //nolint:gosec // at most maxBlock
	}
	for i := range w.patterns {
		p := &w.patterns[i]
		for j := 2; j < w.block; j++ {
			k := blockOf(p.text, j)
			w.shifts[k] = min(w.shifts[k], uint8(w.block-1-j)) //nolint:gosec // at most maxBlock
		}
		k := blockOf(p.text, w.block-1)
		p.next, w.heads[k] = w.heads[k], i+1
	}
}

// Mask returns a text with the mark in place of every secret, and the names of those
// that were there, sorted; the text itself and nil where there are none.
func (w *Watch) Mask(raw []byte) (masked []byte, names []string) { return w.mask(raw, false) }

// MaskJSON is Mask for a JSON text, which stays one where what is found stands within
// strings. A secret of digits may stand for a number, and one with quotation marks may
// seem to reach beyond a string: then the text is none any more, and whoever parses it
// refuses it.
func (w *Watch) MaskJSON(raw []byte) (masked []byte, names []string) { return w.mask(raw, true) }

func (w *Watch) mask(raw []byte, isJSON bool) (masked []byte, names []string) {
	if w == nil || len(raw) < w.block {
		return raw, nil
	}
	f := finding{watch: w, isJSON: isJSON, seen: make([]bool, len(w.names))}
	spans := f.find(raw, 0)
	if len(spans) == 0 {
		return raw, nil
	}
	masked = make([]byte, 0, len(raw)+len(Mark))
	done := 0
	for _, s := range spans {
		masked = append(append(masked, raw[done:s.start]...), Mark...)
		done = s.end
	}
	masked = append(masked, raw[done:]...)
	for i, there := range f.seen {
		if there {
			names = append(names, w.names[i])
		}
	}
	slices.Sort(names)
	return masked, names
}

// span is a part of a text, in bytes.
type span struct{ start, end int }

// finding is one look at a text.
type finding struct {
	watch  *Watch
	isJSON bool
	seen   []bool // by the number of the name
}

// maxLayers is how many layers of JSON escapes are taken off: a text in a message, and
// JSON in such a text.
const maxLayers = 2

// find is where the secrets are, in order and apart. Of JSON with escapes that may hide
// one only what it says is searched: what it is written as would match within them.
func (f *finding) find(raw []byte, layer int) (spans []span) {
	deeper := layer < maxLayers && f.watch.hidden(raw)
	written := f.isJSON && layer == 0
	if !deeper || !written {
		spans = f.seek(raw, written)
	}
	if !deeper {
		return spans
	}
	if below := f.find(unescaped(raw, next), layer+1); len(below) > 0 {
		spans = joined(append(spans, outer(raw, below, next)...))
	}
	return spans
}

// seek looks for the patterns in a text as it is, in what its readings make of it, and in what is
// left of it without blanks.
func (f *finding) seek(raw []byte, isJSON bool) []span {
	w := f.watch
	spans := f.search(raw, isJSON)
	n := len(spans)
	for _, r := range w.readings {
		if !r.hint(raw) {
			continue
		}
		for _, s := range outer(raw, f.search(unescaped(raw, r.next), false), r.next) {
			if !isJSON || !cut(raw, s.start) {
				spans = append(spans, s)
			}
		}
	}
	spans = append(spans, w.squeezer.find(f, raw, isJSON)...)
	if len(spans) > n {
		spans = joined(spans)
	}
	return spans
}

// hidden tells whether a secret may stand behind escapes: most have no character that
// must be escaped, and are hidden by \u and \/ alone.
func (w *Watch) hidden(raw []byte) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return false
	}
	return w.special || bytes.Contains(raw, []byte(`\u`)) || bytes.Contains(raw, []byte(`\/`))
}

// joined sorts spans and makes one of those that touch.
func joined(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	out := spans[:0]
	for _, s := range spans {
		out = add(out, s)
	}
	return out
}

func add(spans []span, s span) []span {
	if n := len(spans); n > 0 && s.start <= spans[n-1].end {
		last := &spans[n-1]
		last.start, last.end = min(last.start, s.start), max(last.end, s.end)
		return spans
	}
	return append(spans, s)
}

// search looks for the patterns in a text as it is. In JSON none begins within an escape.
func (f *finding) search(raw []byte, isJSON bool) (spans []span) {
	f.watch.search(raw, func(p *pattern, start int) {
		if !isJSON || !cut(raw, start) {
			f.seen[p.name] = true
			spans = add(spans, p.whole(raw, start))
		}
	})
	return spans
}

// search tells of each place where a pattern stands, in the order in which they end.
func (w *index) search(raw []byte, found func(p *pattern, start int)) {
	for i := w.block - 1; i < len(raw); {
		k := blockOf(raw, i)
		if s := w.shifts[k]; s > 0 {
			i += int(s)
			continue
		}
		start := i + 1 - w.block
		for n := w.heads[k]; n != 0; n = w.patterns[n-1].next {
			if p := &w.patterns[n-1]; p.at(raw, start) {
				found(p, start)
			}
		}
		i++
	}
}

// pattern is one spelling of a secret.
type pattern struct {
	text string
	name int  // of Watch.names
	next int  // 1 + the next pattern whose block ends the same
	word bool // it counts as a whole word alone
	edge bool // of base64 and base32: the characters beside it hold bits of it, too
	// coded is one in hexadecimal, base64 or base32, which may be split.
	coded bool
}

// at tells whether the pattern stands at a place.
func (p *pattern) at(raw []byte, start int) bool {
	end := start + len(p.text)
	if end > len(raw) || string(raw[start:end]) != p.text {
		return false
	}
	return !p.word || (start == 0 || !wordly(raw[start-1])) && (end == len(raw) || !wordly(raw[end]))
}

// whole is what has to go where the pattern stands.
func (p *pattern) whole(raw []byte, start int) span {
	return p.edged(raw, span{start, start + len(p.text)})
}

// edged is a span with the characters beside it that hold bits of the pattern. The letter of an
// escape of JSON is none: without it, the escape would be another.
func (p *pattern) edged(raw []byte, s span) span {
	if p.edge {
		if s.start > 0 && sixBits(raw[s.start-1]) && !cut(raw, s.start-1) {
			s.start--
		}
		if s.end < len(raw) && sixBits(raw[s.end]) {
			s.end++
		}
	}
	return s
}

// cut tells whether a place in JSON is behind the backslash of an escape.
func cut(raw []byte, at int) bool {
	n := 0
	for at > n && raw[at-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func wordly(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

// sixBits tells whether a byte is a character of base64, either alphabet.
func sixBits(c byte) bool {
	return wordly(c) && c < utf8.RuneSelf || c == '+' || c == '/' || c == '-'
}
