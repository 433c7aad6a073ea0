package secrets

import (
	"slices"
	"strings"

	"doorward/internal/gate"
)

// minBase85 is the length of the shortest run that is read as base85, in
// characters: a canary of twelve bytes has fifteen.
const minBase85 = 15

// alphabets of base85: Ascii85 (PostScript Language Reference, 3.13.3), that of
// RFC 1924 and of Git, and that of ZeroMQ (RFC 32/Z85).
//
//nolint:gochecknoglobals // a table; read-only
var alphabets85 = [...][256]byte{
	positions("!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu"),
	positions("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"),
	positions("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"),
}

// dense85 decodes what is base85: a run without blanks, and what stands between
// <~ and ~>, where blanks are nothing.
func (s *search) dense85(text string, inner func(text, name string, m mapping), at mapping) {
	for i := 0; i < len(text); {
		start := strings.Index(text[i:], "<~")
		if start < 0 {
			break
		}
		start += i + 2
		end := strings.Index(text[start:], "~>")
		if end < 0 {
			break
		}
		i = start + end + 2
		body := strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, text[start:start+end])
		for _, plain := range texts(base85(body, &alphabets85[0])) {
			inner(plain, "base85", at.within(gate.Span{Start: start, End: start + end}))
		}
	}
	for i := 0; i < len(text); {
		from, signs := i, 0
		for i < len(text) && text[i] > ' ' && text[i] < 0x7f {
			if !isToken[text[i]] {
				signs++
			}
			i++
		}
		if i-from >= minBase85 && signs > 0 && s.left > 0 {
			s.run85(text, gate.Span{Start: from, End: i}, inner, at)
		}
		i = max(i, from+1)
	}
}

// run85 decodes what is base85 in a run without blanks.
func (s *search) run85(text string, span gate.Span, inner func(text, name string, m mapping), at mapping) {
	for a := range alphabets85 {
		alphabet := &alphabets85[a]
		for i := span.Start; i < span.End; {
			from := i
			for i < span.End && (alphabet[text[i]] != outside || a == 0 && text[i] == 'z') {
				i++
			}
			if i-from >= minBase85 {
				for shift := range 5 {
					part := text[from+shift : i]
					if !promising85(part, alphabet) {
						continue
					}
					m, raw := at.within(gate.Span{Start: from, End: i}), base85(part, alphabet)
					all := texts(readablePart(raw))
					if aligned := texts(readablePart(withoutMixed(raw))); len(all) > 0 && len(aligned) > 0 && aligned[0] != all[0] {
						all = append(all, aligned...)
					}
					for _, plain := range all {
						inner(plain, "base85", m)
					}
				}
			}
			i = max(i, from+1)
		}
	}
}

// samples is how many places of a run are probed.
const samples = 8

// promising85 tells whether some part of a run decodes to what can be read.
func promising85(part string, alphabet *[256]byte) bool {
	const width = 15
	step := max(width, (len(part)/samples+4)/5*5)
	for from := 0; from+width <= len(part); from += step {
		if read85(part[from:from+width], alphabet) {
			return true
		}
	}
	return false
}

// read85 tells whether all groups of a part are bytes that can be read.
func read85(part string, alphabet *[256]byte) bool {
	for ; len(part) >= 5; part = part[5:] {
		n := uint64(0)
		for i := range 5 {
			n = n*85 + uint64(alphabet[part[i]])
		}
		if n > 1<<32-1 {
			return false
		}
		for shift := 0; shift < 32; shift += 8 {
			if !legible[byte(n>>shift)] { //nolint:gosec // the byte at hand
				return false
			}
		}
	}
	return true
}

// base85 are the bytes of a run. A group that stands for none is four zeros.
func base85(run string, alphabet *[256]byte) []byte {
	out := make([]byte, 0, len(run)*4/5+4)
	for len(run) > 0 {
		if run[0] == 'z' && alphabet['z'] == outside {
			out = append(out, 0, 0, 0, 0)
			run = run[1:]
			continue
		}
		size := min(len(run), 5)
		n, bad := uint64(0), size < 2
		for i := range 5 {
			p := uint64(84) // what a short group is filled up with
			if i < size {
				p = uint64(alphabet[run[i]])
				bad = bad || p == outside
			}
			n = n*85 + p
		}
		run = run[size:]
		if bad || n > 1<<32-1 {
			out = append(out, 0, 0, 0, 0)
			continue
		}
		for i := range size - 1 {
			out = append(out, byte(n>>(24-8*i))) //nolint:gosec // the byte at hand
		}
	}
	return out
}

// withoutMixed clears the groups of four bytes that cannot be read whole: what was
// beside the encoded text.
func withoutMixed(raw []byte) []byte {
	out := slices.Clone(raw)
	for group := range slices.Chunk(out, 4) {
		if slices.ContainsFunc(group, func(c byte) bool { return !legible[c] }) {
			clear(group)
		}
	}
	return out
}

// readablePart is the longest part of decoded bytes that can be read.
func readablePart(raw []byte) []byte {
	best := raw[:0]
	for i := 0; i < len(raw); {
		from := i
		for i < len(raw) && legible[raw[i]] {
			i++
		}
		if i-from > len(best) {
			best = raw[from:i]
		}
		i = max(i, from+1)
	}
	return best
}
