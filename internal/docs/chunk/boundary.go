package chunk

import (
	"strings"
	"unicode/utf8"
)

// cutAt is where the stretch of text from start to end is cut so that no more than most
// bytes come before: behind a paragraph, a line, a sentence, a word, or at least a rune,
// the first of them that is in the second half.
func cutAt(text string, start, end, most int) int {
	if end-start <= most {
		return end
	}
	half := start + most/2
	window := text[half : start+most]
	for _, mark := range [...]string{"\n\n", "\n"} {
		if i := strings.LastIndex(window, mark); i >= 0 {
			return half + i + len(mark)
		}
	}
	at := -1
	for _, mark := range [...]string{". ", "! ", "? ", "; ", "。", "！", "？"} {
		if i := strings.LastIndex(window, mark); i >= 0 {
			at = max(at, half+i+len(mark))
		}
	}
	if at >= 0 {
		return at
	}
	if i := strings.LastIndexAny(window, " \t"); i >= 0 {
		return half + i + 1
	}
	at = start + most
	for at > start+1 && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

// shorten shortens one line to so many bytes, at a rune.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// lineStart is where the line begins that a byte is in.
func lineStart(text string, at int) int {
	return strings.LastIndexByte(text[:min(at, len(text))], '\n') + 1
}
