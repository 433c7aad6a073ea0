package parameter

import (
	"embed"
	"sync"
	"unicode/utf8"

	"doorward/internal/inspect/lexicon"
)

// A class is a set of what a word can be where something is asked for.
type class uint64

// Nouns, then what narrows them, then what a tool may be for.
const (
	talk    class = 1 << iota // conversation, chat
	log                       // history, messages: of a conversation if something says so
	past                      // so far, previous
	whole                     // full, all, verbatim
	you                       // you, your, the caller
	machine                   // model, assistant
	user                      // the user
	said                      // said, asked, request
	system                    // system, developer, initial
	order                     // prompt, instructions
	given                     // received, operate under
	think                     // reasoning, thoughts
	inner                     // scratchpad, internal
	note                      // notes, context, information
	secret                    // credentials, environment
	keyed                     // private, ssh, api: before a key
	key                       // key, token, variables
	tool                      // tool, function, server
	result                    // output, result
	other                     // other, previous
	list                      // list, names
	file                      // file, workspace
	content                   // content, text
	open                      // open, read, loaded
	name                      // name, version
	no                        // not, never
	omit                      // omit, shorten: denied, it asks for all
	seek                      // include, paste
	this                      // this, current
	know                      // know, remember
	person                    // profile, e-mail address, location
	host                      // tabs, processes, computer
	ref                       // id, index, language: names a thing, is not it
	act                       // call, invoke, this session
	doing                     // trying, working on, achieve
	pretext                   // audit, telemetry, quality: why it is said to be asked
	forChat
	forPrompt
	forThink
	forSecret
	forEnv
	forTools
	forFiles
)

func (c class) has(of class) bool { return c&of != 0 }

// classNames are the heads of the lines in the word lists.
//
//nolint:gochecknoglobals // a table; read-only
var classNames = map[string]class{
	"talk": talk, "log": log, "past": past, "whole": whole, "you": you, "machine": machine, "user": user, "said": said,
	"system": system, "order": order, "given": given, "think": think, "inner": inner, "note": note, "secret": secret,
	"keyed": keyed, "key": key, "tool": tool, "result": result, "other": other, "list": list, "file": file,
	"content": content, "open": open, "name": name, "no": no, "omit": omit, "seek": seek, "this": this, "know": know,
	"person": person, "host": host, "ref": ref, "act": act, "doing": doing, "pretext": pretext, "forChat": forChat, "forPrompt": forPrompt, "forThink": forThink, "forSecret": forSecret, "forEnv": forEnv,
	"forTools": forTools, "forFiles": forFiles,
}

//go:embed words/*.txt
var lists embed.FS

// maxWord bounds what is compared of a word, in runes; no longer one is known.
const maxWord = 24

type known struct {
	exact, stem map[string]class // of a word; of every word that begins so
}

// vocabulary has all words: built once, read only.
//
//nolint:gochecknoglobals // a table; read-only
var vocabulary = sync.OnceValue(func() *known {
	k := &known{exact: map[string]class{}, stem: map[string]class{}}
	for _, list := range lexicon.Lists(lists) {
		for _, line := range list {
			c := lexicon.Class(line.Heads, classNames)
			for _, w := range line.Words {
				if w.Stem {
					k.stem[w.Text] |= c
				} else {
					k.exact[w.Text] |= c
				}
			}
		}
	}
	return k
})

// word is what a folded word can be.
func (k *known) word(w string) class {
	c := k.exact[w]
	for i, n := 0, 0; i < len(w) && n < maxWord; n++ {
		_, size := utf8.DecodeRuneInString(w[i:])
		i += size
		c |= k.stem[w[:i]]
	}
	return c
}

// prefix is the longest known word that text begins with, of a script without
// spaces, and its length.
func (k *known) prefix(text string) (class, int) {
	const most = 12 // runes; no longer one is known
	var c class
	longest := 0
	for i, n := 0, 0; i < len(text) && n < most; n++ {
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if found, ok := k.exact[text[:i]]; ok {
			c, longest = c|found, i
		}
	}
	return c, longest
}
