package secrets

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// view is a way to write a text in other characters, which is undone byte by
// byte. change gives the text and where each byte of it, and its end, was; or
// nothing if the text is not written so.
type view struct {
	name   string
	change func(text string) (string, []int32)
}

//nolint:gochecknoglobals // a table; read-only
var views = []view{
	{"unseen characters", withoutUnseen},
	{"percent encoding", withoutPercent},
	{"escapes", withoutEscapes},
	{"separators", withoutSeparators},
	{"concatenation", withoutQuotes},
}

// rewritten is a text under way, with where its bytes came from.
type rewritten struct {
	b       []byte
	offsets []int32
	changes int
}

func newRewritten(n int) *rewritten {
	return &rewritten{b: make([]byte, 0, n), offsets: make([]int32, 0, n+1)}
}

func (r *rewritten) put(c byte, at int) {
	r.b = append(r.b, c)
	r.offsets = append(r.offsets, int32(at)) //nolint:gosec // a message is far below 2 GB
}

func (r *rewritten) rune(c rune, at int) {
	var b [utf8.UTFMax]byte
	for _, c := range b[:utf8.EncodeRune(b[:], c)] {
		r.put(c, at)
	}
	r.changes++
}

func (r *rewritten) result(end int) (string, []int32) {
	if r.changes == 0 || len(r.b) == 0 {
		return "", nil
	}
	return string(r.b), append(r.offsets, int32(end)) //nolint:gosec // as above
}

// withoutUnseen leaves out zero-width, bidirectional and other format
// characters, selectors and marks, and writes wide letters as narrow ones.
func withoutUnseen(text string) (string, []int32) {
	first := 0
	for first < len(text) && text[first] < utf8.RuneSelf {
		first++
	}
	if first == len(text) {
		return "", nil
	}
	r := newRewritten(len(text))
	for i, c := range text {
		switch {
		case c < utf8.RuneSelf:
			r.put(text[i], i)
		case unicode.In(c, unicode.Cf, unicode.Mn, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			r.changes++
		case c > 0xff00 && c < 0xff5f:
			r.put(byte(c-0xff01+'!'), i)
			r.changes++
		default:
			size := utf8.RuneLen(c)
			if size < 0 || c == utf8.RuneError {
				size = 1
			}
			for j := range size {
				r.put(text[i+j], i+j)
			}
		}
	}
	return r.result(len(text))
}

// withoutPercent undoes percent encoding (RFC 3986 section 2.1), and quoted-printable.
func withoutPercent(text string) (string, []int32) {
	if strings.IndexByte(text, '%') < 0 && !strings.Contains(text, "=3D") {
		return "", nil
	}
	r := newRewritten(len(text))
	form := false // the word at hand has escapes: a plus in it is a blank (WHATWG URL, 5.1)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if i == 0 || isBlank[text[i-1]] {
			form = encodedWord(text[i:])
		}
		if c == '+' && form {
			r.put(' ', i)
			continue
		}
		if c == '%' || c == '=' && strings.HasPrefix(text[i:], "=3D") {
			if n, ok := number(text[i+1:], 2, 2); ok {
				r.put(byte(n&0xff), i)
				r.changes++
				i += 2
				continue
			}
		}
		r.put(c, i)
	}
	return r.result(len(text))
}

// encodedWord tells whether an escape is in the first word of a text.
func encodedWord(text string) bool {
	for i := 0; i < len(text) && !isBlank[text[i]]; i++ {
		if text[i] == '%' {
			if _, ok := number(text[i+1:], 2, 2); ok {
				return true
			}
		}
	}
	return false
}

// number reads a hexadecimal number of at least low and at most high digits.
func number(text string, low, high int) (n rune, ok bool) {
	i := 0
	for ; i < high && i < len(text) && hexadecimal(text[i:i+1]); i++ {
		c := text[i] | 0x20
		if digit(text[i]) {
			n = n<<4 | rune(text[i]-'0')
		} else {
			n = n<<4 | rune(c-'a'+10)
		}
	}
	return n, i >= low
}

// withoutEscapes undoes \x41, \u0041, \n and the character references &#65; and
// &#x41;.
func withoutEscapes(text string) (string, []int32) {
	if !strings.Contains(text, `\x`) && !strings.Contains(text, `\u`) && !strings.Contains(text, `&#`) {
		return "", nil
	}
	r := newRewritten(len(text))
	for i := 0; i < len(text); {
		if c, n := escaped(text[i:]); n > 0 {
			r.rune(c, i)
			i += n
			continue
		}
		r.put(text[i], i)
		i++
	}
	return r.result(len(text))
}

// escaped is the character that an escape at the beginning of a text stands for,
// and the length of the escape; 0 for none.
func escaped(text string) (rune, int) {
	switch {
	case strings.HasPrefix(text, `\x`):
		if n, ok := number(text[2:], 2, 2); ok {
			return n, 4
		}
	case strings.HasPrefix(text, `\u`):
		if n, ok := number(text[2:], 4, 4); ok {
			return n, 6
		}
	case strings.HasPrefix(text, "&#"):
		end := strings.IndexByte(text[:min(len(text), 12)], ';')
		if end < 3 {
			return 0, 0
		}
		n, digits := rune(0), text[2:end]
		if digits[0]|0x20 == 'x' {
			var ok bool
			if n, ok = number(digits[1:], len(digits)-1, 6); !ok || len(digits) < 2 {
				return 0, 0
			}
			return n, end + 1
		}
		for i := range len(digits) {
			if !digit(digits[i]) {
				return 0, 0
			}
			n = n*10 + rune(digits[i]-'0')
		}
		return n, end + 1
	}
	return 0, 0
}

// withoutSeparators joins characters, or groups of the same length, that one
// separator stands between, six groups or more: "g-h-p-_", "ghp_ 16C7 e42F".
func withoutSeparators(text string) (string, []int32) {
	var r *rewritten
	done := 0
	for i := 1; i+minRun < len(text); i++ {
		if !separates[text[i]] {
			continue
		}
		from, end, size := groups(text, i)
		if end == 0 {
			continue
		}
		if r == nil {
			r = newRewritten(len(text))
		}
		from = max(from, done)
		for ; done < from; done++ {
			r.put(text[done], done)
		}
		for j := from; j < end; j++ {
			if (j-from)%(size+1) != size {
				r.put(text[j], j)
			}
		}
		r.changes++
		done, i = end, end
	}
	if r == nil {
		return "", nil
	}
	for ; done < len(text); done++ {
		r.put(text[done], done)
	}
	return r.result(len(text))
}

//nolint:gochecknoglobals // a table; read-only
var separates = set(" -.,:;/|*+~#=!?'\"<>()[]{}&$@^`\\%")

// maxGroup bounds the length of a group between separators, in characters.
const maxGroup = 8

// groups are the groups of one length that the separator at i ends the first of.
// The last may be shorter. end is 0 if there are none.
func groups(text string, i int) (from, end, size int) {
	sep := text[i]
	if end = singles(text, i); end > 0 {
		return i - 1, end, 1
	}
	for size < maxGroup && i-size-1 >= 0 && text[i-size-1] != sep && isToken[text[i-size-1]] {
		size++
	}
	if size == 0 || i-size-1 >= 0 && isToken[text[i-size-1]] && text[i-size-1] != sep {
		return 0, 0, 0
	}
	from, end = i-size, i
	count := 1
	for end < len(text) && text[end] == sep {
		n := 0
		for n < size && end+1+n < len(text) && text[end+1+n] != sep && isToken[text[end+1+n]] {
			n++
		}
		if next := end + 1 + n; n == 0 || n == size && next < len(text) && text[next] != sep && isToken[text[next]] {
			break
		}
		count++
		end += 1 + n
		if n < size {
			break
		}
	}
	if count < 4 || (count-1)*size < minRun-size {
		return 0, 0, 0
	}
	return from, end, size
}

// singles is where characters that stand alone between separators end, the first
// of them before i: sixteen or more, most of them letters and digits. 0 for none.
func singles(text string, i int) int {
	sep, end, plain := text[i], i, 0
	if i > 1 && text[i-2] != sep && isToken[text[i-2]] {
		return 0
	}
	for end+1 < len(text) && text[end] == sep && text[end+1] >= ' ' && (sep != ' ' || text[end+1] != ' ') {
		if isAlnum[text[end+1]] {
			plain++
		}
		if end += 2; end-i == 2*minRun && plain*2 < minRun {
			return 0 // signs alone, however many
		}
	}
	if end < len(text) && end > i && text[end] != sep && isAlnum[text[end]] && isAlnum[text[end-1]] {
		end -= 2
	}
	if n := (end - i) / 2; n < minRun || plain*2 < n {
		return 0
	}
	return end
}

// withoutQuotes joins the parts of a string that a program puts together:
// "ghp_" + "16C7", 'a' . 'b', "a" "b".
func withoutQuotes(text string) (string, []int32) {
	var r *rewritten
	done := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '"' && text[i] != '\'' {
			continue
		}
		end := joint(text, i)
		if end == 0 {
			continue
		}
		if r == nil {
			r = newRewritten(len(text))
		}
		for ; done < i; done++ {
			r.put(text[done], done)
		}
		r.changes++
		done, i = end, end-1
	}
	if r == nil {
		return "", nil
	}
	for ; done < len(text); done++ {
		r.put(text[done], done)
	}
	return r.result(len(text))
}

// joint is where the next part of a string begins if the quote at i ends one;
// 0 if it does not.
func joint(text string, i int) int {
	quote, signs := text[i], 0
	for j := i + 1; j < len(text) && j < i+12; j++ {
		switch c := text[j]; {
		case c == quote:
			if signs == 1 {
				return j + 1
			}
			return 0
		case c == '+' || c == '.' || c == '&' || c == ',':
			signs++
		case !isBlank[c] && c != '\\':
			return 0
		}
	}
	return 0
}
