package poison

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"
	"sync"
)

// The words, a file a family of languages, as fold leaves them. A line is
// "class+class: word stem* two_words …"; verbs are there in the forms that ask. Words of
// scripts without spaces are found wherever they stand.
//
//go:embed words
var wordLists embed.FS

// stemLetters is the shortest stem, in bytes, that is looked for in a word.
const stemLetters = 3

// A vocabulary holds the words of all languages.
type vocabulary struct {
	exact, stem map[string]sense
	phrases     map[string][]phrase // by their first word
	longest     int                 // of the words without spaces, in bytes
}

// A phrase is some words in a row that mean one thing.
type phrase struct {
	rest  []string // after the first; a last one with "*" is a stem
	sense sense
}

// lexicon is built once and only read.
//
//nolint:gochecknoglobals // a table; read-only
var lexicon = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{exact: map[string]sense{}, stem: map[string]sense{}, phrases: map[string][]phrase{}}
	names, err := fs.Glob(wordLists, "words/*.txt")
	if err != nil {
		panic(err) // the pattern is malformed, which a test would see
	}
	for _, n := range names {
		list, err := fs.ReadFile(wordLists, n)
		if err != nil {
			panic(err) // embedded, so it is there
		}
		v.load(string(list))
	}
	return v
})

// load reads one file. Its line "loose:" says that verbs of what follows come
// after their objects too.
func (v *vocabulary) load(list string) {
	var order class
	for line := range strings.SplitSeq(list, "\n") {
		head, words, ok := strings.Cut(line, ":")
		switch {
		case !ok || strings.HasPrefix(line, "#"):
			continue
		case head == "loose":
			order = loose
			continue
		}
		var c sense
		for n := range strings.SplitSeq(head, "+") {
			c = c.or(sense{classNames[n], topicNames[n]})
		}
		if c.class.has(verb) {
			c.class |= order
		}
		for w := range strings.FieldsSeq(words) {
			v.add(w, c)
		}
	}
}

func (v *vocabulary) add(word string, c sense) {
	var folded []byte
	for _, r := range word {
		folded = fold(folded, r)
	}
	w := string(folded)
	if parts := strings.Split(w, "_"); len(parts) > 1 {
		v.phrases[parts[0]] = append(v.phrases[parts[0]], phrase{parts[1:], c})
		return
	}
	w, stem := strings.CutSuffix(w, "*")
	stem = stem || strings.IndexFunc(w, hangul) == 0 // what follows a word in Korean is written together with it
	if stem {
		v.stem[w] = v.stem[w].or(c)
	} else {
		v.exact[w] = v.exact[w].or(c)
	}
	v.longest = max(v.longest, len(w))
}

// word is what a whole folded word can be.
func (v *vocabulary) word(w []byte) sense {
	c := v.exact[string(w)]
	for n := stemLetters; n <= len(w) && n <= v.longest; n++ {
		c = c.or(v.stem[string(w[:n])])
	}
	return c
}

// third is the class of the third person of an English verb: "reads", "passes".
func (v *vocabulary) third(w []byte) class {
	for _, ending := range []string{"s", "es"} {
		if stem, ok := bytes.CutSuffix(w, []byte(ending)); ok {
			if c := v.exact[string(stem)].class; c.has(verb) && !c.has(loose) {
				return c&(verb|confirm) | third
			}
		}
	}
	return 0
}

// prefix is the longest word at the start of text, for scripts without spaces; its
// length is 0 when there is none.
func (v *vocabulary) prefix(text string) (c sense, length int) {
	for n := 3; n <= min(len(text), v.longest); n++ {
		if here := v.exact[text[:n]].or(v.stem[text[:n]]); !here.none() {
			c, length = here, n
		}
	}
	return c, length
}

// compound is what the longest phrase whose first word is first means, and how many
// more words it takes; next gives the words after the first, nil at the end.
func (v *vocabulary) compound(first []byte, next func(n int) []byte) (c sense, more int) {
	for _, p := range v.phrases[string(first)] {
		if len(p.rest) >= more && p.fits(next) {
			if len(p.rest) > more {
				c = sense{}
			}
			c, more = c.or(p.sense), len(p.rest)
		}
	}
	return c, more
}

func (p *phrase) fits(next func(n int) []byte) bool {
	for i, want := range p.rest {
		word := next(i)
		if stem, ok := strings.CutSuffix(want, "*"); ok {
			if len(word) < len(stem) || string(word[:len(stem)]) != stem {
				return false
			}
		} else if string(word) != want {
			return false
		}
	}
	return true
}
