package injection

// The bounds of a segment, in bytes. No rule looks further than a segment.
const (
	maxSegment = 2048
	overlap    = 512 // of two segments where no sentence ended for maxSegment
)

// cut finds the end of the segment at the start of text: a sentence, a field of
// JSON, a paragraph. next is where the next segment begins, before end where the cut
// is forced.
func cut(text string) (end, next int) {
	for i := range len(text) {
		if i >= maxSegment {
			return forced(text)
		}
		if !ender[text[i]] {
			continue
		}
		if n := ends(text, i); n > 0 {
			return i + n, i + n
		}
	}
	return len(text), len(text)
}

//nolint:gochecknoglobals // a table; read-only
var ender = [256]bool{'.': true, '!': true, '?': true, '\n': true, '"': true, '\'': true, '\\': true, 0xe3: true, 0xef: true}

// ends is how many bytes from i on end a segment; 0 when it goes on.
func ends(text string, i int) int {
	at := func(n int) byte {
		if i+n < len(text) {
			return text[i+n]
		}
		return ' '
	}
	switch text[i] {
	case '!', '?':
		if blank(at(1)) || at(1) == '"' || at(1) == '\'' || at(1) == '<' || at(1) == '\\' {
			return 1
		}
	case '.':
		if i > 2 && fullStop(text[i-1], text[i-2], at(1), at(2)) {
			return 1
		}
	case '\n':
		if at(1) == '\n' || at(1) == '\r' {
			return 1
		}
	case '\\':
		if at(1) == 'n' && at(2) == '\\' && at(3) == 'n' {
			return 4
		}
	case '"', '\'':
		return member(at(1), at(2), at(3))
	case 0xe3: // the ideographic full stop, U+3002
		if at(1) == 0x80 && at(2) == 0x82 {
			return 3
		}
	case 0xef: // the wide ! and ?, U+FF01 and U+FF1F
		if at(1) == 0xbc && (at(2) == 0x81 || at(2) == 0x9f) {
			return 3
		}
	}
	return 0
}

// fullStop tells whether the full stop between two bytes before and two after
// ends a sentence: no abbreviation ("Mr. Smith", "e.g. this"), no number, no name.
func fullStop(before, further, after, then byte) bool {
	switch {
	case !blank(after) && after != '"' && after != '\'' && after != '<' && after != '\\':
		return false
	case then >= 'a' && then <= 'z':
		return after == '"' || after == '\'' || after == '<' || after == '\\'
	}
	return before != 'r' || further != 'D' && further != 'M'
}

// member is how long a closing quote is that ends a member of JSON, or of what
// Python prints, with the mark after it; 0 when it ends none.
func member(mark, then, next byte) int {
	switch mark {
	case ':':
		return 2
	case ',':
		if then == ' ' || then == '\n' {
			then = next
		}
		if then == '"' || then == '\'' || then == '{' || then == '[' || then == ' ' {
			return 2
		}
	case '}', ']':
		return 2
	}
	return 0
}

func blank(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// forced is a cut of a segment that does not end: at the last blank, or through a
// word that is as long as that.
func forced(text string) (end, next int) {
	end = maxSegment
	for i := maxSegment - 1; i > maxSegment-overlap; i-- {
		if blank(text[i]) {
			end = i
			break
		}
	}
	for end < len(text) && text[end]&0xc0 == 0x80 { // no rune is cut
		end--
	}
	next = end - overlap
	for next > 0 && text[next]&0xc0 == 0x80 {
		next--
	}
	return end, next
}
