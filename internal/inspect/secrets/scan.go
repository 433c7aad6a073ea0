package secrets

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// Scan finds the credentials in a text, plain and encoded. The span of one that
// was decoded is what it was decoded from. Findings are ordered by where they
// begin; one inside another of the same severity is left out.
func Scan(text string) []gate.Finding {
	if len(text) < minText {
		return nil
	}
	s := search{index: table(), left: maxDecoded}
	s.look(text, nil, 0)
	return findings(settled(text, s.found))
}

// minText is the length of the shortest text that is looked at, in bytes: the
// shortest assignment of a password.
const minText = 8

// found is a credential in a text.
type found struct {
	rule     string // after "secret."
	severity gate.Severity
	at       gate.Span // in the outermost text
	secret   string
	how      string // it was decoded from; empty for a plain one
	format   bool   // its own bytes give it away
}

// findings are what people get to see: the kind and the length, never the secret.
func findings(all []found) []gate.Finding {
	if len(all) == 0 {
		return nil
	}
	list := make([]gate.Finding, 0, len(all))
	for i := range all {
		f := &all[i]
		why := "It has the format of a credential."
		if !f.format {
			why = "It is given to the name of a credential, and disordered as one."
		}
		if f.how != "" {
			why += " It was hidden: " + f.how + "."
		}
		list = append(list, gate.Finding{Rule: "secret." + f.rule, Severity: f.severity, Span: f.at, Text: masked(f.secret), Why: why})
	}
	return list
}

// masked is the form in which a secret may be shown: its length and, of one that
// has at least 24 bytes, the last four.
func masked(secret string) string {
	length := "(" + strconv.Itoa(len(secret)) + " bytes)"
	if len(secret) < 24 {
		return "**** " + length
	}
	end := secret[len(secret)-4:]
	for i := range len(end) {
		if !isToken[end[i]] {
			return "**** " + length
		}
	}
	return "****" + end + " " + length
}

// unjoined leaves out what was found by concatenation where one of the same kind that is whole
// without it begins, and a comma stands behind that: what follows is the next string of a list,
// and no part of it.
func unjoined(text string, all []found) []found {
	type beginning struct {
		rule string
		at   int
	}
	joined := func(f found) bool { return strings.Contains(f.how, concatenation) }
	if !slices.ContainsFunc(all, joined) {
		return all
	}
	whole := map[beginning]int{}
	for i := range all {
		if !joined(all[i]) {
			whole[beginning{all[i].rule, all[i].at.Start}] = i
		}
	}
	more := map[beginning]gate.Severity{}
	kept := slices.DeleteFunc(slices.Clone(all), func(f found) bool {
		b := beginning{f.rule, f.at.Start}
		i, there := whole[b]
		if !there || !joined(f) || f.at.End < all[i].at.End || f.at.End > all[i].at.End && !goesOn(text[all[i].at.End:]) {
			return false
		}
		more[b] = max(more[b], f.severity)
		return true
	})
	for i := range kept {
		kept[i].severity = max(kept[i].severity, more[beginning{kept[i].rule, kept[i].at.Start}])
	}
	return kept
}

// maxComma is how far behind a string the comma of a list is looked for, in bytes: as far as a
// joint goes, and a few backslashes.
const maxComma = 16

// goesOn tells whether what stands behind a string goes on as a list does.
func goesOn(behind string) bool {
	for i := range min(len(behind), maxComma) {
		switch c := behind[i]; {
		case c == ',':
			return true
		case c != '"' && c != '\'' && c != '\\' && !isBlank[c] && (i == 0 || behind[i-1] != '\\' || !isBlankEscape(c)):
			return false
		}
	}
	return false
}

// settled orders what was found and leaves out what is inside of something that
// is at least as severe.
func settled(text string, all []found) []found {
	all = unjoined(text, all)
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(a.at.Start-b.at.Start, int(b.severity)-int(a.severity), rank(a)-rank(b), b.at.End-a.at.End, cmp.Compare(a.rule, b.rule))
	})
	kept := all[:0]
	for _, f := range all {
		inside := false
		for len(kept) > 0 && !inside {
			last := kept[len(kept)-1]
			if last.at.Start >= f.at.Start && last.at.End <= f.at.End && last.severity < f.severity {
				kept = kept[:len(kept)-1]
				continue
			}
			inside = f.at.End <= last.at.End && f.severity <= last.severity
			break
		}
		if !inside {
			kept = append(kept, f)
		}
	}
	return kept
}

// rank puts formats before what only its name gives away.
func rank(f found) int {
	if f.format {
		return 0
	}
	return 1
}

// search is one look at a text and at what it decodes to.
type search struct {
	*index
	found []found
	left  int    // bytes that may still be decoded
	joins []int  // offsets where the text was put together of pieces; words may end there
	work  int    // bytes that expressions have looked at
	dense bool   // work was exceeded
	how   string // of the text at hand
	at    mapping
}

// looks bounds what the expressions look at, in bytes for each byte of a text:
// honest texts need less than one.
const looks = 32

// plain finds what stands in a text as it is.
func (s *search) plain(text string) {
	s.work, s.dense = 0, false
	allowed := 64<<10 + looks*len(text)
	run := 0 // where the characters of tokens end
	past := 0
	for i := 0; i+3 <= len(text); i++ {
		if text[i] == '-' && strings.HasPrefix(text[i:], begin) {
			if at, ok := pem(text, i); ok {
				s.add("private_key", gate.High, text, at, true)
				i = at.End - 1
				continue
			}
		}
		k := key(text[i], text[i+1], text[i+2])
		if h := hash(k); s.bloom[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		entries, ok := s.entries[k]
		if !ok {
			continue
		}
		for j := range entries {
			e := &entries[j]
			if !e.at(text, i) {
				continue
			}
			if s.work > allowed {
				s.exhausted(text, i)
				return
			}
			end := i + len(e.literal)
			if run < end {
				for run = end; run < len(text) && isToken[text[run]]; run++ {
				}
			}
			if e.format >= 0 {
				s.formatted(text, i, end, run, &s.formats[e.format])
			} else if i >= past {
				past = max(past, s.named(text, i, end, &s.words[e.word]))
			}
		}
	}
}

// exhausted reports a text that has more literals of credentials than can be
// looked at: what follows i is unknown, so it counts as one.
func (s *search) exhausted(text string, i int) {
	if s.dense {
		return
	}
	s.dense = true
	s.add("dense", gate.Medium, text, gate.Span{Start: i, End: len(text)}, true)
}

// maxShort bounds what a format with something before its literal has behind it,
// in bytes.
const maxShort = 256

// maxMust bounds where what a format must have is looked for, in bytes.
const maxMust = 1000

// dull tells whether a token is made of what names are made of, or of numbers:
// small letters and signs alone, or digits and signs alone.
func dull(secret string) bool {
	digits, large, small := false, false, false
	for i := range len(secret) {
		c := secret[i]
		digits = digits || digit(c)
		large = large || c >= 'A' && c <= 'Z'
		small = small || c >= 'a' && c <= 'z'
	}
	return !digits && !large || !large && !small
}

// randomPart is the end of a token, in bytes, where its disorder is.
const randomPart = 24

// formatted looks for a format's secret behind its literal.
func (s *search) formatted(text string, start, end, run int, c *compiled) {
	if c.before == nil && within(text, start, s.joins) {
		return
	}
	if c.must != "" && !strings.Contains(text[end:min(len(text), end+maxMust)], c.must) {
		return
	}
	stop := run + 1
	if c.wide {
		stop = end + maxWide
	}
	stop = min(len(text), stop, end+maxToken)
	if c.before != nil { // all of them are short, and hardly ever get past what stands before
		stop = min(stop, end+maxShort)
		s.work += maxBefore
	} else {
		s.work += stop - end + 16
	}
	at, ok := c.match(text[:stop], start, end, s.joins)
	if !ok {
		return
	}
	secret := text[at.Start:at.End]
	severity := gate.High
	switch sum := checked(c.rule, secret); {
	case sum == holds:
	case c.vouch != nil && !c.vouch(secret):
		return
	case c.weak && !c.low && placeholder(secret), !c.low && dull(secret), filler(secret), few(secret[max(0, len(secret)-randomPart):]), reference(secret), !c.low && entropy(secret) < 2.6, c.low && wordy(secret) && classes(secret) < 2:
		return
	case c.weak, sum == fails:
		severity = gate.Medium
	}
	s.add(c.rule, severity, text, at, true)
}

// named looks for a value behind the word of a name, and tells up to where other
// words need not be looked at because a value was found.
func (s *search) named(text string, start, end int, w *word) int {
	s.work += 48
	if !bounded(text, start, end) {
		return 0
	}
	a, ok := assigned(text, start, end)
	if !ok || !a.plausible(w.phrase) || harmless().MatchString(a.name) {
		return 0
	}
	s.work += len(a.value)
	for i := range w.kinds {
		k := &w.kinds[i]
		if k.shape.MatchString(a.value) && owns(&a) {
			s.add(k.rule, gate.Medium, text, a.at, false)
			return a.at.Start
		}
	}
	if !w.general {
		return 0
	}
	if rule := a.generic(w.phrase); rule != "" {
		s.add(rule, gate.Medium, text, a.at, false)
		return a.at.Start
	}
	return 0
}

// add takes a secret at a place of the text at hand.
func (s *search) add(rule string, severity gate.Severity, text string, at gate.Span, format bool) {
	s.found = append(s.found, found{
		rule: rule, severity: severity, at: s.at.outer(at), secret: text[at.Start:at.End], how: s.how, format: format,
	})
}
