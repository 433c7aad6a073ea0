package reveal

import (
	"strings"

	"doorward/internal/gate"
)

// A text in cipher is told by its words: none known as they stand, most of them
// known when every letter is moved, or the letters of each word are turned round.
const (
	minCipher    = 4   // words in a row that nobody knows
	maxHistogram = 512 // bytes of them that choose the key
)

// ciphers finds sentences whose letters were moved along the alphabet, or written
// backwards.
func ciphers(text string) []reading {
	var found kept
	start, end, words := -1, 0, 0
	flush := func() {
		if words >= minCipher {
			if r, ok := deciphered(text, start, end); ok {
				found.add(r)
			}
		}
		start, words = -1, 0
	}
	misses := 0
	for i := 0; i < len(text); {
		if !asciiLetter(text[i]) {
			i++
			continue
		}
		from := i
		for i < len(text) && asciiLetter(text[i]) {
			i++
		}
		if i-from == 1 {
			continue
		}
		if known(text[from:i]) {
			if misses++; misses > 1 || i-from > 2 { // a short word may be one of the cipher by chance
				flush()
				misses = 0
			}
			continue
		}
		if start < 0 {
			start = from
		}
		misses = 0
		end = i
		words++
	}
	flush()
	return found.readings()
}

// english is how often each letter stands in English, in thousandths.
//
//nolint:gochecknoglobals // a table; read-only
var english = [26]int{82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2, 20, 1}

func deciphered(text string, start, end int) (reading, bool) {
	s := text[start:end]
	if !worded(s) {
		return reading{}, false
	}
	if s = s[:min(len(s), maxJudged)]; !readsSo(s, 0) {
		key := key(s)
		if key != 0 && readsSo(s, key) {
			return ciphered("rot", gate.Span{Start: start, End: end}, rotate(text[start:end], key)), true
		}
		if back := backwards(text[start:end]); readsSo(back, 0) {
			return ciphered("reversed", gate.Span{Start: start, End: end}, back), true
		}
		if mirrored := rotateAtbash(s); readsSo(mirrored, 0) {
			return ciphered("atbash", gate.Span{Start: start, End: end}, rotateAtbash(text[start:end])), true
		}
	}
	return reading{}, false
}

func ciphered(method string, span gate.Span, plain string) reading {
	r := encoded(method, span, plain)
	if r.severity == gate.Low {
		r.severity = gate.Medium // nobody writes a sentence so by accident
	}
	return r
}

// key is how far the letters of s have to be moved to be as frequent as English ones.
func key(s string) int {
	var count [26]int
	for i := range min(len(s), maxHistogram) {
		if asciiLetter(s[i]) {
			count[s[i]|0x20-'a']++
		}
	}
	var letters [26]int // those that occur
	n := 0
	for c := range count {
		if count[c] > 0 {
			letters[n] = c
			n++
		}
	}
	best, most := 0, 0
	for k := range 26 {
		sum := 0
		for _, c := range letters[:n] {
			at := c + k
			if at >= 26 {
				at -= 26
			}
			sum += count[c] * english[at]
		}
		if sum > most {
			best, most = k, sum
		}
	}
	return best
}

// readsSo tells whether most words of s are known when moved by k.
func readsSo(s string, k int) bool {
	words, familiar := 0, 0
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r >= 0x80 || !asciiLetter(byte(r&0x7f)) }) {
		if len(word) < 3 { // by chance some word of any alphabet
			continue
		}
		words++
		if known(rotate(word, k)) {
			familiar++
		}
		if words == 64 {
			break
		}
	}
	return words >= minCipher && familiar > 2 && familiar*2 >= words
}

func rotate(s string, by int) string {
	if by == 0 {
		return s
	}
	k := byte(by & 0x1f)
	b := []byte(s)
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
			b[i] = 'a' + (c-'a'+k)%26
		case c >= 'A' && c <= 'Z':
			b[i] = 'A' + (c-'A'+k)%26
		}
	}
	return string(b)
}

// rotateAtbash puts z for a, y for b.
func rotateAtbash(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
			b[i] = 'z' - (c - 'a')
		case c >= 'A' && c <= 'Z':
			b[i] = 'Z' - (c - 'A')
		}
	}
	return string(b)
}

// backwards turns the characters of s round.
func backwards(s string) string {
	rs := []rune(s)
	for i, j := 0, len(rs)-1; i < j; i, j = i+1, j-1 {
		rs[i], rs[j] = rs[j], rs[i]
	}
	return string(rs)
}
