package reveal

import (
	"html"
	"regexp"
	"strings"
	"sync"

	"doorward/internal/gate"
)

// maxElement bounds how far the end of a hidden element or comment is looked
// for, in bytes; what is longer ends there.
const maxElement = 16 << 10

// markup finds comments and elements that a page or a Markdown view leaves out.
func markup(text string) []reading {
	var rs []reading
	if strings.IndexByte(text, '<') >= 0 {
		rs = append(comments(text), styledAway(text)...)
	}
	if strings.Contains(text, "]:") {
		rs = append(rs, footnotes(text)...)
	}
	return rs
}

// hiddenText judges what a view leaves out. Whoever writes pages leaves notes
// there, and menus: only what orders something is never one.
func hiddenText(method string, span gate.Span, content, why string) reading {
	r := reading{method: method, span: span, text: strings.TrimSpace(content), severity: gate.Low, why: why}
	switch judge(r.text) {
	case aimed:
		r.severity = gate.High
	case orders:
		r.severity = gate.Medium
	case language:
		if method == "html_style" { // pages have more notes than hidden sentences
			r.severity = gate.Medium
		}
	case noise:
	}
	return r
}

func comments(text string) []reading {
	var found kept
	for i := 0; ; {
		n := strings.Index(text[i:], "<!--")
		if n < 0 {
			break
		}
		start := i + n
		body := text[start+4 : min(len(text), start+4+maxElement)]
		end := start + 4 + len(body)
		if n := strings.Index(body, "-->"); n >= 0 {
			body, end = body[:n], start+4+n+3
		}
		if strings.TrimSpace(body) != "" {
			found.add(hiddenText("html_comment", gate.Span{Start: start, End: end}, body, "A comment is in the text that models read and not on the page that people see."))
		}
		i = end
	}
	return found.readings()
}

// note is a Markdown link definition that nothing links to, used as a comment. Its
// repetitions make it a large program: a command that reads no text does not make it.
//
//nolint:gochecknoglobals // made once, read-only
var note = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]{0,3}\[[^\]\n]{0,40}\]:[ \t]*(?:#|<>|/|\S{1,300})[ \t]+(?:"([^"\n]{3,900})"|\(([^)\n]{3,900})\)|'([^'\n]{3,900})')`)
})

func footnotes(text string) []reading {
	var found kept
	for _, m := range note().FindAllStringSubmatchIndex(text, -1) {
		for g := 2; g < len(m); g += 2 {
			if m[g] >= 0 {
				found.add(hiddenText("html_comment", gate.Span{Start: m[0], End: m[1]}, text[m[g]:m[g+1]], "A Markdown link definition is not shown."))
			}
		}
	}
	return found.readings()
}

const maxTag = 2 << 10 // bytes of a start tag that are read

// styledAway finds elements that no display shows.
func styledAway(text string) []reading {
	var found kept
	budget := 4*len(text) + maxElement // bytes that are read of start tags
	for i := 0; i < len(text); {
		n := strings.IndexByte(text[i:], '<')
		if n < 0 {
			break
		}
		start := i + n
		i = start + 1
		if i == len(text) || !asciiLetter(text[i]) {
			continue
		}
		tag := startTag(text[start:min(len(text), start+maxTag)], &budget)
		name := elementName(tag)
		e := element{}
		if !silent(name) {
			if len(name)+2 >= len(tag) {
				continue
			}
			if e = attributes(tag[len(name)+1:]); !e.invisible() {
				continue
			}
		}
		content, end, closed := inner(text, start+len(tag), name)
		if silent(name) && !closed {
			continue // a placeholder in prose
		}
		content = e.value + " " + content
		if content = plainText(content); content != "" {
			found.add(hiddenText("html_style", gate.Span{Start: start, End: end}, content, "An element is styled so that people do not see what it says."))
		}
		i = max(end, start+1)
	}
	return found.readings()
}

// silent are elements that pages never show, whatever their style. Scripts and
// style sheets are code, and no text for anybody.
func silent(name string) bool { return name == "template" || name == "noembed" || name == "noframes" }

// startTag is the start tag that s begins with, quotes respected; up to the next
// angle bracket if it has no end, or budget is spent.
func startTag(s string, budget *int) string {
	var quote byte
	for i := 0; i < len(s) && *budget > 0; i++ {
		*budget--
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return s[:i+1]
		}
	}
	if n := strings.IndexAny(s[1:], "<>"); n >= 0 {
		return s[:n+2]
	}
	return s
}

func elementName(tag string) string {
	i := 1
	for i < len(tag) && (asciiLetter(tag[i]) || tag[i] >= '0' && tag[i] <= '9') {
		i++
	}
	return strings.ToLower(tag[1:i])
}

// inner is the content of an element up to its end tag, where that ends, and
// whether there is one.
func inner(text string, start int, name string) (content string, end int, closed bool) {
	switch name {
	case "input", "img", "br", "hr", "meta", "link", "source", "embed":
		return "", start, true
	}
	body := text[start:min(len(text), start+maxElement)]
	depth := 1
	for i := 0; ; {
		n := strings.IndexByte(body[i:], '<')
		if n < 0 {
			return body, start + len(body), false
		}
		at := i + n
		i = at + 1
		closing := i < len(body) && body[i] == '/'
		if closing {
			i++
		}
		if len(body)-i < len(name) || !strings.EqualFold(body[i:i+len(name)], name) || i+len(name) < len(body) && asciiLetter(body[i+len(name)]) {
			continue
		}
		if !closing {
			depth++
			continue
		}
		if depth--; depth == 0 {
			end := i + len(name)
			if n := strings.IndexByte(body[end:], '>'); n >= 0 {
				end += n + 1
			}
			return body[:at], start + end, true
		}
	}
}

// plainText is content without tags.
func plainText(s string) string {
	var b strings.Builder
	for {
		n := strings.IndexByte(s, '<')
		if n < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:n])
		b.WriteByte(' ')
		m := strings.IndexByte(s[n:], '>')
		if m < 0 {
			break
		}
		s = s[n+m+1:]
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}
