package shadow

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// maxReferences bounds the findings of one text.
const maxReferences = 4

// References are the mentions of other upstreams' tools in a text of a tool, which is
// as it stands in the definition. A name that the tool's own upstream has too is its own.
func (x *Index) References(t *Tool, text string) []gate.Finding {
	var found []gate.Finding
	seen := map[string]bool{}
	for at := range identifiers(text) {
		word := text[at.Start:at.End]
		name, ok := x.foreign(t, word)
		if !ok || seen[name] || single(word) && !marked(text, at) {
			continue
		}
		seen[name] = true
		f := gate.Finding{
			Rule: "shadow.reference", Severity: gate.High, Span: at, Text: excerpt(text, at),
			Why: "a definition says something of how a tool of another upstream is used",
		}
		if compares(text, at) {
			f.Severity, f.Why = gate.Medium, "a definition compares itself with a tool of another upstream"
		}
		if found = append(found, f); len(found) == maxReferences {
			break
		}
	}
	return found
}

// foreign is the name of another upstream's tool that a word is.
func (x *Index) foreign(t *Tool, word string) (string, bool) {
	for _, w := range [...]string{strings.ToLower(word), last(strings.ToLower(word))} {
		list := x.names[w]
		if len(list) == 0 {
			continue
		}
		for _, i := range list {
			if x.entries[i].Upstream == t.Upstream {
				return "", false
			}
		}
		for _, i := range list {
			if e := &x.entries[i]; !strings.EqualFold(e.Name, t.Name) {
				return w, true
			}
		}
	}
	return "", false
}

// last is a name without what is put before it: "mcp__mail__send", "mail/send".
func last(word string) string {
	if i := strings.LastIndex(word, "__"); i >= 0 {
		word = word[i+2:]
	}
	if i := strings.LastIndexAny(word, "/.:"); i >= 0 {
		word = word[i+1:]
	}
	return word
}

// single tells whether a name is one plain word.
func single(word string) bool {
	word = last(word)
	return !strings.ContainsAny(word, "_-0123456789") && strings.IndexFunc(word[min(1, len(word)):], unicode.IsUpper) < 0
}

// marked tells whether a plain word is written as a name: in quotes, with
// brackets after it, or beside "tool".
func marked(text string, at gate.Span) bool {
	if at.End-at.Start < 4 {
		return false
	}
	before, after := text[max(0, at.Start-12):at.Start], text[at.End:min(len(text), at.End+12)]
	b, _ := utf8.DecodeLastRuneInString(before)
	a, _ := utf8.DecodeRuneInString(after)
	switch {
	case b == '`' && a == '`', a == '(' && strings.HasPrefix(after, "()"):
		return true
	}
	next := strings.ToLower(strings.Trim(after, " `'\""))
	return strings.HasPrefix(next, "tool") && !strings.HasPrefix(next, "toolb") && !strings.HasPrefix(next, "toolk") || strings.HasSuffix(strings.ToLower(strings.TrimRight(before, " `'\"")), " tool")
}

// identifiers are the spans of words that may be names, with their prefixes.
func identifiers(text string) func(func(gate.Span) bool) {
	part := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= utf8.RuneSelf
	}
	return func(yield func(gate.Span) bool) {
		for i := 0; i < len(text); {
			if !part(text[i]) {
				i++
				continue
			}
			start := i
			for i < len(text) && (part(text[i]) || strings.IndexByte("./:", text[i]) >= 0 && i+1 < len(text) && part(text[i+1])) {
				i++
			}
			if !yield(gate.Span{Start: start, End: i}) {
				return
			}
		}
	}
}

// excerpt is the text around a name.
func excerpt(text string, at gate.Span) string {
	from, to := max(0, at.Start-120), min(len(text), at.End+240)
	return strings.ToValidUTF8(text[from:to], "")
}

// compares tells whether the sentence around a name only sets two tools side by
// side. In 438 contexts of three honest servers with 9,364 tools no definition names a
// tool of another at all, so whatever else it says of one is taken as steering.
func compares(text string, at gate.Span) bool {
	from := strings.LastIndexAny(text[:at.Start], ".!?\n;")
	to := strings.IndexAny(text[at.End:], "!?\n;")
	if to < 0 {
		to = len(text) - at.End
	}
	if stop := strings.Index(text[at.End:at.End+to], ". "); stop >= 0 {
		to = stop
	}
	alike := false
	for _, w := range prose(text[from+1:at.Start] + " " + text[at.End:at.End+to]) {
		if orders[w] {
			return false
		}
		alike = alike || comparisons[w]
	}
	return alike
}

// comparisons are words of sentences that set one tool beside another.
//
//nolint:gochecknoglobals // a table; read-only
var comparisons = map[string]bool{
	"similar": true, "like": true, "unlike": true, "related": true, "see": true, "equivalent": true, "counterpart": true, "analogous": true,
	"compatible": true, "based": true, "compare": true, "compared": true, "same": true, "ahnlich": true, "como": true, "comme": true, "simile": true,
}

// orders are words by which a sentence says how something is to be used.
//
//nolint:gochecknoglobals // a table; read-only
var orders = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`must should shall always never not don do before after when whenever while once every each any first instead
		rather prefer preferred replace replaces replaced replacing supersede supersedes superseded deprecated insecure unsafe broken obsolete outdated
		unreliable avoid stop ignore disregard call calls calling invoke invokes invoking invoked use uses using used run running set pass passes passing
		forward send include copy add append route redirect change alter override overrides require requires required prerequisite ensure recipient
		argument arguments parameter parameters output result results needs need only otherwise unless until if then also via through`) {
		m[w] = true
	}
	return m
}()

// Named are the tools that a text mentions: of the tool's own upstream, and of
// others alone, sorted by where they are first mentioned.
func (x *Index) Named(t *Tool, text string) (own, others []string) {
	seen := map[string]bool{}
	for at := range identifiers(text) {
		word := text[at.Start:at.End]
		for _, w := range [...]string{word, last(word)} {
			list := x.names[strings.ToLower(w)]
			if len(list) == 0 || seen[w] {
				continue
			}
			seen[w] = true
			if _, ok := x.foreign(t, w); ok {
				others = append(others, w)
			} else {
				own = append(own, w)
			}
		}
	}
	return own, others
}
