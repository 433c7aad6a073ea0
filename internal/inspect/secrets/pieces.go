package secrets

import (
	"strings"

	"doorward/internal/gate"
)

// maxTailKept bounds what Pieces keeps, in bytes: a credential that is sent in pieces
// smaller than that over many calls is found as long as nothing else is between.
const maxTailKept = 4 << 10

// Pieces finds credentials that are cut over the values of a call, or over calls
// that follow each other. The zero value is ready; it keeps at most 4 KiB. It is
// its owner's to lock.
type Pieces struct{ tail string }

// Tail is the end of what was said so far, values joined without anything between.
func (p *Pieces) Tail() string { return p.tail }

// Add takes the values of the next call, in their order, and tells what is in them
// and in what was said before only together: what a value holds alone is Scan's to
// find. The spans mean nothing to the caller, and are absent.
func (p *Pieces) Add(values []string) []gate.Finding {
	whole, borders := p.tail, []int{len(p.tail)}
	for _, v := range values {
		if len(v) > maxTailKept {
			v = v[len(v)-maxTailKept:]
		}
		whole += v
		borders = append(borders, len(whole))
	}
	hits := across(plain(whole, nil), borders)
	hits = append(hits, across(encoded(whole, nil), borders)...)
	// What was found is not found again with the next call.
	if p.tail = end(whole); len(hits) > 0 {
		p.tail = ""
	}
	found := findings(whole, hits)
	for i := range found {
		found[i].Span = gate.Span{}
		found[i].Why += ", in pieces"
	}
	return found
}

// across are the hits that a border lies within. A credential whose last piece
// may still grow is found when its first full form is there.
func across(hits []hit, borders []int) []hit {
	var out []hit
	for _, h := range hits {
		for _, b := range borders {
			if b > h.at.Start && b < h.at.End && h.at.End-h.at.Start <= maxTailKept {
				out = append(out, h)
				break
			}
		}
	}
	return out
}

// end is the end of a text, whole characters.
func end(text string) string {
	if len(text) <= maxTailKept {
		return strings.Clone(text)
	}
	cut := len(text) - maxTailKept
	for cut < len(text) && text[cut]&0xc0 == 0x80 {
		cut++
	}
	return strings.Clone(text[cut:])
}
