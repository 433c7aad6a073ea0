package secrets

import (
	"slices"
	"sync"
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
	{tagCharacters, onlyTags},
	{tagCharacters, withTags},
	{"unseen characters", withoutUnseen},
	{"percent encoding", withoutPercent},
	{"escapes", withoutEscapes},
	{codePoints, withoutCodes},
	{"separators", withoutSeparators},
	{concatenation, withoutQuotes},
}

// rewritten is a text under way, with where its bytes came from.
type rewritten struct {
	b       []byte
	offsets []int32
	changes int
}

// drafts are rewritten that nobody uses: most texts come out of most of them unchanged, and
// the room for them is several times the text.
var drafts = sync.Pool{New: func() any { return new(rewritten) }} //nolint:gochecknoglobals // a pool must be shared

// maxDraft is the largest text, in bytes, whose room is kept.
const maxDraft = 64 << 10

// newRewritten is room for a text of so many bytes, until its result.
func newRewritten(n int) *rewritten {
	r := drafts.Get().(*rewritten) //nolint:forcetypeassert // nothing else is in it
	r.b, r.offsets, r.changes = slices.Grow(r.b[:0], n), slices.Grow(r.offsets[:0], n+1), 0
	return r
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

// result is the text and where its bytes came from, the end of it among them; empty where
// nothing changed. The room is given back.
func (r *rewritten) result(end int) (string, []int32) {
	if cap(r.b) <= maxDraft {
		defer drafts.Put(r)
	}
	if r.changes == 0 || len(r.b) == 0 {
		return "", nil
	}
	offsets := make([]int32, len(r.offsets)+1)
	offsets[copy(offsets, r.offsets)] = int32(end) //nolint:gosec // as above
	return string(r.b), offsets
}

// withoutUnseen leaves out controls, zero-width, bidirectional and other format
// characters, selectors and marks, and writes wide letters as narrow ones.
func withoutUnseen(text string) (string, []int32) {
	first := 0
	for first < len(text) && text[first] < utf8.RuneSelf && !isControl[text[first]] {
		first++
	}
	if first == len(text) {
		return "", nil
	}
	r := newRewritten(len(text))
	for i, c := range text {
		switch {
		case c < utf8.RuneSelf && isControl[c], c >= 0x80 && c < 0xa0:
			r.changes++
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
var separates = set(" \n\t-.,:;/|*+~#=!?'\"<>()[]{}&$@^`\\%")

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
// "ghp_" + "16C7", 'a' . 'b'; in a string of JSON, too, where backslashes stand before
// the quotes.
func withoutQuotes(text string) (string, []int32) {
	var r *rewritten
	done := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '"' && text[i] != '\'' {
			continue
		}
		start, end := joint(text, i)
		if end == 0 {
			continue
		}
		if r == nil {
			r = newRewritten(len(text))
		}
		for ; done < start; done++ {
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

// concatenation is the name of a string that a program puts together, and of a list of strings.
const concatenation = "concatenation"

// maxJoint is how many characters stand between two parts of a string at most. Of one in a
// string of JSON an escape is one, and so are the backslashes before the quote.
const maxJoint = 10

// joint is what stands between two parts of a string, their quotes and the backslashes before
// those included, if the quote at i ends the first; an end of 0 if it does not.
func joint(text string, i int) (start, end int) {
	start = i
	for start > 0 && i-start < maxBackslashes && text[start-1] == '\\' {
		start--
	}
	signs := 0
	for j, n := i+1, 0; j < len(text) && n <= maxJoint; n++ {
		escaped := j
		for j < len(text) && j-escaped < maxBackslashes && text[j] == '\\' {
			j++
		}
		if j == len(text) {
			break
		}
		switch c := text[j]; {
		case c == text[i]:
			if signs != 1 {
				return 0, 0
			}
			if j-escaped != i-start { // they are no escapes of one string
				start = i
			}
			return start, j + 1
		case c == '+' || c == '.' || c == '&' || c == ',':
			signs++
		case !isBlank[c] && (j == escaped || !isBlankEscape(c)):
			return 0, 0
		}
		j++
	}
	return 0, 0
}

// isBlankEscape tells of the letter of an escape whether that is a blank or the end of a line.
func isBlankEscape(c byte) bool { return c == 'n' || c == 'r' || c == 't' }
