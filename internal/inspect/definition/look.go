package definition

import (
	"slices"
	"strings"
	"unicode"

	"doorward/internal/gate"
	"doorward/internal/inspect/poison"
	"doorward/internal/inspect/reveal"
	"doorward/internal/inspect/shadow"
)

// look is one definition while it is looked at.
type look struct {
	near  *Neighbours
	tool  shadow.Tool
	kind  gate.ItemKind
	found []gate.Finding
}

// text looks at one string.
func (l *look) text(t *text) {
	if keyword(t) {
		return
	}
	for _, f := range reveal.ScanDefinition(t.value) {
		f.Where = t.at
		l.found = append(l.found, f)
	}
	l.orders(t)
	if !t.name {
		l.references(t)
	}
}

// orders looks for orders in a string: as it stands, folded, and in what is decoded
// out of it. A name is read as the words that it is made of.
func (l *look) orders(t *text) {
	plain := t.value
	if t.name || spoken(plain) {
		plain = spaced(plain)
		if strings.Count(plain, " ") < 4 {
			plain = "" // a name of few words is one: "skipTlsVerification"
		}
	}
	from := len(l.found)
	l.poison(plain, t.at, nil)
	if folded, ok := legible(plain); ok {
		l.poison(folded, t.at, &gate.Span{End: len(t.value)})
	}
	for _, layer := range reveal.Layers(t.value) {
		l.poison(layer.Text, t.at, &layer.Span)
	}
	l.found = append(l.found[:from], once(l.found[from:])...)
}

// legible is a text with those lines folded that do not read as they are written;
// false when there are none. What is between lines stays: it ends sentences.
func legible(s string) (string, bool) {
	if folded := reveal.Fold(s); folded == plainly(s) {
		return "", false
	}
	lines, changed := strings.Split(s, "\n"), false
	for i, line := range lines {
		if folded := reveal.Fold(line); folded != plainly(line) {
			lines[i], changed = folded, true
		}
	}
	return strings.Join(lines, "\n"), changed
}

// plainly is a text in small letters with single blanks, as Fold leaves one that reads
// as it is written.
func plainly(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// once leaves out what another reading of the same string says no worse.
func once(found []gate.Finding) []gate.Finding {
	var out []gate.Finding
	for i := range found {
		f := &found[i]
		said := func(g gate.Finding) bool { return g.Rule == f.Rule && g.Severity >= f.Severity && g.Span != f.Span }
		if i == 0 || !slices.ContainsFunc(found[:i], said) {
			out = append(out, *f)
		}
	}
	return out
}

// references looks for mentions of other upstreams' tools. The server's name and
// links mention none.
func (l *look) references(t *text) {
	if l.kind == gate.Server || t.key == "$ref" || t.key == "uri" || t.key == "src" || t.at == "/name" {
		return
	}
	for _, f := range l.near.tools.References(&l.tool, t.value) {
		f.Where = t.at
		l.found = append(l.found, f)
	}
}

// poison looks for orders in a text that stands, or was decoded, at a place. span
// replaces the place in the text where it is not the text itself.
func (l *look) poison(s, at string, span *gate.Span) {
	for _, f := range poison.Scan(s, l.about(s, at)) {
		f.Where = at
		if span != nil {
			f.Span = *span
		}
		l.found = append(l.found, f)
	}
}

func (l *look) about(s, at string) poison.About {
	own, others := l.near.tools.Named(&l.tool, s)
	return poison.About{Upstream: l.tool.Upstream, Name: l.tool.Name, Own: own, Others: others, Field: at}
}

// keyword tells whether a string is one that the protocol and JSON Schema give.
func keyword(t *text) bool {
	if t.name {
		return keywords[t.value]
	}
	return t.key == "type" && keywords[t.value]
}

// keywords are the names of members that say nothing of their own.
//
//nolint:gochecknoglobals // a table; read-only
var keywords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`name title description inputSchema outputSchema annotations icons _meta arguments uri uriTemplate mimeType version
		readOnlyHint destructiveHint idempotentHint openWorldHint execution taskSupport src sizes theme messages role content text instructions websiteUrl
		type properties required items anyOf oneOf allOf not enum const default examples format pattern minimum maximum exclusiveMinimum exclusiveMaximum
		minLength maxLength minItems maxItems uniqueItems additionalProperties patternProperties propertyNames $ref $schema $id $defs definitions
		$comment nullable deprecated readOnly writeOnly if then else prefixItems contains minProperties maxProperties multipleOf dependentRequired
		string number integer boolean object array null`) {
		m[w] = true
	}
	return m
}()

// spoken tells whether a text is words put together as a name: no blank, and a
// separator or a capital between them.
func spoken(s string) bool {
	if len(s) <= 8 || strings.ContainsAny(s, " \n\t") {
		return false
	}
	if strings.Count(s, "_")+strings.Count(s, "-") > 3 {
		return !strings.Contains(s, "://")
	}
	return !strings.ContainsAny(s, "/:.") && (strings.ContainsAny(s, "_-") || strings.IndexFunc(s[1:], unicode.IsUpper) >= 0)
}

// spaced is a name as a sentence: "readTheKey_first" as "read The Key first".
func spaced(s string) string {
	var b strings.Builder
	small := false
	for _, r := range s {
		switch {
		case r == '_' || r == '-':
			r = ' '
		case unicode.IsUpper(r) && small:
			b.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return b.String()
}
