package reveal

import (
	"html"
	"regexp"
	"strings"

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
	case orders:
		r.severity = gate.High
	case language:
		r.severity = gate.Medium
	case noise:
	}
	return r
}

func comments(text string) []reading {
	var rs []reading
	for i := 0; len(rs) < maxLayers; {
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
			rs = append(rs, hiddenText("html_comment", gate.Span{Start: start, End: end}, body, "A comment is in the text that models read and not on the page that people see."))
		}
		i = end
	}
	return rs
}

// note is a Markdown link definition that nothing links to, used as a comment.
var note = regexp.MustCompile(`(?m)^[ \t]{0,3}\[[^\]\n]{0,40}\]:[ \t]*(?:#|<>|/|\S{1,300})[ \t]+(?:"([^"\n]{3,900})"|\(([^)\n]{3,900})\)|'([^'\n]{3,900})')`)

func footnotes(text string) []reading {
	var rs []reading
	for _, m := range note.FindAllStringSubmatchIndex(text, maxPerRule) {
		for g := 2; g < len(m); g += 2 {
			if m[g] >= 0 {
				rs = append(rs, hiddenText("html_comment", gate.Span{Start: m[0], End: m[1]}, text[m[g]:m[g+1]], "A Markdown link definition is not shown."))
			}
		}
	}
	return rs
}

// hides are declarations and attributes that take an element out of sight.
var (
	vanishing = regexp.MustCompile(`(?i)(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:^|[;"'\s])opacity\s*:\s*0?\.?0*(?:[;"'!\s]|$)|font-size\s*:\s*(?:0|1px|0?\.\d|1pt)(?:[a-z%]*)(?:[;"'!\s]|$)|font\s*:\s*0|line-height\s*:\s*0|(?:^|[;"'\s])(?:max-)?(?:height|width)\s*:\s*[01](?:px)?\s*(?:[;"'!]|$)|text-indent\s*:\s*-\d{3,}|(?:left|top|right|bottom|margin(?:-left|-top)?)\s*:\s*-\d{3,}|clip(?:-path)?\s*:\s*(?:rect\(\s*0|inset\(\s*(?:50|100)%|circle\(\s*0)|transform\s*:\s*scale\(\s*0\s*\)|mso-hide\s*:\s*all|z-index\s*:\s*-\d|content-visibility\s*:\s*hidden|filter\s*:\s*opacity\(\s*0)`)
	colour    = regexp.MustCompile(`(?i)(?:^|[;"'\s])(?:color|-webkit-text-fill-color)\s*[:=]\s*["']?\s*(#[0-9a-f]{3,8}|rgba?\([^)]{3,40}\)|hsla?\([^)]{3,40}\)|[a-z]+)`)
	ground    = regexp.MustCompile(`(?i)(?:background(?:-color)?|bgcolor)\s*[:=]\s*["']?\s*(#[0-9a-f]{3,8}|rgba?\([^)]{3,40}\)|hsla?\([^)]{3,40}\)|[a-z]+)`)
	attribute = regexp.MustCompile(`(?i)\s(?:hidden(?:[\s=/>]|$)|aria-hidden\s*=\s*["']?true|class\s*=\s*["'][^"']*\b(?:sr-only|visually-?hidden|screen-reader-text|d-none|hidden|invisible)\b|type\s*=\s*["']?hidden)`)
	value     = regexp.MustCompile(`(?i)\svalue\s*=\s*(?:"([^"]*)"|'([^']*)')`)
)

const maxTag = 2 << 10 // bytes of a start tag that are read

// styledAway finds elements that no display shows.
func styledAway(text string) []reading {
	var rs []reading
	budget := 4*len(text) + maxElement // bytes that are read of start tags
	for i := 0; i < len(text) && len(rs) < maxLayers; {
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
		if len(name)+2 >= len(tag) && !silent(name) || !silent(name) && !invisible(tag) {
			continue
		}
		content, end := inner(text, start+len(tag), name)
		if m := value.FindStringSubmatch(tag); m != nil {
			content = m[1] + m[2] + " " + content
		}
		if content = plainText(content); content != "" {
			rs = append(rs, hiddenText("html_style", gate.Span{Start: start, End: end}, content, "An element is styled so that people do not see what it says."))
		}
		i = max(end, start+1)
	}
	return rs
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

func invisible(tag string) bool {
	tag = strings.ToLower(html.UnescapeString(tag))
	if strings.Contains(tag, "style") && vanishing.MatchString(tag) {
		return true
	}
	if (strings.Contains(tag, "hidden") || strings.Contains(tag, "class")) && attribute.MatchString(tag) {
		return true
	}
	if !strings.Contains(tag, "color") {
		return false
	}
	m := colour.FindStringSubmatch(tag)
	if m == nil {
		return false
	}
	fg, behind := shade(m[1]), "white"
	if b := ground.FindStringSubmatch(tag); b != nil {
		behind = shade(b[1])
	}
	return fg == "transparent" || fg == behind
}

// shade names white, black and no colour, however they are written.
func shade(s string) string {
	s = strings.ToLower(strings.NewReplacer(" ", "", "\t", "").Replace(s))
	switch {
	case s == "white" || s == "#fff" || s == "#ffffff" || s == "#ffff" || s == "#ffffffff" || s == "snow" || s == "ivory" || s == "ghostwhite" || s == "whitesmoke":
		return "white"
	case strings.HasPrefix(s, "rgb(255,255,255") || strings.HasPrefix(s, "rgb(254,254,254") || strings.HasPrefix(s, "#fefefe") || strings.HasPrefix(s, "#fdfdfd") || strings.HasPrefix(s, "#fcfcfc"):
		return "white"
	case s == "black" || s == "#000" || s == "#000000" || strings.HasPrefix(s, "rgb(0,0,0"):
		return "black"
	case strings.HasPrefix(s, "rgba(") && (strings.HasSuffix(s, ",0)") || strings.HasSuffix(s, ",0.0)") || strings.HasSuffix(s, ",.0)")):
		return "transparent"
	case len(s) == 9 && s[0] == '#' && strings.HasSuffix(s, "00"), len(s) == 5 && s[0] == '#' && s[4] == '0':
		return "transparent"
	}
	return s
}

// inner is the content of an element up to its end tag, and where that ends.
func inner(text string, start int, name string) (string, int) {
	switch name {
	case "input", "img", "br", "hr", "meta", "link", "source", "embed":
		return "", start
	}
	body := text[start:min(len(text), start+maxElement)]
	depth := 1
	for i := 0; ; {
		n := strings.IndexByte(body[i:], '<')
		if n < 0 {
			return body, start + len(body)
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
			return body[:at], start + end
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
