package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// whoErased stands in a text where somebody's name was.
const whoErased = "(erased)"

// Forgotten is who is taken out of incidents.
type Forgotten struct {
	// Is tells whether a principal or an address of an incident is this person. Prefixes
	// of more than one host or IPv6 network name nobody, and it is not asked about them.
	Is   func(IncidentSubject) bool
	Name string // as people may have written it in a text; empty: none
}

// Forget takes a person out of every incident, closed ones, too: who it is about is a
// keyed hash from now on, by which they stay suspended where they are, and their name is
// gone from what people wrote. The timeline stays. n is of how many incidents. Gateways
// of a version that does not know such a subject refuse everybody.
func (s *Incidents) Forget(ctx context.Context, whom Forgotten) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, forgetWithin)
	defer cancel()
	s.look.Lock()
	defer s.look.Unlock()
	if err := s.readAgain(ctx); err != nil {
		return 0, fmt.Errorf("forgetting somebody in incidents: %w", err)
	}
	e := eraser{Forgotten: whom, blind: s.blind, words: map[string]*regexp.Regexp{}}
	for _, one := range s.current.Load().list.sorted() {
		if !e.erase(one.copied()) {
			continue
		}
		if err := s.from.edit(ctx, one.ID, e.erase); err != nil {
			return n, fmt.Errorf("forgetting somebody in incident %s: %w", one.ID, err)
		}
		n++
		if err := s.readAgain(ctx); err != nil { // before the list is old
			return n, fmt.Errorf("forgetting somebody in incidents: %w", err)
		}
	}
	return n, nil
}

// eraser takes somebody out of incidents.
type eraser struct {
	Forgotten
	blind blinder
	words map[string]*regexp.Regexp // of what is looked for in texts
}

// erase changes one incident, and tells whether there was something to change.
func (e *eraser) erase(i *Incident) (changed bool) {
	words := []string{}
	if e.Name != "" {
		words = append(words, e.Name)
	}
	subject := func(s *IncidentSubject) {
		if !s.names() || !e.Is(*s) {
			return
		}
		if !slices.Contains(words, s.Value) {
			words = append(words, s.Value)
		}
		*s, changed = e.blind.subject(*s), true
	}
	for k := range i.About {
		subject(&i.About[k])
	}
	for k := range i.Containments {
		subject(&i.Containments[k].IncidentSubject)
	}
	i.About = distinct(i.About)
	texts := []*string{&i.Title}
	for k := range i.Containments {
		texts = append(texts, &i.Containments[k].Reason)
	}
	for k := range i.Steps {
		texts = append(texts, &i.Steps[k].Text, &i.Steps[k].To)
	}
	for n, text := range texts {
		most := maxNote
		if n == 0 {
			most = maxIncidentTitle
		}
		for _, word := range words {
			if next := e.without(*text, word, most); next != *text {
				*text, changed = next, true
			}
		}
	}
	if changed {
		i.Erased++
	}
	return changed
}

// without is a text without a word, whatever its case. Where it is a part of a longer
// word it stays.
func (e *eraser) without(text, word string, most int) string {
	if text == "" || !utf8.ValidString(word) { // a text is valid
		return text
	}
	re := e.words[word]
	if re == nil {
		re = regexp.MustCompile("(?i)" + regexp.QuoteMeta(word))
		e.words[word] = re
	}
	var out strings.Builder
	kept := 0
	for _, at := range re.FindAllStringIndex(text, -1) {
		before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
		after, _ := utf8.DecodeRuneInString(text[at[1]:])
		if inWord(before) || inWord(after) {
			continue
		}
		out.WriteString(text[kept:at[0]])
		out.WriteString(whoErased)
		kept = at[1]
	}
	if kept == 0 {
		return text
	}
	out.WriteString(text[kept:])
	return strings.ToValidUTF8(out.String()[:min(out.Len(), most)], "")
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// distinct is a list of subjects without those that are there twice.
func distinct(all []IncidentSubject) []IncidentSubject {
	var out []IncidentSubject
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// leastNetwork is the longest prefix of IPv6 that one person has: RFC 6177, section 2.
const leastNetwork = 64

// names tells whether a subject says who or where one person is.
func (s *IncidentSubject) names() bool {
	switch s.Kind {
	case OfPrincipal:
		return s.Erased == ""
	case OfAddress:
		p, err := ParseContained(s.Value)
		return s.Erased == "" && err == nil && (p.IsSingleIP() || p.Addr().Is6() && p.Bits() >= leastNetwork)
	}
	return false
}

// subject is a principal or an address by its hash; whatever else it is as it was.
func (b blinder) subject(s IncidentSubject) IncidentSubject {
	if !s.names() {
		return s
	}
	if s.Kind == OfAddress {
		if p, err := ParseContained(s.Value); err == nil {
			return b.prefix(p)
		}
	}
	texts := []string{s.Kind, s.Realm, s.Value}
	if s.Tenant != "" {
		texts = append(texts, s.Tenant)
	}
	return IncidentSubject{Kind: s.Kind, Realm: s.Realm, Tenant: s.Tenant, Erased: b.hash(texts...)}
}

// prefix is that of a prefix.
func (b blinder) prefix(p netip.Prefix) IncidentSubject {
	length := "/" + strconv.Itoa(p.Bits())
	return IncidentSubject{Kind: OfAddress, Realm: length, Erased: b.hash(OfAddress, length, p.String())}
}

// length is that of the prefix of an address that was erased.
func (s *IncidentSubject) length() (bits int, ok bool) {
	text, ok := strings.CutPrefix(s.Realm, "/")
	if s.Kind != OfAddress || s.Erased == "" || !ok {
		return 0, false
	}
	bits, err := strconv.Atoi(text)
	return bits, err == nil && (bits == 32 || bits >= leastNetwork && bits <= 128)
}

// checkErased says what is wrong with a subject that is known by its hash.
func (s *IncidentSubject) checkErased() error {
	good := s.Kind == OfPrincipal && s.Realm != ""
	if s.Kind == OfAddress {
		_, good = s.length()
	}
	if !good || s.Value != "" || !isHash(s.Erased) {
		return errors.New("what was erased in an incident is a principal or an address, by a hash")
	}
	return nil
}
