package audit

import (
	"slices"
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// MaxWords bounds the words of a Query.
const MaxWords = 16

// says tells whether each word stands somewhere in what of the record can be read,
// whatever its case. What is sealed or hashed says nothing.
func (r *Record) says(words []string) bool {
	for _, word := range words {
		if !r.word(word) {
			return false
		}
	}
	return true
}

func (r *Record) word(word string) bool {
	p := &r.Principal
	in := func(s string) bool { return contains(s, word) }
	for _, s := range [...]string{
		r.Event, r.Actor, r.Detail, r.Exchange, r.Request, r.Era, r.Transport, r.Profile, r.Agent,
		p.Method, p.Subject, p.Tenant, p.Issuer, p.Client, p.Credential, r.Method, r.Upstream, r.ItemKind, r.Item,
		r.Policy, r.Role, r.Rule, r.Approval, r.Effect, r.Code, r.Stage, r.Reason, r.Status,
	} {
		if in(s) {
			return true
		}
	}
	for _, list := range [...][]string{r.Groups, r.Roles, r.Scopes, r.Unavailable, r.Observed, r.Findings} {
		if slices.ContainsFunc(list, in) {
			return true
		}
	}
	return slices.ContainsFunc(r.Act, func(a gate.Actor) bool { return in(a.Subject) || in(a.Issuer) || in(a.Client) }) ||
		slices.ContainsFunc(r.Fields, func(k Kept) bool { return in(k.Path) || k.As == AsPlain && in(k.Value) }) ||
		in(string(r.Plain))
}

// contains is strings.Contains, in which letters that differ in case alone are the same
// (Unicode simple folding).
func contains(s, word string) bool {
	first, size := utf8.DecodeRuneInString(word)
	if size == 0 {
		return true
	}
	for i := range s {
		c, n := utf8.DecodeRuneInString(s[i:])
		if (c == first || strings.EqualFold(s[i:i+n], word[:size])) && foldedPrefix(s[i:], word) {
			return true
		}
	}
	return false
}

// foldedPrefix tells whether s begins with word. Characters that are the same but for
// their case may have other lengths, so it goes by characters.
func foldedPrefix(s, word string) bool {
	for word != "" {
		if s == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(s)
		_, m := utf8.DecodeRuneInString(word)
		if !strings.EqualFold(s[:n], word[:m]) {
			return false
		}
		s, word = s[n:], word[m:]
	}
	return true
}
