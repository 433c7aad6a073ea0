package poison

import (
	"strings"
	"unicode/utf8"
)

// A reader makes the words of a text, one sentence after the other.
type reader struct {
	words *vocabulary
	text  string
	at    int
	gap   gap
	quote bool // the last byte opened a quote
	ended bool // the sentence ended
	fold  []byte
	out   []token
	run   stretch // the one looked at last
}

// next is the words of the next sentence, nil at the end of the text. They are good
// until next is called again.
func (r *reader) next() []token {
	r.out, r.fold, r.ended, r.gap = r.out[:0], r.fold[:0], false, stop
	for r.at < len(r.text) && len(r.out) < maxSentence && (!r.ended || len(r.out) == 0) {
		r.ended = false
		switch c := r.text[r.at]; {
		case c >= utf8.RuneSelf:
			r.rune()
		case r.literal():
		case wordy(c):
			r.word()
		default:
			r.mark(c)
		}
	}
	r.compounds()
	return r.out
}

func wordy(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
}

// emit appends the word from start to r.at, whose folded letters are from fold on.
func (r *reader) emit(start, fold int, c sense) {
	if r.quote {
		c.class |= quoted
	}
	r.out = append(r.out, token{start: start, end: r.at, fold: fold, folded: len(r.fold), class: c.class, topic: c.topic, gap: r.gap})
	r.gap, r.quote = joined, false
}

// mark takes one ASCII byte that is part of no word.
func (r *reader) mark(c byte) {
	r.at++
	open := r.at == 1 || strings.IndexByte(" \n\t([{=:", r.text[max(0, r.at-2)]) >= 0
	switch c {
	case '"', '\'', '`':
		r.quote = open
		r.gap = max(r.gap, comma)
		if open {
			r.gap = max(r.gap, clause)
		}
		return
	case ',':
		r.gap = max(r.gap, comma)
	case '.', '!', '?':
		r.stop()
	case '\n':
		r.newline()
	case '\\':
		if strings.HasPrefix(r.text[r.at:], "n") {
			r.at++
			r.newline()
		}
	case ' ', '\t', '\r', '/', '&', '+', '=', '@', '%', '^', '~', '$', '*':
		return
	case '-':
		if r.at > 1 && r.text[r.at-2] == ' ' {
			r.gap = max(r.gap, clause)
		}
	default:
		r.gap = max(r.gap, clause)
	}
	r.quote = false
}

// stop ends the sentence, unless the mark before r.at is within a word or after an
// abbreviation.
func (r *reader) stop() {
	rest := r.text[r.at:]
	if rest == "" {
		r.ended = true
		return
	}
	if wordy(rest[0]) {
		return
	}
	r.gap = max(r.gap, clause)
	if next := strings.TrimLeft(rest, " \"'`)]*"); next != "" && next[0] >= 'a' && next[0] <= 'z' && r.at > 2 && r.text[r.at-3] == '.' {
		return // "e.g. this"
	}
	r.ended = true
}

// newline ends the sentence, unless the next line goes on in small letters and is
// no entry of a list.
func (r *reader) newline() {
	line := strings.TrimLeft(r.text[r.at:min(len(r.text), r.at+64)], " \t")
	if line == "" || line[0] < 'a' || line[0] > 'z' {
		r.ended = true
		return
	}
	for i := range len(line) {
		switch c := line[i]; {
		case wordy(c):
			continue
		case c == ':', c == '(', strings.HasPrefix(line[i:], " ("), strings.HasPrefix(line[i:], " -"), strings.HasPrefix(line[i:], " :"):
			r.ended = true
			return
		}
		break
	}
	r.gap = max(r.gap, comma)
}

// rune takes a rune above ASCII: the start of a word, a word of a script without
// spaces, or a mark.
func (r *reader) rune() {
	c, size := utf8.DecodeRuneInString(r.text[r.at:])
	switch {
	case spaceless(c):
		start := r.at
		found, n := r.words.prefix(r.text[r.at:])
		r.at += max(n, size)
		if n > 0 {
			r.emit(start, len(r.fold), found)
		}
		return
	case letter(c):
		r.word()
		return
	}
	r.at += size
	r.quote = false
	switch c {
	case '。', '！', '？', '।', '؟', '۔', '…':
		r.ended, r.gap = true, clause
	case '、', '，', '،':
		r.gap = max(r.gap, comma)
	case '“', '”', '„', '«', '»', '‘', '「', '」', '『', '』':
		r.quote, r.gap = true, max(r.gap, clause)
	case '：', '—', '–', '•', '→', '（', '）', '；', '《', '》', '【', '】':
		r.gap = max(r.gap, clause)
	}
}

// word takes a word and classes it by the lexicon and its shape.
func (r *reader) word() {
	start, from := r.at, len(r.fold)
	digits := 0
	var under, hump, small bool
	for r.at < len(r.text) {
		c, size := rune(r.text[r.at]), 1
		switch {
		case c >= utf8.RuneSelf:
			c, size = utf8.DecodeRuneInString(r.text[r.at:])
			if c == '’' && r.inner(size) {
				c = '\''
			} else if !letter(c) || spaceless(c) {
				size = 0
			}
			small = true
		case c >= 'a' && c <= 'z':
			small = true
		case c >= 'A' && c <= 'Z':
			hump = hump || small
		case c >= '0' && c <= '9':
			digits++
		case c == '_':
			under = r.at > start
		case c == '\'' && r.inner(1):
		case c == '-' && r.kebab():
		default:
			size = 0
		}
		if size == 0 {
			break
		}
		r.fold = fold(r.fold, c)
		r.at += size
	}
	if r.at == start { // a combining mark that begins nothing
		_, size := utf8.DecodeRuneInString(r.text[r.at:])
		r.at += size
		return
	}
	word := r.fold[from:]
	c := r.words.word(word)
	if c.class == 0 {
		c = c.or(r.words.bare(word))
		c.class |= r.words.third(word)
	}
	if hump && small || under {
		c.class |= name
	}
	if digits >= 8 && len(word) <= digits+4 && c.none() {
		c.class |= number
	}
	r.emit(start, from, c)
}

// inner tells whether the apostrophe at r.at stands between two letters.
func (r *reader) inner(size int) bool {
	next := r.at + size
	return r.at > 0 && next < len(r.text) && wordy(r.text[r.at-1]) && r.text[next]|0x20 >= 'a' && r.text[next]|0x20 <= 'z'
}

// kebab tells whether the hyphen at r.at is within a word.
func (r *reader) kebab() bool {
	return r.at > 0 && r.at+1 < len(r.text) && wordy(r.text[r.at-1]) && wordy(r.text[r.at+1])
}

// compounds gives the first word of a phrase the phrase's class.
func (r *reader) compounds() {
	for i := range r.out {
		t := &r.out[i]
		if t.folded == t.fold {
			continue
		}
		c, more := r.words.compound(r.fold[t.fold:t.folded], func(n int) []byte {
			if i+1+n >= len(r.out) || r.out[i+1+n].gap > joined {
				return nil
			}
			return r.fold[r.out[i+1+n].fold:r.out[i+1+n].folded]
		})
		t.class |= c.class
		t.topic |= c.topic
		for n := 1; n <= more; n++ {
			r.out[i+n].class |= c.class &^ verb
			r.out[i+n].topic |= c.topic & granted
		}
	}
}
