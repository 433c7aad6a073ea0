package audit

import (
	"strings"
	"unicode"
	"unicode/utf8"
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
	for s := range r.Texts {
		if contains(s, word) {
			return true
		}
	}
	return false
}

// Texts yields what Query.Words are looked for in. What is empty comes too.
func (r *Record) Texts(yield func(string) bool) {
	p := &r.Principal
	for _, s := range [...]string{
		r.Event, r.Actor, r.Detail, r.Exchange, r.Request, r.Era, r.Transport, r.Profile, r.Agent,
		p.Method, p.Subject, p.Tenant, p.Issuer, p.Client, p.Credential, r.Method, r.Upstream, r.ItemKind, r.Item,
		r.Policy, r.Role, r.Rule, r.Approval, r.Cached, r.Effect, r.Code, r.Stage, r.Reason, r.Status, string(r.Plain),
	} {
		if !yield(s) {
			return
		}
	}
	for _, list := range [...][]string{r.Groups, r.Roles, r.Scopes, r.Unavailable, r.Weaker, r.Observed, r.Findings} {
		for _, s := range list {
			if !yield(s) {
				return
			}
		}
	}
	for _, a := range r.Act {
		if !yield(a.Subject) || !yield(a.Issuer) || !yield(a.Client) {
			return
		}
	}
	for _, k := range r.Fields {
		if !yield(k.Path) || k.As == AsPlain && !yield(k.Value) {
			return
		}
	}
}

// Fold is what stands for a character and all that differ from it in case alone.
func Fold(c rune) rune {
	if c < utf8.RuneSelf {
		return unicode.ToUpper(c)
	}
	least := c
	for next := unicode.SimpleFold(c); next != c; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
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
