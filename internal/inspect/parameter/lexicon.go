package parameter

import (
	"embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
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

// lexicon has all words: built once, read only. A list has lines "class: word stem* …".
//
//nolint:gochecknoglobals // a table; read-only
var lexicon = sync.OnceValue(func() *known {
	k := &known{exact: map[string]class{}, stem: map[string]class{}}
	files, err := lists.ReadDir("words")
	if err != nil {
		return k // the lists are part of the program
	}
	for _, f := range files {
		text, err := lists.ReadFile("words/" + f.Name())
		if err != nil {
			return k
		}
		k.load(string(text))
	}
	return k
})

func (k *known) load(text string) {
	for line := range strings.Lines(text) {
		head, list, ok := strings.Cut(line, ":")
		c := classNames[head]
		if !ok || c == 0 {
			continue
		}
		for w := range strings.FieldsSeq(list) {
			if stem, ok := strings.CutSuffix(w, "*"); ok {
				k.stem[fold(stem)] |= c
			} else {
				k.exact[fold(w)] |= c
			}
		}
	}
}

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

// marked are letters with marks, and what they are without.
//
//nolint:gochecknoglobals // a table; read-only
var marked = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ł': "l", 'ı': "i", 'þ': "th"}
	for plain, list := range map[string]string{
		"a": "àáâãäåāăąạảấầẩẫậắằẳẵặ", "c": "çćĉċč", "d": "ďð", "e": "èéêëēĕėęěẹẻẽếềểễệ", "g": "ĝğġģ", "h": "ĥħ",
		"i": "ìíîïĩīĭįỉị", "k": "ķ", "l": "ĺļľ", "n": "ñńņň", "o": "òóôõöōŏőơọỏốồổỗộớờởỡợ", "r": "ŕŗř", "s": "śŝşšșſ",
		"t": "ţťțŧ", "u": "ùúûüũūŭůűųưụủứừửữự", "w": "ŵ", "y": "ýÿŷỳỵỷỹ", "z": "źżž",
		"α": "ά", "ε": "έ", "η": "ή", "ι": "ίϊΐ", "ο": "ό", "υ": "ύϋΰ", "ω": "ώ", "σ": "ς",
		"ا": "أإآٱ", "ه": "ة", "ي": "ىی", "ك": "ک", "е": "ё",
	} {
		for _, r := range list {
			m[r] = plain
		}
	}
	return m
}()

// fold makes letters small and takes their marks off, Latin, Greek and Arabic.
func fold(word string) string {
	plain := true
	for i := range len(word) {
		plain = plain && word[i] < utf8.RuneSelf && (word[i] < 'A' || word[i] > 'Z')
	}
	if plain {
		return word
	}
	var b strings.Builder
	for _, r := range word {
		r = unicode.ToLower(r)
		switch s, ok := marked[r]; {
		case ok:
			b.WriteString(s)
		case 0x300 <= r && r < 0x370, 0x64b <= r && r < 0x660, r == 0x640, 0x591 <= r && r < 0x5c8:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
