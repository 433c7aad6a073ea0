package reveal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// opens is what a control character opens, as the byte behind ESC that means the
// same (ECMA-48, 5.3: C1), and its length: seven bits, eight bits as a character,
// or a byte that is no UTF-8. kind is zero for an ESC that opens nothing, size for
// what is no such control.
func opens(s string) (kind byte, size int) {
	switch {
	case s == "":
	case s[0] == 0x1b && len(s) > 1 && s[1] > ' ' && s[1] < 0x7f:
		return s[1], 2
	case s[0] == 0x1b:
		return 0, 1
	case s[0] == 0xc2 && len(s) > 1 && s[1] >= 0x80 && s[1] < 0xa0:
		return s[1] - 0x40, 2
	case s[0] >= 0x80 && s[0] < 0xa0:
		return s[0] - 0x40, 1
	}
	return 0, 0
}

// sequence is the length of the control sequence that s begins with (ECMA-48,
// 8.3.16: CSI), of the bytes that open or end a control string, or zero. What
// a control string holds stays: terminals swallow it, models read it.
func sequence(s string) int {
	kind, start := opens(s)
	if start == 0 || strings.IndexByte("]PX^_\\[", kind) < 0 {
		return 0
	}
	i := start
	if kind != '[' {
		return start
	}
	for i < len(s) && i-start < 64 && s[i] >= 0x20 && s[i] < 0x40 {
		i++
	}
	if i < len(s) && s[i] >= 0x40 && s[i] < 0x7f {
		return i + 1
	}
	return start
}

// maxString bounds how long a control string is that terminals swallow, in bytes.
const maxString = 4 << 10

// terminal finds what a text does to the terminal that shows it.
func terminal(text string) []reading {
	var found kept
	colours := reading{method: "ansi", severity: gate.Low, why: "Control sequences colour this in a terminal."}
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf && text[i] != 0x1b {
			i++
			continue
		}
		kind, size := opens(text[i:])
		if size == 0 {
			_, size = utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		size = max(size, sequence(text[i:]))
		switch r, what := sequenced(text, i, size, kind); what {
		case nothing:
			if !colours.span.Present() {
				colours.span = gate.Span{Start: i, End: i + size}
			}
			colours.span.End = i + size
		case hiding:
			found.add(r)
		case idle:
		}
		i += size
	}
	rs := append(overwritten(text), found.readings()...)
	if colours.span.Present() {
		rs = append(rs, colours)
	}
	return rs
}

type effect uint8

const (
	nothing effect = iota // but colours
	hiding
	idle // a character that only happens to be a control
)

// sequenced judges the sequence of size bytes at i, which kind opens, and what it
// takes from sight.
func sequenced(text string, i, size int, kind byte) (reading, effect) {
	r := reading{method: "ansi", span: gate.Span{Start: i, End: i + size}, severity: gate.High}
	_, intro := opens(text[i:])
	switch {
	case strings.IndexByte("]PX^_", kind) >= 0 && kind != 0:
		return controlString(text, i, intro, r)
	case kind != '[':
		return escaped(text, i, kind, r)
	case size == intro:
		r.severity, r.why = gate.Medium, "A control sequence is cut short."
		return r, hiding
	}
	final := text[i+size-1]
	params := text[i+intro : i+size-1]
	switch {
	case final == 'm':
		if !conceals(params) {
			return r, nothing
		}
		end := len(text)
		if n := strings.IndexAny(text[i+size:], "\x1b\u009b"); n >= 0 {
			end = i + size + n
		}
		r.span.End = end
		r.text = strings.TrimSpace(cut(text[i+size : end]))
		r.why = "A control sequence makes what follows invisible in a terminal."
		return r, hiding
	case strings.IndexByte("ABCDEFGHJKLMPSTX@`abdefhlsu", final) >= 0:
		before := lastLine(text[:i])
		r.text = strings.TrimSpace(before)
		r.why = "A control sequence erases or overwrites in a terminal what models still read."
		if (final == 'h' || final == 'l' || final == 'K' || final == 'J') && judge(before) == noise {
			r.severity = gate.Medium // progress bars and cleared screens
		}
		return r, hiding
	case strings.IndexByte("cintx", final) >= 0: // DA, MC, DSR, window reports, DECREQTPARM
		r.why = "A control sequence makes the terminal answer, as if it were typed, or print."
		return r, hiding
	}
	r.severity, r.why = gate.Medium, "A control sequence commands the terminal."
	return r, hiding
}

// lastLine is the end of s that a terminal shows in its line, up to near*8 bytes.
func lastLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if n := len(s) - near*8; n > 0 {
		s = strings.ToValidUTF8(s[n:], "")
	}
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// escaped judges an escape or C1 control that opens no sequence and no string.
func escaped(text string, i int, kind byte, r reading) (reading, effect) {
	r.why = "An escape commands the terminal."
	switch {
	case kind == '\\' || kind == '(' || kind == ')':
		return r, nothing
	case strings.IndexByte("DMNOZc", kind) >= 0 && kind != 0: // IND, RI, SS2, SS3, DECID, RIS
		if text[i] != 0x1b && misread(text, i) {
			return r, idle
		}
		return r, hiding
	case text[i] != 0x1b: // without an effect, or unseen's
		return r, idle
	}
	r.severity = gate.Medium
	return r, hiding
}

// controlString judges OSC and its like, whose string terminals swallow. It is opened
// by intro bytes.
func controlString(text string, i, intro int, r reading) (reading, effect) {
	kind, _ := opens(text[i:])
	body := text[i+intro : min(len(text), i+maxString)]
	n := strings.IndexAny(body, "\a\x1b\u009c")
	if n >= 0 {
		body = body[:n]
	}
	command, rest, several := strings.Cut(body, ";")
	_, err := strconv.Atoi(command)
	if text[i] != 0x1b && (misread(text, i) || n < 0 && between(text, i, intro)) && (kind != ']' || err != nil || !several) && judge(body) < orders {
		return r, idle
	}
	osc := kind == ']'
	r.span.End = i + intro + len(body)
	r.text = strings.ToValidUTF8(body, "")
	switch {
	case osc && command == "8":
		if strings.TrimLeft(rest, ";") == "" {
			return r, nothing // the end of a link
		}
		r.severity, r.why = gate.Medium, "A terminal shows a link under another text."
		if judge(rest) >= orders && !strings.Contains(rest, "://") {
			r.severity = gate.High
		}
	case osc && (command == "0" || command == "1" || command == "2") && judge(rest) == noise:
		r.severity, r.why = gate.Medium, "An escape sets the title of the terminal."
	default:
		r.why = "A terminal swallows this control string, and models read it."
	}
	return r, hiding
}

// misread tells whether the C1 control at i is a byte of a character in UTF-8 that was
// read in another encoding: "\u00e2\u0080\u009d" is a quotation mark.
func misread(text string, i int) bool {
	var b []byte
	at := i
	for n := 0; n < utf8.UTFMax-1 && at > 0; n++ {
		r, size := utf8.DecodeLastRuneInString(text[:at])
		if r < 0x80 || r > 0xff {
			break
		}
		at -= size
	}
	place := 0
	for p := at; p < len(text) && len(b) < 2*utf8.UTFMax; {
		r, size := utf8.DecodeRuneInString(text[p:])
		if r < 0x80 || r > 0xff {
			break
		}
		if p == i {
			place = len(b)
		}
		b = append(b, byte(r))
		p += size
	}
	for from := range b {
		r, size := utf8.DecodeRune(b[from:])
		if from <= place && place < from+size && size > 1 && r >= 0xa0 {
			return true
		}
	}
	return false
}

// between tells whether the control at i stands between two letters, as one of an
// old encoding's does.
func between(text string, i, size int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i+size:])
	return unicode.IsLetter(before) && unicode.IsLetter(after)
}

// conceals tells whether rendition parameters hide what follows: concealed, or in
// the colour of the ground behind it.
func conceals(params string) bool {
	fg, bg := "", ""
	fields := strings.FieldsFunc(params, func(r rune) bool { return r == ';' || r == ':' })
	for i := 0; i < len(fields) && i < 32; i++ {
		n, err := strconv.Atoi(fields[i])
		switch {
		case err != nil:
		case n == 8:
			return true
		case n >= 30 && n <= 37:
			fg = strconv.Itoa(n - 30)
		case n >= 40 && n <= 47:
			bg = strconv.Itoa(n - 40)
		case n >= 90 && n <= 97:
			fg = strconv.Itoa(n - 90 + 8)
		case n >= 100 && n <= 107:
			bg = strconv.Itoa(n - 100 + 8)
		case n == 38 || n == 48:
			width := 2
			if i+1 < len(fields) && fields[i+1] == "2" {
				width = 4
			}
			end := min(i+1+width, len(fields))
			colour := strings.TrimPrefix(strings.Join(fields[i+1:end], ";"), "5;")
			if n == 38 {
				fg = colour
			} else {
				bg = colour
			}
			i = end - 1
		}
	}
	return fg != "" && fg == bg
}

// overwritten finds lines that a carriage return or backspaces write over.
func overwritten(text string) []reading {
	var found kept
	lone, from := 0, 0 // from: behind the last one
	for i := 0; i < len(text); i++ {
		n := strings.IndexByte(text[i:], '\r')
		if n < 0 {
			break
		}
		i += n
		end := i
		for end < len(text) && text[end] == '\r' {
			end++
		}
		if end == len(text) || text[end] == '\n' {
			i = end
			continue
		}
		lone++
		if before := lastLine(text[from:i]); strings.TrimSpace(before) != "" {
			r := reading{method: "ansi", severity: gate.Medium, text: strings.TrimSpace(before), span: gate.Span{Start: i - len(before), End: i + 1}, why: "A carriage return writes over this in a terminal."}
			if judge(before) != noise {
				r.severity = gate.High
			}
			found.add(r)
		}
		from, i = end, end-1
	}
	rs := found.readings()
	// A text whose lines all end so is from an old Macintosh, and hides nothing.
	if lone > 3 && !strings.Contains(text, "\n") {
		for i := range rs {
			rs[i].severity = gate.Medium
		}
	}
	return rs
}
