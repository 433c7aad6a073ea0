package reveal

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Shortest encodings that are decoded, in letters: less says nothing.
const (
	minBase64 = 16
	minHex    = 16
	minBits   = 32
)

// class is what encodings a byte belongs to.
type class uint8

const (
	ofBase64 class = 1 << iota // and its form for addresses
	ofHex
	ofBits
	ofBase32
)

//nolint:gochecknoglobals // a table; read-only
var classes = func() (t [256]class) {
	for c := range t {
		b := byte(c)
		switch {
		case b == '0' || b == '1':
			t[c] = ofBase64 | ofHex | ofBits
		case b >= '2' && b <= '7':
			t[c] = ofBase64 | ofHex | ofBase32
		case b >= '8' && b <= '9':
			t[c] = ofBase64 | ofHex
		case b >= 'A' && b <= 'F':
			t[c] = ofBase64 | ofHex | ofBase32
		case b >= 'a' && b <= 'f':
			t[c] = ofBase64 | ofHex
		case b >= 'G' && b <= 'Z':
			t[c] = ofBase64 | ofBase32
		case b >= 'g' && b <= 'z', b == '+', b == '/', b == '-', b == '_':
			t[c] = ofBase64
		}
	}
	return t
}()

// tokens finds runs of letters that decode to text.
func tokens(text string) []reading {
	var found kept
	lines := 2 * len(text) // bytes that are joined of blocks in which no text is found
	for i := 0; i < len(text); {
		if classes[text[i]] == 0 {
			i++
			continue
		}
		start, all, mixed := i, ^class(0), class(0)
		for i < len(text) && classes[text[i]] != 0 {
			all &= classes[text[i]]
			mixed |= 1 << min(shape(text[i]), 7)
			i++
		}
		if i-start >= minBase64 {
			if r, ok := token(text, gate.Span{Start: start, End: i}, all, mixed, &lines); ok {
				found.add(r)
				i = max(i, r.span.End)
			}
		}
	}
	return append(found.readings(), spaced(text)...)
}

// shape sorts the letters of a token: small, capital, digit, other.
func shape(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return 0
	case c >= 'A' && c <= 'Z':
		return 1
	case c >= '0' && c <= '9':
		return 2
	}
	return 3
}

// token decodes what is at span, and the lines after it if it is wrapped.
func token(text string, span gate.Span, all, mixed class, lines *int) (reading, bool) {
	s := text[span.Start:span.End]
	if all&ofBits != 0 && len(s) >= minBits {
		if plain := ofDigits(s, 8); plain != "" {
			return encoded("binary", span, plain), true
		}
	}
	if all&ofHex != 0 && len(s)%2 == 0 {
		if b, err := hex.DecodeString(s); err == nil && readable(string(b)) {
			return encoded("hex", span, string(b)), true
		}
	}
	if all&ofBase32 != 0 && len(s) >= minBase64 {
		if b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s[:len(s)-unpadded(len(s))]); err == nil && legible(string(b)) {
			return encoded("base32", span, string(b)), true
		}
	}
	if mixed&3 != 3 { // base64 of text has both small letters and capitals
		return reading{}, false
	}
	for span.End < len(text) && text[span.End] == '=' {
		span.End++
	}
	if r, ok := block(text, span, lines); ok {
		return r, true
	}
	for _, skip := range prefixes(s) {
		if plain := fromBase64(s[skip:]); plain != "" {
			return encoded("base64", gate.Span{Start: span.Start + skip, End: span.End}, plain), true
		}
	}
	return reading{}, false
}

// prefixes are where base64 may begin in a token: at once, or after a word that a
// stroke or a dash sets apart.
func prefixes(s string) []int {
	at := []int{0}
	for i := 0; i < len(s)-minBase64 && len(at) < 4; i++ {
		if c := s[i]; c == '/' || c == '-' || c == '_' {
			at = append(at, i+1)
		}
	}
	return at
}

// unpadded is how many letters of base32 without padding are left over.
func unpadded(n int) int {
	switch n % 8 {
	case 1, 3, 6:
		return 1
	}
	return 0
}

// minWrapped is the shortest line of a block of base64.
const minWrapped = 40

// block decodes base64 that goes on in the lines after span: all of the same length
// but the last. lines is how many bytes may still be joined for nothing; what is left
// when that is spent is decoded line by line.
func block(text string, span gate.Span, lines *int) (reading, bool) {
	width := span.End - span.Start
	if width < minWrapped || *lines < width || !begins(text[span.Start:span.End]) {
		return reading{}, false
	}
	end := unwrap(text, span)
	if end == span.End {
		return reading{}, false
	}
	if plain := fromBase64(strings.NewReplacer("\r", "", "\n", "").Replace(text[span.Start:end])); plain != "" {
		return encoded("base64", gate.Span{Start: span.Start, End: end}, plain), true
	}
	*lines -= end - span.Start
	return reading{}, false
}

// unwrap is where the block of base64 ends whose first line is at span.
func unwrap(text string, span gate.Span) int {
	width := span.End - span.Start
	for at := span.End; ; {
		next := at
		if next < len(text) && text[next] == '\r' {
			next++
		}
		if next >= len(text) || text[next] != '\n' {
			return at
		}
		next++
		stop := next
		for stop < len(text) && stop-next <= width && (classes[text[stop]]&ofBase64 != 0 || text[stop] == '=') {
			stop++
		}
		if stop-next == 0 || stop-next > width {
			return at
		}
		at = stop
		if stop-next < width {
			return at
		}
	}
}

// begins tells whether base64 may begin a text: random bytes are hardly ever one, and
// the first 48 tell.
func begins(s string) bool {
	b, err := alphabet64(s).DecodeString(s[:min(len(s), 64)&^3])
	return err == nil && texty(b)
}

// alphabet64 is the form of base64 that s is in.
func alphabet64(s string) *base64.Encoding {
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}

// fromBase64 decodes either form of base64, with padding or without; empty if
// that is not text.
func fromBase64(s string) string {
	s = strings.TrimRight(s, "=")
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	if len(s) < minBase64-2 {
		return ""
	}
	if len(s) > 64 && !begins(s) {
		return ""
	}
	b, err := alphabet64(s).DecodeString(s)
	if err != nil {
		return ""
	}
	if plain := string(b); readable(plain) {
		return plain
	}
	return wide(b)
}

// texty tells whether bytes may begin a text.
func texty(b []byte) bool {
	odd := 0
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			odd++
		}
	}
	return odd == 0 || odd*2 <= len(b)+2 && wide(b) != ""
}

// wide reads UTF-16 in little endian, as PowerShell does; empty if it is none.
func wide(b []byte) string {
	if len(b) < 2*minBase64/2 {
		return ""
	}
	out := make([]byte, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		if b[i+1] != 0 {
			return ""
		}
		out = utf8.AppendRune(out, rune(b[i]))
	}
	if s := string(out); legible(s) {
		return s
	}
	return ""
}

// ofDigits reads a row of binary digits as bytes of width digits.
func ofDigits(s string, width int) string {
	rs := make([]byte, 0, len(s)/width)
	for i := 0; i+width <= len(s); i += width {
		v := byte(0)
		for _, c := range []byte(s[i : i+width]) {
			v = v<<1 | c&1
		}
		rs = append(rs, v)
	}
	if plain := string(rs); legible(plain) {
		return plain
	}
	return ""
}

// encoded is what an encoding says: a sample, unless it orders something.
func encoded(method string, span gate.Span, plain string) reading {
	r := reading{method: method, span: span, text: plain, encoded: true}
	switch judge(plain) {
	case aimed, orders:
		r.severity, r.why = gate.High, "An encoding hides an instruction or a command from people."
	case language:
		r.severity, r.why = gate.Low, "An encoding hides a text from people."
	case noise:
	}
	return r
}
