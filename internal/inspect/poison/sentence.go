package poison

import "strings"

// A sentence is the words of one, while it is judged.
type sentence struct {
	*scan
	words []token
	any   class // of all words
	asked []int // how each word's act is asked for
}

// The ways an act is asked for.
const (
	unasked  = iota
	ordered  // the verb is where an imperative stands, or where a tool says what it does
	demanded // "you must", "first", "whenever": it is an order
)

// judge runs every rule over one sentence.
func (s *scan) judge(words []token) {
	one := sentence{scan: s, words: words}
	for i := range words {
		one.any |= words[i].class
	}
	s.signs = append(s.signs, 0)
	one.asked = make([]int, len(words))
	for i := range words {
		if words[i].class.has(verb) {
			one.asked[i] = one.asks(i)
		}
	}
	defer func() { s.carried = one.announces() }()
	one.frames()
	one.roles()
	one.overrides()
	one.conceals()
	one.hides()
	one.forgeries()
	one.files()
	one.recipients()
	one.triggers()
	one.swaps()
	one.others()
	one.prerequisites()
	one.arguments()
	one.fills()
	one.preferences()
	one.subjects()
	one.harms()
	one.commands()
	one.blended()
}

// reach bounds how far before a verb its "must" may be, in words.
const reach = 6

// asks tells how the verb at word i is asked for.
func (s *sentence) asks(i int) int {
	c := s.words[i].class
	if s.negated(i) || c.has(quoted) && s.alone(i) || c.has(message) && !c.has(loose) && !s.objective(i) {
		return unasked
	}
	if c.has(passive | gerund) {
		if s.before(i, 2*reach, must) || c.has(gerund) && s.before(i, 14, must) {
			return demanded
		}
		if c.has(loose) && s.any.has(must) {
			return demanded
		}
		return unasked
	}
	if c.has(third) {
		if s.before(i, 5, model) && !s.before(i, 2, not) {
			return demanded
		}
		return unasked
	}
	pressed := s.pressed(i)
	if c.has(loose) {
		return ordered + pressed
	}
	list := false
	for j := i; ; j-- {
		w := &s.words[j]
		if j == 0 || w.gap >= comma {
			return ordered + pressed
		}
		p := s.words[j-1].class
		switch {
		case p.has(must), p.has(be) && s.before(j-1, 3, must):
			return demanded
		case p.has(filler|covert) && i-j <= reach:
			list = list || s.chained(j)
		case p.has(verb) && s.asked[j-1] > 0:
			return s.asked[j-1]
		case list:
			return s.last(j)
		case j == i && s.led(i):
			return demanded
		default:
			return unasked
		}
	}
}

// led tells whether the verb at word i is the order after a purpose or a condition that no
// comma ends: "to unlock it supply the key".
func (s *sentence) led(i int) bool {
	for _, lead := range []string{"to", "for", "if", "when", "whenever", "before", "after", "while", "once"} {
		if s.is(0, lead) {
			p := s.words[i-1].class
			return i > 2 && s.objective(i) && !p.has(you|model|user|this|not|be) && !s.is(i-1, "to") && !s.is(i-1, "the") && !s.is(i-1, "a") && !s.is(i-1, "of")
		}
	}
	return false
}

// alone tells whether the quoted word i is all that its quote has: a key, a value.
func (s *sentence) alone(i int) bool {
	end := s.words[i].end
	return end < len(s.text) && strings.IndexByte("\"'`", s.text[end]) >= 0
}

// objective tells whether a word that may be a verb or what is sent ("email") is
// followed by what it acts on.
func (s *sentence) objective(i int) bool {
	return i+1 < len(s.words) && s.words[i+1].gap == joined && (s.words[i+1].class.has(whole|this|you|prior) || s.is(i+1, "the") || s.is(i+1, "a") || s.is(i+1, "them"))
}

// later tells whether the sentence is not the first of a definition's own description, which
// says what the tool does.
func (s *sentence) later() bool {
	if len(s.signs) > 1 || strings.Contains(s.text[:s.words[0].start], "。") {
		return true // a sentence before may have had no word that is known
	}
	switch s.about.Field {
	case "", "/description", "/title", "/annotations/title", "/name":
		return false
	}
	return true
}

// force is the weight of how the act at word i is asked for. What stands after the first
// sentence of a definition seldom says what the tool does.
func (s *sentence) force(i int) int {
	if s.asked[i] == ordered && s.later() {
		return 2
	}
	return s.asked[i]
}

// pressed is 1 when what is before the verb makes an order of it.
func (s *sentence) pressed(i int) int {
	if s.words[i].class.has(loose) {
		if s.any.has(must | before | when | standing) {
			return 1
		}
		return 0
	}
	if s.carried {
		return 1
	}
	for j := range i {
		if s.words[j].class.has(must | before | when | standing | covert) {
			return 1
		}
	}
	return 0
}

// chained tells whether the word before j joins it to an earlier verb.
func (s *sentence) chained(j int) bool {
	return s.is(j-1, "and") || s.is(j-1, "or") || s.is(j-1, "then")
}

// last is how the last verb before word j was asked for.
func (s *sentence) last(j int) int {
	for k := j - 1; k >= 0 && j-k < 20; k-- {
		if s.asked[k] > 0 {
			return s.asked[k]
		}
	}
	return unasked
}

// negated tells whether the verb at word i is one that is not to be done.
func (s *sentence) negated(i int) bool {
	for j := i - 1; j >= 0 && i-j <= 4; j-- {
		if s.words[j].class.has(not) {
			return true
		}
		if s.words[j+1].gap >= comma || s.words[j].class.has(verb) && s.words[j].class.has(name) {
			return false
		}
	}
	if s.words[i].class.has(not) {
		return true
	}
	if s.words[i].class.has(loose) {
		for j := i + 1; j < len(s.words) && j-i <= 6; j++ {
			if s.words[j].gap >= comma {
				return false
			}
			if s.words[j].class.has(not) {
				return true
			}
		}
	}
	return false
}

// is tells whether word i reads so, folded.
func (s *sentence) is(i int, word string) bool {
	return i >= 0 && i < len(s.words) && string(s.reader.fold[s.words[i].fold:s.words[i].folded]) == word
}

// literally is word i as it stands in the text.
func (s *sentence) literally(i int) string { return s.text[s.words[i].start:s.words[i].end] }

// before tells whether one of n words before word i has one of the classes.
func (s *sentence) before(i, n int, c class) bool {
	for j := max(0, i-n); j < i; j++ {
		if s.words[j].class.has(c) {
			return true
		}
	}
	return false
}

// object is the first word of a class that the verb at word i can act on: after it, and
// before it where the language or a passive has it so; -1 without any.
func (s *sentence) object(i, n int, c class) int {
	for j := i + 1; j < len(s.words) && j-i <= n; j++ {
		if s.words[j].class.has(c) {
			return j
		}
	}
	if s.words[i].class.has(loose|passive) || i+1 < len(s.words) && (s.is(i+1, "it") || s.is(i+1, "them") || s.is(i+1, "these") || s.is(i+1, "those")) {
		for j := i - 1; j >= 0 && i-j <= n+4; j-- {
			if s.words[j].class.has(c) {
				return j
			}
		}
	}
	return -1
}

// around is what the words within n of word i are.
func (s *sentence) around(i, n int) class {
	var c class
	for j := max(0, i-n); j <= i+n && j < len(s.words); j++ {
		c |= s.words[j].class
	}
	return c
}

// have notes a sign of the sentence.
func (s *sentence) have(g sign) { s.signs[len(s.signs)-1] |= g }

// report notes an act that words i to j ask for, and its sign when it is one of weight.
func (s *sentence) report(k kind, weight, i, j int) {
	i, j = min(i, j), max(i, j)
	if weight >= 2 {
		s.have(k.sign)
	}
	s.acts = append(s.acts, act{
		kind: k, weight: weight, sentence: len(s.signs) - 1,
		start: s.words[i].start, end: s.words[j].end,
	})
}

// quotes tells whether word i is a value in JSON or stands after "for example": the text
// speaks about it.
func (s *sentence) quotes(i int) bool {
	if before := strings.TrimRight(s.text[max(0, s.words[i].start-6):s.words[i].start], " "); strings.HasSuffix(before, `": "`) || strings.HasSuffix(before, `":"`) || strings.HasSuffix(before, `["`) || strings.HasSuffix(before, `", "`) || strings.HasSuffix(before, `="`) {
		return true
	}
	for j := max(0, i-6); j <= i; j++ {
		if s.words[j].class.has(example) {
			return true
		}
	}
	return false
}
