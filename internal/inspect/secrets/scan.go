package secrets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// hit is a credential in a text.
type hit struct {
	rule   string // after "secret."
	at     gate.Span
	weak   bool
	method string // how it was encoded; empty for as it stands
}

// maxHits bounds what is kept of one text: whoever sends more is stopped by less.
const maxHits = gate.MaxFindings

// Scan finds the credentials in a text, as they stand, escaped or encoded, in
// the order in which they stand; at most gate.MaxFindings. High is what its own
// bytes give away, Medium what the words around it do. The span is the
// credential's, or of one that is encoded, that of the encoded run.
func Scan(text string) []gate.Finding {
	hits := plain(text, nil)
	hits = encoded(text, hits)
	return findings(text, hits)
}

// findings are the hits as findings, without those within others.
func findings(text string, hits []hit) []gate.Finding {
	if len(hits) == 0 {
		return nil
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.at.Start, b.at.Start), cmp.Compare(b.at.End, a.at.End))
	})
	var out []gate.Finding
	end := -1
	for _, h := range hits {
		if h.at.End <= end || len(out) == maxHits {
			continue
		}
		end = h.at.End
		f := gate.Finding{Rule: "secret." + h.rule, Severity: gate.High, Span: h.at, Text: sketch(text[h.at.Start:h.at.End]), Why: why(h)}
		if h.weak {
			f.Severity = gate.Medium
		}
		out = append(out, f)
	}
	return out
}

func why(h hit) string {
	kind := strings.ReplaceAll(h.rule, "_", " ")
	if h.method != "" {
		return fmt.Sprintf("a credential (%s) in %s", kind, h.method)
	}
	return fmt.Sprintf("a credential (%s)", kind)
}

// shown is how many characters at the end of a long credential are shown, so that
// its owner knows which one it was.
const shown = 4

// sketch says what was found without saying it.
func sketch(secret string) string {
	tail := ""
	if len(secret) >= 6*shown && isAlnum[secret[len(secret)-1]] {
		tail = secret[len(secret)-shown:]
		for i := range len(tail) {
			if !isToken[tail[i]] {
				return fmt.Sprintf("… (%d bytes)", len(secret))
			}
		}
	}
	return fmt.Sprintf("…%s (%d bytes)", tail, len(secret))
}

// plain finds the credentials that stand in a text as they are.
func plain(text string, hits []hit) []hit {
	x := table()
	for i := 0; i+3 <= len(text) && len(hits) < maxHits; i++ {
		k := key(text[i], text[i+1], text[i+2])
		h := hash(k)
		if x.bloom[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		if k == dashes {
			if at, ok := pemAt(text, i); ok {
				hits = append(hits, hit{rule: "private_key", at: at})
				i = at.End - 1
			}
			continue
		}
		hits = x.look(text, i, k, hits)
	}
	return hits
}

// dashes is the key of the line that a PEM block begins with.
const dashes = uint32('-')<<16 | uint32('-')<<8 | uint32('-')

func pemAt(text string, i int) (gate.Span, bool) {
	if !strings.HasPrefix(text[i:], "-----BEGIN") {
		return gate.Span{}, false
	}
	return pem(text, i)
}

// look tries what the index has for the three bytes at i.
func (x *index) look(text string, i int, k uint32, hits []hit) []hit {
	for n := range x.entries[k] {
		e := &x.entries[k][n]
		if !e.at(text, i) {
			continue
		}
		if e.format >= 0 {
			if h, ok := x.formats[e.format].hit(text, i, i+len(e.literal)); ok {
				hits = append(hits, h)
			}
			continue
		}
		if h, ok := x.words[e.word].hit(text, i, i+len(e.literal)); ok {
			hits = append(hits, h)
		}
	}
	return hits
}

// random part: the end of a token is where its disorder is.
const randomPart = 24

// hit is a format's credential at a literal that ends at end.
func (c *compiled) hit(text string, start, end int) (hit, bool) {
	at, ok := c.match(text, start, end)
	if !ok {
		return hit{}, false
	}
	v := text[at.Start:at.End]
	if filler(v) || few(v[max(0, len(v)-randomPart):]) || reference(v) || !c.low && entropy(v) < 2.6 || c.low && wordy(v) && classes(v) < 2 {
		return hit{}, false
	}
	return hit{rule: c.rule, at: at, weak: c.weak}, true
}

// hit is the credential that a name with the word at [start, end) is given.
func (w *word) hit(text string, start, end int) (hit, bool) {
	if !bounded(text, start, end) {
		return hit{}, false
	}
	a, ok := assigned(text, start, end)
	if !ok || harmless.MatchString(a.name) {
		return hit{}, false
	}
	for _, k := range w.kinds {
		v := a.value
		if k.shape.MatchString(v) && entropy(v) >= 2.6 && (a.typed || mixed(v)) && (!wordy(v) || mixed(v) || classes(v) > 2) && !filler(v) && !few(v) && !reference(v) {
			return hit{rule: k.rule, at: a.at, weak: true}, true
		}
	}
	if !w.general {
		return hit{}, false
	}
	rule := a.generic(w.phrase)
	return hit{rule: rule, at: a.at, weak: true}, rule != ""
}

// bounded tells whether a word in a name is one, and no part of another: nothing of
// a word before it, and after it its end, a capital, or a word for a credential.
func bounded(text string, start, end int) bool {
	if start > 0 && letter(text[start-1]) && (text[start-1] <= 'Z' || text[start] > 'Z') {
		return false
	}
	if end == len(text) || !letter(text[end]) || text[end] <= 'Z' {
		return true
	}
	for _, w := range [...]string{"s", "token", "key", "secret", "api", "auth", "pass", "client", "app", "access", "cred", "id", "url", "uri", "pw"} {
		if rest := text[end:]; len(rest) >= len(w) && strings.EqualFold(rest[:len(w)], w) && (len(w) > 1 || len(rest) == 1 || !letter(rest[1])) {
			return true
		}
	}
	return false
}
