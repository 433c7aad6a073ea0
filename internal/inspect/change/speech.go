package change

import (
	"embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"doorward/internal/inspect/lexicon"
	"doorward/internal/inspect/reveal"
)

// class is what a word has to do with who asks for what. A word of one class says
// nothing; sentences that have some together ask a model for what its user did not.
type class uint64

const (
	person class = 1 << iota // who uses the model
	asked                    // what was said to it
	put                      // something is entered
	use                      // something is called
	first                    // an order, or a frequency
	tool
	other
	name // how people are called
	data // what else there is to know of them
	file // what is on their machines
	bid  // how a thing recommends itself
	you  // the model
	deny // that something is not so
	tell // somebody is told or asked
	also // something is beside something else
	message
	whole // all of it, or the last

	// What one word may not bring in without being read.

	send    // where data goes
	key     // what is kept secret
	order   // orders, exceptions
	conceal // what people are not told or asked
	talk    // the conversation
	money
	act // acts that do harm

	risks = send | key | order | conceal | talk | money | act
)

//nolint:gochecknoglobals // a table; read-only
var classNames = map[string]class{
	"person": person, "asked": asked, "put": put, "use": use, "first": first, "tool": tool, "other": other, "name": name, "data": data, "file": file, "bid": bid, "you": you, "deny": deny, "tell": tell, "also": also, "message": message, "whole": whole,
	"send": send, "key": key, "order": order, "conceal": conceal, "talk": talk, "money": money, "act": act,
}

// The words of each class: risk.txt those that are read by themselves, speech.txt those
// that are read together.
//
//go:embed words/*.txt
var lists embed.FS

// A vocabulary has words, and beginnings of words, with what they are.
type vocabulary struct {
	exact, stems map[string]class
}

//nolint:gochecknoglobals // a table; read-only
var spoken = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{exact: map[string]class{}, stems: map[string]class{}}
	for _, list := range lexicon.Lists(lists) {
		for _, line := range list {
			c := lexicon.Class(line.Heads, classNames)
			for _, w := range line.Words {
				in := v.exact
				if w.Stem {
					in = v.stems
				}
				in[w.Text] |= c
				if read := lexicon.Fold(reveal.Fold(w.Text)); utf8.RuneCountInString(read) > 1 {
					in[read] |= c // texts are compared as they read, which some scripts do without their marks
				}
			}
		}
	}
	return v
})

// longest bounds a listed word, in runes.
const longest = 14

// class is what a folded word is: by itself, by how it begins, and in scripts without
// spaces by all that is in it.
func (v *vocabulary) class(word string) class {
	c := v.exact[word]
	for i := range word {
		for j, n := i, 0; j < len(word) && n < longest; n++ {
			_, size := utf8.DecodeRuneInString(word[j:])
			j += size
			c |= v.stems[word[i:j]]
		}
		if !spaceless(word[i:]) {
			break
		}
	}
	return c
}

// A sentence is one of a wording: what its words are, and the words, to tell whether
// it is an old one that reads differently now.
type sentence struct {
	class class
	words map[string]bool
}

// sentences are those of a text, each once.
func sentences(text string) []sentence {
	var out []sentence
	v := spoken()
	for said := range strings.FieldsFuncSeq(abbreviated.Replace(seen(text)), ends) {
		s := sentence{words: map[string]bool{}}
		before := ""
		for token := range tokens(said) {
			id := identifier(token)
			for w := range parts(token) {
				c := v.class(w) | v.exact[before+" "+w]
				if before = w; id {
					c &^= name // "listName" is no name of anybody
				}
				s.class |= c
				for unit := range units(w) {
					s.words[unit] = true
				}
			}
		}
		if len(s.words) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// abbreviated leaves out what has full stops and ends no sentence.
//
//nolint:gochecknoglobals // a table; read-only
var abbreviated = strings.NewReplacer("e.g.", "", "E.g.", "", "i.e.", "", "z.B.", "", "z. B.", "", "p.ex.", "", "p. ex.", "", "p.ej.", "", "p. ej.", "")

// ends tells whether a sentence may end at r.
func ends(r rune) bool {
	return strings.ContainsRune(".!?;\n\u3002\uff01\uff1f\uff1b\u0964\u061f\u061b", r)
}

// units are what of a word is compared: the word, or in scripts without spaces each
// two letters that follow each other.
func units(w string) func(func(string) bool) {
	return func(yield func(string) bool) {
		if !spaceless(w) {
			yield(w)
			return
		}
		last := 0
		for i, r := range w {
			if i > 0 && !yield(w[last:i+utf8.RuneLen(r)]) {
				return
			}
			last = i
		}
		if last == 0 {
			yield(w)
		}
	}
}

// common is the share of words that two sets have together.
func common(a, b map[string]bool) float64 {
	both := 0
	for w := range a {
		if b[w] {
			both++
		}
	}
	if both == 0 {
		return 0
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// identifier tells whether a token is a name as programs have them.
func identifier(token string) bool {
	small := false
	for _, r := range token {
		if r == '_' || small && unicode.IsUpper(r) {
			return true
		}
		small = unicode.IsLower(r)
	}
	return false
}
