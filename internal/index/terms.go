package index

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"doorward/internal/audit"
)

// A field is what a term is of: the same text in two fields makes two terms.
type field byte

const (
	ofPrincipal field = 'p' // subject, credential or actor
	ofKey       field = 'k'
	ofUpstream  field = 'u'
	ofItem      field = 'i'
	ofCode      field = 'c'
	ofExchange  field = 'x'
	ofKind      field = 'd'
	ofEvent     field = 'e'
	ofStatus    field = 's'
	ofRule      field = 'r'
	ofApproval  field = 'a'
	ofHash      field = 'h'
	ofTrace     field = 't'
	isObserved  field = 'o'
	hasFindings field = 'f'
	isWeaker    field = 'w'
)

// term is a hash (FNV-1a of 64 bits, folded to 32) of a field and a text. Two texts of one hash cost a
// candidate too many and nothing else.
type term uint32

func termOf(f field, text string) term {
	const offset, prime = 14695981039346656037, 1099511628211
	h := (uint64(offset) ^ uint64(f)) * prime
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	return mixed(h)
}

// mixed spreads a number over all 32 bits (the finalizer of MurmurHash3, public domain).
func mixed(h uint64) term {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return term(h >> 32)
}

// termsOf yields the terms of a record: all by which Query.Match can ask for it.
func termsOf(r *audit.Record, yield func(term)) {
	add := func(f field, text string) {
		if text != "" {
			yield(termOf(f, text))
		}
	}
	add(ofPrincipal, r.Principal.Subject)
	add(ofPrincipal, r.Principal.Credential)
	add(ofPrincipal, r.Actor)
	if r.Key != (audit.SubjectID{}) {
		add(ofKey, r.Key.String())
	}
	add(ofUpstream, r.Upstream)
	add(ofItem, r.Item)
	add(ofCode, r.Code)
	add(ofExchange, r.Exchange)
	add(ofKind, r.Kind)
	add(ofEvent, r.Event)
	add(ofStatus, r.Status)
	if r.Trace != [16]byte{} {
		add(ofTrace, hex.EncodeToString(r.Trace[:]))
	}
	if len(r.Observed) > 0 {
		yield(termOf(isObserved, ""))
	}
	if len(r.Findings) > 0 {
		yield(termOf(hasFindings, ""))
	}
	if len(r.Weaker) > 0 {
		yield(termOf(isWeaker, ""))
	}
	for i := range r.Fields {
		if r.Fields[i].As == audit.AsHashed {
			add(ofHash, r.Fields[i].Value)
		}
	}
	add(ofRule, r.Rule)
	for i := range len(r.Rule) {
		if strings.HasPrefix(r.Rule[i:], ": ") {
			add(ofRule, r.Rule[:i])
		}
	}
	add(ofApproval, r.Approval)
	if strings.HasPrefix(r.Event, "approval.") {
		add(ofApproval, r.Detail)
		for i := range len(r.Detail) {
			if c := r.Detail[i]; c == ' ' || c == ':' {
				add(ofApproval, r.Detail[:i])
			}
		}
	}
}

// grams yields a term for each three characters of a text that follow each other, folded
// as words are.
func grams(text string, yield func(term)) {
	const bits = 21 // of a character: up to U+10FFFF
	var last uint64
	n := 0
	for _, c := range text {
		last = (last<<bits | uint64(audit.Fold(c))) & (1<<(3*bits) - 1) //nolint:gosec // no character is negative
		if n++; n >= 3 {
			yield(mixed(last * 0x9e3779b97f4a7c15)) // 2^64 divided by the golden ratio (Knuth, 6.4)
		}
	}
}

// maxGrams is how many terms of one word are looked for: more narrow nothing.
const maxGrams = 12

// plan is what an index is asked for a Query. A record that matches has a term of each
// group, and its block every gram.
type plan struct {
	groups [][]term
	grams  []term
	timed  bool
}

func planOf(q *audit.Query) plan {
	p := plan{timed: !q.Since.IsZero() || !q.Until.IsZero()}
	p.group(q)
	for _, one := range []struct {
		field
		text string
	}{
		{ofExchange, q.Exchange},
		{ofTrace, q.Trace},
		{ofApproval, q.Approval},
		{ofHash, q.Hash},
		{ofRule, q.Rule},
		{ofCode, q.Code},
		{ofItem, q.Item},
		{ofEvent, q.Event},
		{ofUpstream, q.Upstream},
		{ofStatus, q.Status},
		{ofKind, q.Kind},
	} {
		if one.text != "" {
			p.groups = append(p.groups, []term{termOf(one.field, one.text)})
		}
	}
	if q.Observed {
		p.groups = append(p.groups, []term{termOf(isObserved, "")})
	}
	if q.Findings {
		p.groups = append(p.groups, []term{termOf(hasFindings, "")})
	}
	if q.Weaker {
		p.groups = append(p.groups, []term{termOf(isWeaker, "")})
	}
	for _, word := range q.Words {
		p.word(word)
	}
	return p
}

// group adds whom a query asks for.
func (p *plan) group(q *audit.Query) {
	if q.Key != (audit.SubjectID{}) {
		p.groups = append(p.groups, []term{termOf(ofKey, q.Key.String())})
	}
	if q.Principal == "" {
		return
	}
	one := []term{termOf(ofPrincipal, q.Principal)}
	for _, id := range q.Keys {
		if id == (audit.SubjectID{}) {
			return // of every record without a key: no term says that
		}
		one = append(one, termOf(ofKey, id.String()))
	}
	p.groups = append(p.groups, one)
}

// word adds what the grams of a word narrow. One of less than three characters has none.
func (p *plan) word(word string) {
	if utf8.RuneCountInString(word) < 3 {
		return
	}
	had := len(p.grams)
	grams(word, func(t term) {
		if len(p.grams)-had < maxGrams {
			p.grams = append(p.grams, t)
		}
	})
}

// narrows tells whether there is anything to ask an index.
func (p *plan) narrows() bool { return p.timed || len(p.groups) > 0 || len(p.grams) > 0 }
