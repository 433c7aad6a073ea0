package injection

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/inspect/lexicon"
)

// maxWord bounds what is compared of a word, in bytes; no longer one is known.
const maxWord = 48

// A token is a word of a segment, or what stands for one: an address, a URL, a
// number.
type token struct {
	start, end int // bytes of the segment
	class      class
	gap        gap // what is before it
}

// A gap is what separates a word from the one before.
type gap uint8

const (
	joined gap = iota // blanks
	comma             // a comma, a wrapped line
	clause            // a colon, a quote, a bracket, a dash, a line that starts anew
	stop              // the end of a sentence
)

// A reader makes tokens of one segment.
type reader struct {
	words *trie
	text  string
	at    int
	gap   gap
	quote bool // the last byte opened a quote
	sum   bool // the last byte was a currency
	word  []byte
	links links // the chain looked at last
	out   []token
}

// tokens appends the words of a segment to out.
func tokens(words *trie, text string, out []token) []token {
	var buf [maxWord]byte
	r := reader{words: words, text: text, gap: stop, word: buf[:0], out: out}
	for r.at < len(text) {
		c := text[r.at]
		switch {
		case c < utf8.RuneSelf && alphanumeric[c]:
			r.readWord()
		case c < utf8.RuneSelf:
			r.readMark(c)
		default:
			r.readRune()
		}
	}
	return r.out
}

//nolint:gochecknoglobals // a table; read-only
var alphanumeric = func() (t [utf8.RuneSelf]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
	}
	return t
}()

// widen raises the gap before the next word.
func (r *reader) widen(g gap) { r.gap = max(r.gap, g) }

func (r *reader) emit(start int, c class) {
	if r.quote {
		c |= quoted
	}
	if r.sum && r.digitAt(start) {
		c |= amount
	}
	r.out = append(r.out, token{start: start, end: r.at, class: c, gap: r.gap})
	r.gap, r.quote, r.sum = joined, false, false
}

// readMark takes one ASCII byte that is part of no word.
func (r *reader) readMark(c byte) {
	r.at++
	r.quote, r.sum = false, c == '$'
	switch c {
	case ' ', '\t', '\r', '/', '&', '+', '=', '@', '%', '^', '~', '_', '$':
	case ',':
		r.widen(comma)
	case '.', '!', '?':
		r.widen(stop)
	case '\n':
		r.newline()
	case '\\':
		if r.at < len(r.text) && strings.IndexByte("ntr", r.text[r.at]) >= 0 {
			r.at++
			r.newline()
		}
	case '-':
		if r.at > 1 && r.text[r.at-2] == ' ' {
			r.widen(clause)
		}
	case '"', '\'', '`':
		r.quote = true
		r.widen(clause)
	default:
		r.widen(clause)
	}
}

// newline is a wrapped line when the next one goes on in small letters.
func (r *reader) newline() {
	rest := strings.TrimLeft(r.text[r.at:min(len(r.text), r.at+8)], " \t")
	if rest != "" && rest[0] >= 'a' && rest[0] <= 'z' {
		r.widen(comma)
		return
	}
	r.widen(clause)
}

// readRune takes a rune above ASCII: the start of a word, a word of a script
// without spaces, or a mark.
func (r *reader) readRune() {
	c, size := utf8.DecodeRuneInString(r.text[r.at:])
	switch {
	case lexicon.Spaceless(c):
		start := r.at
		class, n := r.words.longest(r.text[r.at:min(len(r.text), r.at+maxWord)])
		r.at += max(n, size)
		if n > 0 {
			r.emit(start, class|dense)
		}
	case letter(c):
		r.readWord()
	default:
		r.at += size
		r.quote, r.sum = false, false
		switch c {
		case '€', '£', '¥', '₹', '₽', '₩', '₿':
			r.sum = true
		case '。', '！', '？', '।', '؟', '۔', '…':
			r.widen(stop)
		case '、', '，', '،':
			r.widen(comma)
		case '“', '”', '„', '«', '»', '‘', '「', '」', '：', '—', '–', '•', '→', '（', '）', '；', '《', '》', '【', '】':
			r.widen(clause)
		}
	}
}

// shape is what the letters of a word look like.
type shape struct{ digits, upper, lower, hump int }

// readWord takes a word, and what it grows into: an address, a URL.
func (r *reader) readWord() {
	start, sh := r.at, shape{}
	r.word = r.word[:0]
	r.spell(&sh)
	if r.at == start { // a combining mark that begins nothing
		_, size := utf8.DecodeRuneInString(r.text[r.at:])
		r.at += size
		return
	}
	if c := r.grow(start, sh); c != 0 {
		r.emit(start, c)
		return
	}
	c, phrase := class(0), int32(0)
	if len(r.word) > 0 {
		if c, phrase = r.words.word(r.word); c == 0 {
			c = r.words.arabic(r.word)
		}
	}
	if sh.hump > 0 || strings.IndexByte(r.text[start:r.at], '_') > 0 {
		c |= name
	}
	switch letters := sh.upper + sh.lower; {
	case letters == 0 && sh.digits >= 6, letters > 0 && sh.digits >= 2 && letters+sh.digits >= 5, letters > 0 && r.handle(start):
		c |= ident
	case letters == 0:
		c |= number
	}
	elided := r.at < len(r.text) && r.text[r.at] == '\'' && r.elided()
	if phrase != 0 {
		c = r.phrase(c, phrase)
	}
	if r.compound(start) {
		c &^= person
	}
	r.emit(start, c)
	if elided {
		r.at++
	}
}

// handle tells whether the word at start has an @ before it, and that a blank.
func (r *reader) handle(start int) bool {
	if start == 0 || r.text[start-1] != '@' || start > 1 && strings.IndexByte(" (\t\n", r.text[start-2]) < 0 {
		return false
	}
	end := r.at
	for end < len(r.text) && (r.text[end] == '-' || r.text[end] < utf8.RuneSelf && alphanumeric[r.text[end]]) {
		end++
	}
	return end == len(r.text) || r.text[end] != '/' // the scope of a package
}

// phrase takes the words that make a known phrase of a word of class c, which
// ends at node n, and tells the class of the longest.
func (r *reader) phrase(c class, n int32) class {
	end := r.at
	for range 3 {
		if r.at >= len(r.text) || r.text[r.at] != ' ' && r.text[r.at] != '-' || r.words.step(n, ' ') == 0 {
			break
		}
		r.at++
		r.word = r.word[:0]
		r.spell(&shape{})
		whole, at := r.words.next(n, r.word)
		if at == 0 {
			break
		}
		if n = at; whole != 0 {
			c, end = whole, r.at
		}
	}
	r.at = end
	return c
}

// person is what words say of people and what is said to them.
const person = user | mine | you | machine | mind | reply | order | chief

// compound tells whether the word at start is part of a longer name:
// "my-project", "/home/user", "--output".
func (r *reader) compound(start int) bool {
	if start > 0 && strings.IndexByte("-/$_.=@%", r.text[start-1]) >= 0 && (r.text[start-1] != '.' || start > 1 && !blank(r.text[start-2])) {
		return true
	}
	if r.at+1 >= len(r.text) || strings.IndexByte("-/_.=:", r.text[r.at]) < 0 {
		return false
	}
	next := r.text[r.at+1]
	return next < utf8.RuneSelf && alphanumeric[next] && (r.text[r.at] != '.' || next|0x20 >= 'a')
}

// elided tells whether the word read last is one that French or Italian writes
// together with the next: "l'", "qu'", "dell'".
func (r *reader) elided() bool {
	switch string(r.word) {
	case "l", "d", "n", "s", "m", "j", "c", "t", "qu", "dell", "all", "nell", "sull", "un":
		return true
	}
	return false
}

// fold appends a letter to the word in the form of the lists.
func (r *reader) fold(letter rune) {
	if len(r.word) <= maxWord-utf8.UTFMax {
		r.word = lexicon.Append(r.word, letter)
	}
}

// letter tells whether a rune above ASCII belongs to a word.
func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

// spell folds the word at r.at and counts what it is made of.
func (r *reader) spell(sh *shape) {
	small := false
	for r.at < len(r.text) {
		c := r.text[r.at]
		if c >= utf8.RuneSelf {
			wide, size := utf8.DecodeRuneInString(r.text[r.at:])
			if wide == '\u2019' && !r.elided() && r.inner(r.at, size) {
				r.at += size
				continue
			}
			if !letter(wide) || lexicon.Spaceless(wide) {
				return
			}
			r.fold(wide)
			r.at, small = r.at+size, true
			sh.lower++
			continue
		}
		switch {
		case c >= 'a' && c <= 'z':
			sh.lower++
			small = true
		case c >= 'A' && c <= 'Z':
			sh.upper++
			if small {
				sh.hump++
			}
			small = false
		case c >= '0' && c <= '9':
			sh.digits++
		case c == '\'' && r.elided() && r.inner(r.at, 1):
			return
		case c == '\'' && r.inner(r.at, 1), c == '-' && (sh.digits > 0 || sh.upper > 1 && sh.lower == 0) && r.digitAt(r.at+1):
			r.at++
			continue
		case c != '_':
			return
		}
		r.fold(rune(c))
		r.at++
	}
}

// inner tells whether an apostrophe of size bytes stands between two letters of
// one word ("don't", "user's"), and is no closing quote.
func (r *reader) inner(at, size int) bool {
	next := at + size
	if at == 0 || next >= len(r.text) || len(r.word) == 0 {
		return false
	}
	c := r.text[next] | 0x20
	return c >= 'a' && c <= 'z' && (next+1 == len(r.text) || c != 'n' || r.text[at-1] != '\\')
}

func (r *reader) digitAt(i int) bool {
	return i < len(r.text) && r.text[i] >= '0' && r.text[i] <= '9'
}

// grow sees whether the word at start goes on as an address or a URL, takes all
// of it and tells its class.
func (r *reader) grow(start int, sh shape) class {
	rest := r.text[r.at:]
	switch {
	case strings.HasPrefix(rest, "://"):
		r.skip(" \t\r\n\"'`<>)]}|\\,;")
		return link
	case len(rest) > 1 && (rest[0] == '@' || rest[0] == '.' || rest[0] == '+' || rest[0] == '-'):
		return r.chain(start, sh)
	}
	return 0
}

// skip moves to the first of the bytes in until.
func (r *reader) skip(until string) {
	n := strings.IndexAny(r.text[r.at:], until)
	if n < 0 {
		n = len(r.text) - r.at
	}
	r.at += n
}

// arabic is the class of a word without the particles that Arabic writes
// together with it.
func (t *trie) arabic(word []byte) class {
	if word[0] != 0xd8 && word[0] != 0xd9 { // U+0600 to U+067F
		return 0
	}
	for _, particle := range []string{"وال", "بال", "لل", "ال", "و", "ف", "ب"} {
		if n := len(particle); len(word) > n && string(word[:n]) == particle {
			c, _ := t.word(word[n:])
			return c
		}
	}
	return 0
}
