package injection

import (
	"embed"
	"sync"

	"doorward/internal/inspect/lexicon"
)

// The words, a file a family of languages. Verbs are there in the forms that ask, words
// of scripts without spaces are found wherever they stand.
//
//go:embed words/*.txt
var lists embed.FS

// vocabulary is the trie of all words: built once, read only.
//
//nolint:gochecknoglobals // a table; read-only
var vocabulary = sync.OnceValue(func() *trie {
	t := &trie{nodes: make([]node, 1, 1<<14)}
	for _, list := range lexicon.Lists(lists) {
		for _, line := range list {
			c := lexicon.Class(line.Heads, classNames)
			for _, w := range line.Words {
				n := t.put(w.Text)
				if w.Stem {
					t.nodes[n].stem |= c
				} else {
					t.nodes[n].exact |= c
				}
			}
		}
	}
	return t
})

// classNames are the heads of the lines in the word lists.
//
//nolint:gochecknoglobals // a table; read-only
var classNames = map[string]class{
	"override": override, "prior": prior, "order": order, "whole": whole, "fresh": fresh,
	"move": move, "get": get, "change": change, "pay": pay,
	"private": private, "control": control, "money": money,
	"mine": mine, "user": user, "you": you, "machine": machine, "tool": tool, "call": call,
	"say": say, "reply": reply, "negation": negation, "tell": tell, "covert": covert,
	"please": please, "must": must, "first": first, "task": task, "exact": exact,
	"mode": mode, "pretend": pretend, "chief": chief, "modal": modal, "keep": keep,
	"follow": follow, "filler": filler, "asked": asked,
	"mention": mention, "greet": greet, "anybody": anybody, "now": now, "consent": consent,
	"want": want, "direct": direct, "be": be,
	"told": told, "void": void, "mind": mind, "cond": cond, "inner": inner, "know": know, "edge": edge, "maker": maker, "code": code, "carrier": carrier, "handle": handle, "impostor": impostor,
}

// A trie holds words byte by byte: first child, next sibling.
type trie struct {
	roots [256]int32
	nodes []node // the first is none
}

type node struct {
	exact, stem    class // of the word that ends here; of every word that begins so
	child, sibling int32
	b              byte
}

func (t *trie) put(word string) int32 {
	at := &t.roots[word[0]]
	for i := 0; ; i++ {
		for *at != 0 && t.nodes[*at].b != word[i] {
			at = &t.nodes[*at].sibling
		}
		n := *at
		if n == 0 {
			n = int32(len(t.nodes)) //nolint:gosec // some ten thousand
			*at = n
			t.nodes = append(t.nodes, node{b: word[i]})
		}
		if i == len(word)-1 {
			return n
		}
		at = &t.nodes[n].child
	}
}

// step is the node after n for b; 0 when no word goes on so.
func (t *trie) step(n int32, b byte) int32 {
	for n = t.nodes[n].child; n != 0 && t.nodes[n].b != b; {
		n = t.nodes[n].sibling
	}
	return n
}

// word is the class of a whole folded word, and the node where it ends; 0 when
// no known word begins so.
func (t *trie) word(w []byte) (c class, at int32) {
	n := t.roots[w[0]]
	for i := 0; n != 0; i++ {
		c |= t.nodes[n].stem
		if i == len(w)-1 {
			return c | t.nodes[n].exact, n
		}
		n = t.step(n, w[i+1])
	}
	return c, 0
}

// next is the node where the folded word w ends when it follows the word that ends at
// n, with the class of that phrase; 0 when no phrase goes on so.
func (t *trie) next(n int32, w []byte) (c class, at int32) {
	if n = t.step(n, ' '); n == 0 {
		return 0, 0
	}
	for _, b := range w {
		if n = t.step(n, b); n == 0 {
			return 0, 0
		}
	}
	return t.nodes[n].exact | t.nodes[n].stem, n
}

// longest is the longest word at the start of text, for scripts without spaces;
// its length is 0 when there is none.
func (t *trie) longest(text string) (c class, length int) {
	n := t.roots[text[0]]
	for i := 0; n != 0; i++ {
		if here := t.nodes[n].exact | t.nodes[n].stem; here != 0 {
			c, length = here, i+1
		}
		if i == len(text)-1 {
			break
		}
		n = t.step(n, text[i+1])
	}
	return c, length
}
