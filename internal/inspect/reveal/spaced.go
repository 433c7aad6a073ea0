package reveal

import (
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// minNumbers is how many numbers in a row are read as characters.
const minNumbers = 10

// spaced finds rows of numbers that are characters: two hexadecimal digits each,
// eight binary ones, or decimal ones, with spaces or commas between.
func spaced(text string) []reading {
	var found kept
	for i := 0; i < len(text); {
		if classes[text[i]]&ofHex == 0 || i > 0 && classes[text[i-1]] != 0 {
			i++
			continue
		}
		n, end := 0, i
		for at := i; ; n++ {
			stop := numberEnd(text, at)
			if stop == at {
				break
			}
			end, at = stop, stop
			for at < len(text) && at-stop < 3 && (text[at] == ' ' || text[at] == ',' || text[at] == ':' || text[at] == '-' || text[at] == '\n') {
				at++
			}
			if at == stop {
				n++
				break
			}
		}
		if n >= minNumbers {
			if method, plain := numbers(text[i:end]); plain != "" {
				found.add(encoded(method, gate.Span{Start: i, End: end}, plain))
			}
		}
		i = max(end, i+1)
	}
	return found.readings()
}

// numberEnd is where the number at i ends; i if there is none of two to ten digits.
func numberEnd(text string, i int) int {
	end := i
	for end < len(text) && end-i < 11 && (classes[text[end]]&ofHex != 0 || text[end] == 'x' && end == i+1) {
		end++
	}
	if end-i < 2 || end-i > 10 || end < len(text) && (asciiLetter(text[end]) || text[end] >= '0' && text[end] <= '9') {
		return i
	}
	return end
}

func numbers(s string) (method, plain string) {
	fields := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,:-\n", r) })
	for _, form := range [...]struct {
		method string
		radix  int
		width  int
	}{{"binary", 2, 8}, {"hex", 16, 2}, {"decimal", 10, 0}, {"octal", 8, 3}} {
		b := make([]byte, 0, len(fields))
		for _, f := range fields {
			f = strings.TrimPrefix(strings.TrimPrefix(f, "0x"), "0b")
			v, err := strconv.ParseUint(f, form.radix, 8)
			if err != nil || form.width > 0 && len(f) != form.width {
				break
			}
			b = append(b, byte(v))
		}
		if len(b) == len(fields) && legible(string(b)) {
			return form.method, string(b)
		}
	}
	return "", ""
}
