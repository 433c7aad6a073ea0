package reveal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxFolds bounds how often a text is folded until it stays the same. Two rounds
// do for all but made-up sequences of marks.
const maxFolds = 8

// Fold is the skeleton of a text that detectors match: without unseen characters
// and terminal sequences, in NFKC, look-alikes as the Latin letters that they
// imitate, in lower case, one space for each run of white space, and known words
// that are spelled with digits for letters spelled out. Fold(Fold(s)) == Fold(s).
func Fold(text string) string {
	if skeletal(text) {
		return text
	}
	for range maxFolds {
		f := folder{}
		next := f.fold(text)
		if next == text || skeletal(next) {
			return next
		}
		text = next
	}
	return text
}

// FoldMap is Fold, and for each byte of folded the offset in text where what it
// came from begins. The offsets never fall.
func FoldMap(text string) (folded string, offsets []int) {
	folded = text
	for range maxFolds {
		f := folder{track: true}
		next := f.fold(folded)
		if offsets == nil {
			offsets = f.at
		} else {
			for i, at := range f.at {
				f.at[i] = offsets[at]
			}
			offsets = f.at
		}
		if next == folded || skeletal(next) {
			return next, offsets
		}
		folded = next
	}
	return folded, offsets
}

// skeletal tells whether a text is plain enough to be its own skeleton: small ASCII
// letters, digits and punctuation with single spaces, and no digit in a word.
func skeletal(text string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c == '.', c == ',', c == '_', c == '-', c == '/', c == ':', c == ';', c == '(', c == ')', c == '"', c == '\'':
		case c == ' ' && (i == 0 || text[i-1] != ' '):
		default:
			return false
		}
	}
	return true
}

// folder makes one pass over a text.
type folder struct {
	out   []byte
	at    []int // with track: for each byte of out, where it came from
	track bool
}

func (f *folder) add(s string, from int) {
	f.out = append(f.out, s...)
	if f.track {
		for range len(s) {
			f.at = append(f.at, from)
		}
	}
}

func (f *folder) fold(text string) string {
	f.out = make([]byte, 0, len(text)+len(text)/8)
	if plainASCII(text) {
		f.lower(text)
	} else {
		f.bare(text)
		f.normalize()
	}
	f.unleet()
	return string(f.out)
}

// plainASCII tells whether nothing but case, white space and digits need folding.
func plainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

func (f *folder) lower(text string) {
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '\n' || c == '\t' || c == ' ':
			if n := len(f.out); n > 0 && f.out[n-1] == ' ' {
				continue
			}
			c = ' '
		}
		f.out = append(f.out, c)
		if f.track {
			f.at = append(f.at, i)
		}
	}
}

// bare drops what is not seen and puts Latin letters for their look-alikes.
func (f *folder) bare(text string) {
	writes := scriptsOf(text)
	for i := 0; i < len(text); {
		if n := sequence(text[i:]); n > 0 {
			i += n
			continue
		}
		w := wordAt(text, i)
		if w.end == i {
			r, size := utf8.DecodeRuneInString(text[i:])
			switch k := kindOf(r); {
			case k == blank:
				f.add(" ", i)
			case k == seen:
				if b, ok := plainStyle(r); ok && !flag(text, i, r) {
					r = rune(b)
				}
				f.add(string(r), i) // a byte that is no UTF-8 becomes U+FFFD
			case k == control && (r == '\v' || r == '\f' || r == 0x85):
				f.add(" ", i)
			}
			i += size
			continue
		}
		f.word(text, &w, w.disguised(&writes))
		i = w.end
	}
}

func (f *folder) word(text string, w *word, disguised bool) {
	for i := w.start; i < w.end; {
		r, size := utf8.DecodeRuneInString(text[i:])
		from := i
		i += size
		if kindOf(r) != seen {
			if f.parts(text[:from], text[i:]) {
				f.add(" ", from)
			}
			continue
		}
		if b, ok := lookalike(r); ok && disguised {
			r = rune(b)
		}
		f.add(string(r), from)
	}
}

// parts tells whether an unseen character stands between two known words, as a
// space would.
func (f *folder) parts(before, after string) bool {
	i := len(before)
	for i > 0 && asciiLetter(before[i-1]) {
		i--
	}
	j := 0
	for j < len(after) && asciiLetter(after[j]) {
		j++
	}
	return len(before)-i > 1 && j > 1 && known(before[i:]) && known(after[:j])
}

// normalize brings out to NFKC in lower case with single spaces, and drops marks
// that no letter took in: a Latin word reads the same without them.
func (f *folder) normalize() {
	raw, from := string(f.out), f.at
	f.out, f.at = make([]byte, 0, len(raw)), nil
	for i := 0; i < len(raw); {
		n := norm.NFKC.NextBoundaryInString(raw[i:], true)
		if n <= 0 {
			n = len(raw) - i
		}
		origin := 0
		if f.track {
			origin = from[i]
		}
		segment := raw[i : i+n]
		if n > 1 || segment[0] >= utf8.RuneSelf {
			segment = norm.NFKC.String(segment)
		}
		f.settle(segment, origin)
		i += n
	}
}

func (f *folder) settle(segment string, origin int) {
	var base rune
	for _, r := range segment {
		if unicode.IsSpace(r) {
			if n := len(f.out); n == 0 || f.out[n-1] != ' ' {
				f.add(" ", origin)
			}
			base = ' '
			continue
		}
		if unicode.IsMark(r) && (base == 0 || base == ' ' || base < utf8.RuneSelf || unicode.Is(unicode.Latin, base)) {
			continue
		}
		if !unicode.IsMark(r) {
			base = r
		}
		f.add(strings.ToLower(string(r)), origin)
	}
}

// unleet spells out the known words that are written with digits and signs.
func (f *folder) unleet() {
	for i := 0; i < len(f.out); {
		if !leetByte(f.out[i]) || i > 0 && leetByte(f.out[i-1]) {
			i++
			continue
		}
		end, odd := i, false
		for end < len(f.out) && leetByte(f.out[end]) {
			odd = odd || !asciiLetter(f.out[end])
			end++
		}
		if odd {
			f.spell(i, end)
		}
		i = end
	}
}

const maxWord = 24 // no known word is longer

func (f *folder) spell(i, end int) {
	for end > i && f.out[end-1] == '!' {
		end--
	}
	if end-i < 4 || end-i > maxWord {
		return
	}
	letters := 0
	for _, c := range f.out[i:end] {
		if asciiLetter(c) {
			letters++
		}
	}
	if letters == 0 || letters == end-i {
		return
	}
	for _, digits := range [...]string{"oieastbasi", "oleastbasi"} { // one is i or l
		var plain [maxWord]byte
		w := plain[:end-i]
		for n, c := range f.out[i:end] {
			w[n] = c
			if d := strings.IndexByte("0134578@$!", c); d >= 0 {
				w[n] = digits[d]
			}
		}
		if known(string(w)) {
			copy(f.out[i:end], w)
			return
		}
	}
}

func leetByte(c byte) bool {
	return asciiLetter(c) || c == '@' || c == '$' || c == '!' || c >= '0' && c <= '9'
}
