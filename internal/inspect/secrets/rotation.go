package secrets

import "strings"

// rotation is the name of a text whose letters are moved by 13 places.
const rotation = "rot13"

// rotate undoes rot13, which is its own inverse.
func rotate(text string) string { return shift(text, 13) }

// shift moves every letter by n places of the alphabet.
func shift(text string, n int) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		c := text[i]
		if letter(c) {
			first := c&0x20 | 'A'
			c = first + byte((int(c-first)+n)%26) //nolint:gosec // below 26
		}
		b.WriteByte(c)
	}
	return b.String()
}

//nolint:gochecknoglobals // a table; read-only
var rotatedByte = func() (t [256]byte) {
	for i := range t {
		t[i] = rotate(string([]byte{byte(i)}))[0]
	}
	return t
}()

// rotated looks at the parts of lines in which a literal or a word of the tables
// stands in rot13. What is encoded within them, the decoders see.
func (s *search) rotated(text, how string, at mapping) {
	s.how = rotation
	if how != "" {
		s.how = how + ", " + rotation
	}
	for i := 0; i+3 <= len(text); i++ {
		k := key(rotatedByte[text[i]], rotatedByte[text[i+1]], rotatedByte[text[i+2]])
		if h := hash(k); s.bloom[h>>6]&(1<<(h&63)) == 0 || !s.stands(text, i, k) {
			continue
		}
		start, end := around(text, i, i+3)
		for end < len(text) && end-i < maxToken && isToken[text[end-1]] && isToken[text[end]] {
			end++
		}
		if s.left -= end - start; s.left < 0 {
			return
		}
		s.at = at.through(rising(start, end))
		s.plain(rotate(text[start:end]))
		i = end - 1
	}
}

// Bounds of what is read as rot13: letters that mean nothing come about by chance.
const (
	minRotatedWord  = 6  // letters of a word that names a credential
	minRotatedToken = 12 // bytes of a token behind its literal
)

// stands tells whether a literal whose first bytes are k stands at i in rot13.
func (s *search) stands(text string, i int, k uint32) bool {
	entries := s.entries[k]
	for j := range entries {
		e := &entries[j]
		end := i + len(e.literal)
		if end > len(text) || !letter(e.literal[0]) && !letter(e.literal[1]) || e.format < 0 && (len(e.literal) < minRotatedWord || !bounded(text, i, end)) || !e.at(rotate(text[i:end]), 0) {
			continue
		}
		run := end
		for run < len(text) && run-end < minRotatedToken && isToken[text[run]] {
			run++
		}
		if e.format < 0 || run-end == minRotatedToken {
			return true
		}
	}
	return false
}

// rising are the offsets of a part of a text.
func rising(start, end int) []int32 {
	offsets := make([]int32, 0, end-start+1)
	for i := start; i <= end; i++ {
		offsets = append(offsets, int32(i)) //nolint:gosec // a message is far below 2 GB
	}
	return offsets
}
