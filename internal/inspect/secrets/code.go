package secrets

// codePoints is the name of lists of numbers that are characters.
const codePoints = "code points"

// Bounds of a list of numbers that are characters.
const (
	minCodes   = 12 // of one list: the shortest canary
	maxDigits  = 8  // of one number
	maxBetween = 10 // bytes between two numbers
)

// radices are how the characters of a list may be written, most usual first.
//
//nolint:gochecknoglobals // a table; read-only
var radices = [...]int{10, 16, 8, 2}

// Codes is a text with its lists of numbers as the characters that they stand for;
// empty if it has none.
func Codes(text string) string {
	changed, _ := withoutCodes(text)
	return changed
}

// withoutCodes writes lists of numbers as the characters that they stand for:
// decimal, hexadecimal, octal or binary ("115 107 45", "0x73, 0x6b", "U+0073 U+006B",
// "chr(115)+chr(107)").
func withoutCodes(text string) (string, []int32) {
	var r *rewritten
	done := 0
	var ended [len(radices)]int
	for i := 0; i < len(text); {
		if !digit(text[i]) {
			i++
			continue
		}
		if i > 0 && isAlnum[text[i-1]] { // within a word
			i++
			continue
		}
		base, end := list(text, i, &ended)
		if end == 0 {
			for i < len(text) && digit(text[i]) {
				i++
			}
			continue
		}
		if r == nil {
			r = newRewritten(len(text))
		}
		for ; done < i; done++ {
			r.put(text[done], done)
		}
		l := listed{text: text, at: i, radix: base}
		for l.at < end && l.next() {
			r.put(l.code, l.from)
			r.changes++
		}
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

// list is the radix of the list at i, and where it ends; 0 if there is none. What
// begins within numbers that were too few is not read again: ended says where those
// of each radix ended.
func list(text string, i int, ended *[len(radices)]int) (radix, end int) {
	most := minCodes - 1
	for which, base := range radices {
		if i < ended[which] {
			continue
		}
		l := listed{text: text, at: i, radix: base}
		n := 0
		for n < 2*minCodes && l.next() {
			n++
		}
		if n > most {
			radix, most = base, n
		} else {
			ended[which] = l.end
		}
	}
	l := listed{text: text, at: i, radix: radix}
	for radix > 0 && l.next() {
		end = l.end
	}
	return radix, end
}

// listed is a list of numbers under way.
type listed struct {
	text   string
	at     int // where the next number, or what is before it, begins
	radix  int
	count  int
	gap    string // what stood between the last two
	code   byte   // the number at hand
	from   int    // where it begins
	end    int    // where it ends
	digits int    // of binary numbers: all have as many
}

// next reads the next number; false when the list ends.
func (l *listed) next() bool {
	i := l.at
	if l.count > 0 {
		for i < len(l.text) && i-l.at <= maxBetween && !digit(l.text[i]) {
			i++
		}
		gap := l.text[l.at:i]
		if gap == "" || len(gap) > maxBetween || i == len(l.text) || gap != l.gap && hasLetter(gap) && l.count > 1 {
			return false
		}
		l.gap = gap
	}
	l.from = i
	base := l.radix
	if base == 16 && i+1 < len(l.text) && l.text[i] == '0' && l.text[i+1]|0x20 == 'x' {
		i += 2
	}
	n, first := 0, i
	for ; i < len(l.text) && i-first <= maxDigits; i++ {
		d := numeral(l.text[i])
		if d >= base {
			break
		}
		n = n*base + d
	}
	if length := i - first; length > maxDigits || length < 2 || !l.fits(length) || i < len(l.text) && digit(l.text[i]) {
		return false
	}
	if n > '~' || n < ' ' && n != '\n' && n != '\t' && n != '\r' {
		return false
	}
	l.code, l.end, l.at = byte(n), i, i
	l.count++
	return true
}

// fits tells whether a number of the list may have so many digits.
func (l *listed) fits(length int) bool {
	switch l.radix {
	case 2:
		if l.count == 0 {
			l.digits = length
		}
		return length >= 7 && length == l.digits
	case 10, 8:
		return length <= 4
	}
	return true
}

func hasLetter(gap string) bool {
	for i := range len(gap) {
		if letter(gap[i]) {
			return true
		}
	}
	return false
}

// numeral is the value of a digit in any radix up to 16; more for what is none.
func numeral(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}
