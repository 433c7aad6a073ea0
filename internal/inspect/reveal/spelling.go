package reveal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"doorward/internal/gate"
)

// spellings finds words that are written in letters that look like others:
// letters of other scripts, full width ones, mathematical and enclosed ones.
func spellings(text string) []reading {
	writes := scriptsOf(text)
	alike := gathered{method: "homoglyph", why: "Letters of another script stand in for the Latin letters that they look like."}
	wide := gathered{method: "fullwidth", why: "Full width letters spell Latin text outside text in Chinese, Japanese or Korean."}
	styled := gathered{method: "styled", why: "Mathematical or enclosed letters spell words, which a search for them does not find."}
	asian := false
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		start := i
		for start > 0 && asciiLetter(text[start-1]) { // the word may begin before
			start--
		}
		w := wordAt(text, start)
		if w.end <= i {
			r, size := utf8.DecodeRuneInString(text[i:])
			if style(r) != nil { // enclosed letters are symbols
				end := i
				for end < len(text) {
					next, size := utf8.DecodeRuneInString(text[end:])
					if style(next) == nil {
						break
					}
					end += size
				}
				if !flag(text, i, r) {
					styled.add(text, i, end)
				}
				i = end
				continue
			}
			i += max(size, 1)
			continue
		}
		asian = asian || w.asian(text)
		switch {
		case w.ascii():
		case w.disguised(&writes):
			alike.spell(text, &w, &writes)
		case w.wide(text):
			wide.add(text, w.start, w.end)
		case w.styled(text):
			styled.add(text, w.start, w.end)
		}
		i = w.end
	}
	var rs []reading
	rs = append(rs, alike.readings(text)...)
	if !asian || judge(wide.all.String()) != noise {
		rs = append(rs, wide.readings(text)...)
	}
	return append(rs, styled.readings(text)...)
}

// ascii tells whether the word has nothing to look for.
func (w *word) ascii() bool {
	return w.end-w.start == w.letters && w.of[latin] == w.letters && w.likes == 0
}

// asian tells whether a word is written in Han, Kana or Hangul.
func (w *word) asian(text string) bool {
	if w.of[otherAlphabet] == 0 {
		return false
	}
	return strings.ContainsFunc(text[w.start:w.end], func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) && kindOf(r) == seen
	})
}

func (w *word) wide(text string) bool {
	n := 0
	for _, r := range text[w.start:w.end] {
		if r >= 0xff21 && r <= 0xff5a && unicode.IsLetter(r) {
			n++
		}
	}
	return n > 1 && n*2 > w.letters
}

// styled tells whether most letters of a word are mathematical ones, and it is
// long enough to be no formula.
func (w *word) styled(text string) bool {
	n := 0
	for _, r := range text[w.start:w.end] {
		if style(r) != nil {
			n++
		}
	}
	return n > 2 && n*2 > w.letters
}

// styles are the blocks of letters that are Latin letters in another dress.
//
//nolint:gochecknoglobals // a table; read-only
var styles = [...]struct{ from, to rune }{
	{0x1d400, 0x1d6a3}, // mathematical alphanumeric symbols
	{0x24b6, 0x24e9},   // circled
	{0x249c, 0x24b5},   // parenthesized
	{0x1f110, 0x1f149}, // parenthesized and squared capitals
	{0x1f150, 0x1f169}, // negative circled
	{0x1f170, 0x1f189}, // negative squared
	{0x1f1e6, 0x1f1ff}, // regional indicators
}

// style is the block of r; nil if it is in none.
func style(r rune) *struct{ from, to rune } {
	if r < 0x249c {
		return nil
	}
	for i := range styles {
		if r >= styles[i].from && r <= styles[i].to {
			return &styles[i]
		}
	}
	return nil
}

// plainStyle is the Latin letter of a styled one, where NFKC does not say so.
func plainStyle(r rune) (byte, bool) {
	switch {
	case r >= 0x1f150 && r <= 0x1f169:
		return byte('A' + r - 0x1f150), true
	case r >= 0x1f170 && r <= 0x1f189:
		return byte('A' + r - 0x1f170), true
	case r >= 0x1f1e6 && r <= 0x1f1ff:
		return byte('A' + r - 0x1f1e6), true
	case r >= 0x249c && r <= 0x24b5:
		return byte('a' + r - 0x249c), true
	case r >= 0x1f110 && r <= 0x1f129:
		return byte('A' + r - 0x1f110), true
	}
	return 0, false
}

// flag tells whether the regional indicator r at i is one of two, which are the
// flag of a country.
func flag(text string, i int, r rune) bool {
	if r < 0x1f1e6 || r > 0x1f1ff {
		return false
	}
	n := 1
	for at := i; n < 4; n++ {
		before, size := utf8.DecodeLastRuneInString(text[:at])
		if before < 0x1f1e6 || before > 0x1f1ff {
			break
		}
		at -= size
	}
	for at := i + utf8.RuneLen(r); n < 4; n++ {
		next, size := utf8.DecodeRuneInString(text[at:])
		if next < 0x1f1e6 || next > 0x1f1ff {
			break
		}
		at += size
	}
	return n == 2
}

// plainly is a word in plain Latin letters.
func plainly(s string) string {
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		if b, ok := plainStyle(r); ok {
			return rune(b)
		}
		if b, ok := lookalike(r); ok {
			return rune(b)
		}
		if kindOf(r) != seen {
			return -1
		}
		return r
	}, s))
}

// gathered joins words of one kind that follow each other to a finding.
type gathered struct {
	method, why string
	out         []reading
	all         strings.Builder // what all of them spell, up to maxJudged
}

// add takes text[start:end], which is a finding if it spells something.
func (g *gathered) add(text string, start, end int) {
	plain := plainly(text[start:end])
	if g.all.Len() < maxJudged {
		g.all.WriteString(plain)
		g.all.WriteByte(' ')
	}
	g.join(text, start, end, plain, gate.Medium)
}

// spell takes a word whose letters only look Latin.
func (g *gathered) spell(text string, w *word, writes *scripts) {
	plain := plainly(text[w.start:w.end])
	severity := gate.High
	if w.of[latin] == w.letters && !strings.ContainsFunc(text[w.start:w.end], phonetic) {
		return // the letters of a language
	}
	if !known(plain) {
		switch {
		case w.of[latin] == 0 || w.of[latin] == w.letters:
			return // a word of a language that the text has little of, or a transcription
		case writes[cyrillic] && w.of[cyrillic] > 0 || writes[greek] && w.of[greek] > 0:
			severity = gate.Medium // keyboards of two alphabets slip
		}
	}
	g.join(text, w.start, w.end, plain, severity)
}

func (g *gathered) join(text string, start, end int, plain string, severity gate.Severity) {
	if n := len(g.out); n > 0 && (start-g.out[n-1].span.End <= near || n == maxPerRule) {
		last := &g.out[n-1]
		between := plainly(text[last.span.End:min(start, last.span.End+near)])
		if len(last.text) < maxJudged {
			last.text += between + plain
		}
		last.span.End = end
		last.severity = max(last.severity, severity)
		return
	}
	g.out = append(g.out, reading{method: g.method, span: gate.Span{Start: start, End: end}, text: plain, severity: severity, why: g.why})
}

// beside is what stands before or behind i up to white space, and one word more
// before: short words are not told from words of another language.
func beside(text string, i, step int) string {
	if step > 0 {
		end := i
		for end < len(text) && end-i < maxWord && text[end] > ' ' {
			end++
		}
		return strings.ToValidUTF8(text[i:end], "")
	}
	start, words := i, 0
	for start > 0 && i-start < maxWord {
		if text[start-1] <= ' ' {
			if words++; words > 2 || text[start-1] < ' ' {
				break
			}
		}
		start--
	}
	return strings.TrimLeft(strings.ToValidUTF8(text[start:i], ""), " ")
}

// readings are the findings; those that spell language are the worst.
func (g *gathered) readings(text string) []reading {
	out := g.out[:0]
	for _, r := range g.out {
		if r.severity < gate.High {
			switch judge(r.text) {
			case aimed, orders, language:
				r.severity = gate.High
			case noise:
				if r.method != "homoglyph" {
					continue // abbreviations, formulas, flags
				}
			}
		}
		r.text = plainly(beside(text, r.span.Start, -1)) + r.text + plainly(beside(text, r.span.End, 1))
		out = append(out, r)
	}
	return out
}

// phonetic tells whether r is like a Latin letter and no alphabet of a language
// has it: Turkish has the dotless i, and languages of Africa the hooked letters.
func phonetic(r rune) bool {
	switch r {
	case 0x131, 0x192, 0x199, 0x253, 0x256, 0x257, 0x263, 0x269, 0x28b:
		return false
	}
	_, like := lookalike(r)
	return like
}
