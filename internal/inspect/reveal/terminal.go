package reveal

import (
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// sequence is the length of the control sequence that s begins with (ECMA-48,
// 8.3.16: CSI), of the two bytes that open or end a control string, or zero. What
// a control string holds stays: terminals swallow it, models read it.
func sequence(s string) int {
	i := 0
	switch {
	case len(s) > 1 && s[0] == 0x1b && s[1] == '[':
		i = 2
	case len(s) > 1 && s[0] == 0x1b && strings.IndexByte("]PX^_\\", s[1]) >= 0:
		return 2
	case len(s) > 1 && s[0] == 0xc2 && s[1] == 0x9b:
		i = 2
	default:
		return 0
	}
	start := i
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
		n := strings.IndexAny(text[i:], "\x1b\u009b")
		if n < 0 {
			break
		}
		i += n
		size := sequence(text[i:])
		switch r, what := sequenced(text, i, size); what {
		case nothing:
			if !colours.span.Present() {
				colours.span = gate.Span{Start: i, End: i + max(size, 1)}
			}
			colours.span.End = i + max(size, 1)
		default:
			found.add(r)
		}
		i += max(size, 1)
	}
	rs := append(overwritten(text), found.readings()...)
	if colours.span.Present() {
		rs = append(rs, colours)
	}
	return rs
}

type effect uint8

const (
	nothing effect = iota
	hiding
)

// sequenced judges the sequence of size bytes at i, and what it takes from sight.
func sequenced(text string, i, size int) (reading, effect) {
	r := reading{method: "ansi", span: gate.Span{Start: i, End: i + max(size, 1)}, severity: gate.High}
	if size < 2 || text[i] == 0x1b && text[i+1] != '[' {
		return controlString(text, i, r)
	}
	if size < 3 {
		r.severity, r.why = gate.Medium, "A control sequence is cut short."
		return r, hiding
	}
	final := text[i+size-1]
	params := text[i+2 : i+size-1]
	switch {
	case final == 'm':
		if !conceals(params) {
			return r, nothing
		}
		end := len(text)
		if n := strings.IndexByte(text[i+size:], 0x1b); n >= 0 {
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

// controlString judges an escape that is no control sequence: OSC and its like,
// whose string terminals swallow.
func controlString(text string, i int, r reading) (reading, effect) {
	r.why = "An escape commands the terminal."
	if i+1 >= len(text) || strings.IndexByte("]PX^_", text[i+1]) < 0 {
		if i+1 < len(text) && (text[i+1] == '\\' || text[i+1] == '(' || text[i+1] == ')') {
			return r, nothing
		}
		r.severity = gate.Medium
		return r, hiding
	}
	end := min(len(text), i+maxString)
	body := text[i+2 : end]
	if n := strings.IndexAny(body, "\a\x1b"); n >= 0 {
		body = body[:n]
	}
	r.span.End = i + 2 + len(body)
	r.text = strings.ToValidUTF8(body, "")
	kind, rest, _ := strings.Cut(body, ";")
	switch {
	case text[i+1] == ']' && kind == "8":
		if strings.TrimLeft(rest, ";") == "" {
			return r, nothing // the end of a link
		}
		r.severity, r.why = gate.Medium, "A terminal shows a link under another text."
		if judge(rest) >= orders && !strings.Contains(rest, "://") {
			r.severity = gate.High
		}
	case text[i+1] == ']' && (kind == "0" || kind == "1" || kind == "2") && judge(rest) == noise:
		r.severity, r.why = gate.Medium, "An escape sets the title of the terminal."
	default:
		r.why = "A terminal swallows this control string, and models read it."
	}
	return r, hiding
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
