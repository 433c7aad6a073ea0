package reveal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// White space that pushes what follows out of a window: High from pushed, and
// from half of it if language follows. Tables and pages of text stay below.
const (
	pushedLines  = 40  // line breaks in a row
	pushedSpaces = 200 // columns in a row
	pushedText   = 512 // bytes of what follows that are judged; of two pushes in half of that, it is the same
	minCoded     = 24  // spaces and tabs at line ends that may be a message
)

// pushes finds text behind a long run of white space, and messages in spaces.
func pushes(text string) []reading {
	var found kept
	judged := -pushedText // where the last text begins that was judged
	for i := 0; i < len(text); {
		c := text[i]
		if c > ' ' && c < utf8.RuneSelf || c == ' ' && i+1 < len(text) && text[i+1] > ' ' && text[i+1] < utf8.RuneSelf || !blankAt(text, i) {
			i++
			continue
		}
		start, lines, columns, longest := i, 0, 0, 0
		for i < len(text) && blankAt(text, i) {
			r, size := utf8.DecodeRuneInString(text[i:])
			switch r {
			case '\n', '\v', '\f', 0x2028, 0x2029, 0x85:
				lines++
				columns = 0
			case '\t':
				columns += 8
			default:
				columns++
			}
			longest = max(longest, columns)
			i += size
		}
		if lines*2 < pushedLines && longest*2 < pushedSpaces || i == len(text) || i-judged < pushedText/2 {
			continue
		}
		judged = i
		r := reading{
			method: "whitespace", span: gate.Span{Start: start, End: i}, severity: gate.Low, text: strings.TrimSpace(strings.ToValidUTF8(text[i:min(len(text), i+pushedText)], "")),
			why: "A long run of white space pushes what follows out of sight.",
		}
		if text[i] == '|' { // a table; what its row says after this cell
			row, _, _ := strings.Cut(text[i:], "\n")
			if r.text = strings.Trim(row, "| \t\r"); judge(r.text) < orders {
				continue
			}
		}
		high := lines >= pushedLines || longest >= pushedSpaces
		switch judge(r.text) {
		case orders, aimed:
			r.severity = gate.High
		case language:
			r.severity = gate.Medium
			if high {
				r.severity = gate.High
			}
		case noise:
			if high {
				r.severity = gate.Medium
			}
		}
		found.add(r)
	}
	return append(found.readings(), trailing(text)...)
}

// blankAt tells whether text[i:] begins with white space or a filler.
func blankAt(text string, i int) bool {
	c := text[i]
	if c < utf8.RuneSelf {
		return c == ' ' || c >= '\t' && c <= '\r'
	}
	if !utf8.RuneStart(c) || c < 0xc2 || c > 0xef {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsSpace(r) || r == 0x2800 || r == 0x3164 || r == 0x200b
}

// trailing reads the spaces and tabs at line ends as binary digits (SNOW, and
// the language Whitespace).
func trailing(text string) []reading {
	if strings.IndexByte(text, '\t') < 0 {
		return nil
	}
	var symbols []rune
	first, last, at := -1, 0, 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		body := strings.TrimRight(line, "\r\n")
		bare := strings.TrimRight(body, " \t")
		for _, r := range body[len(bare):] {
			if len(symbols) < maxSymbols {
				symbols = append(symbols, r)
			}
		}
		if len(bare) < len(body) {
			if first < 0 {
				first = at + len(bare)
			}
			last = at + len(body)
		}
		at += len(line)
	}
	if len(symbols) < minCoded {
		return nil
	}
	s := spelled(symbols)
	if judge(s) == noise {
		return nil
	}
	return []reading{{method: "whitespace", span: gate.Span{Start: first, End: last}, text: s, severity: gate.High, why: "Spaces and tabs at line ends code a message."}}
}
