package reveal

import (
	"unicode"
	"unicode/utf8"
)

// word is a run of letters, marks and unseen characters.
type word struct {
	start, end int
	letters    int // without marks and unseen characters
	of         [alphabets]int
	likes      int  // letters that look like Latin ones
	close      int  // those that do so in a whole word
	seams      int  // changes of alphabet inside
	lower      bool // a look-alike stands beside a small Latin letter or another look-alike
	first      alphabet
}

// wordAt measures the word that starts at text[i], which is no letter if the
// result is empty.
func wordAt(text string, i int) word {
	w := word{start: i, end: i}
	last, beforeLower, beforeLike := noAlphabet, false, false
	for j := i; j < len(text); {
		r, size := rune(text[j]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[j:])
		}
		a := alphabetOf(r)
		if a == noAlphabet {
			if r < utf8.RuneSelf || !unicode.IsMark(r) && !passedOver(r) {
				break
			}
			j += size
			w.end = j
			continue
		}
		w.letters++
		w.of[a]++
		if w.letters == 1 {
			w.first = a
		}
		if last != noAlphabet && last != a {
			w.seams++
		}
		_, like := lookalike(r)
		lower := a == latin && r >= 'a' && r <= 'z'
		if like {
			w.likes++
			if closely(r) {
				w.close++
			}
			w.lower = w.lower || beforeLower || beforeLike || unicode.IsUpper(r)
		} else if lower && beforeLike {
			w.lower = true
		}
		last, beforeLower, beforeLike = a, lower, like
		j += size
		w.end = j
	}
	return w
}

// passedOver tells whether an unseen character leaves the word whole.
func passedOver(r rune) bool {
	k := kindOf(r)
	return k != seen && k != blank && k != control
}

// scripts tells which alphabets a text truly writes: those with a word of their
// own letters of which one at least is like no Latin letter.
type scripts [alphabets]bool

func scriptsOf(text string) scripts {
	var s scripts
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
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		if w.first != noAlphabet && w.of[w.first] == w.letters && w.letters > 1 && w.likes < w.letters {
			s[w.first] = true
		}
		i = w.end
	}
	return s
}

func asciiLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// disguised tells whether the word's look-alikes stand for Latin letters in a
// text that writes the alphabets of s: it mixes them with Latin letters, or it is
// made of nothing else and the text has no such alphabet.
func (w *word) disguised(s *scripts) bool {
	if w.likes == 0 || w.letters < 2 {
		return false
	}
	pure := w.of[latin] == 0
	if pure {
		return w.close == w.letters && !s[w.first] && w.letters > 1 && w.of[w.first] == w.letters && w.first != otherAlphabet
	}
	foreign := w.letters - w.of[latin]
	if foreign == 0 { // phonetic letters are Latin by property
		return w.letters > 3 && w.likes < w.letters && w.of[latin] == w.letters && w.phonetic()
	}
	switch {
	case w.likes < foreign, w.letters < 3, !w.lower:
		return false // \u0394t, k\u03a9, NF\u03baB: symbols, not spelling
	case w.seams == 1 && w.first == latin && w.of[cyrillic] == foreign && s[cyrillic]:
		return false // a Latin stem with a Cyrillic ending
	}
	return true
}

// phonetic reports that a Latin word has phonetic letters; one or two among plain
// letters are a disguise, more are a transcription.
func (w *word) phonetic() bool { return w.likes <= 2 }
