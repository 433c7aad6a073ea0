package poison

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
	one.frames()
	one.roles()
	one.overrides()
	one.conceals()
	one.files()
	one.recipients()
	one.others()
	one.prerequisites()
	one.arguments()
	one.preferences()
	one.harms()
}

// reach bounds how far before a verb its "must" may be, in words.
const reach = 6

// asks tells how the verb at word i is asked for.
func (s *sentence) asks(i int) int {
	c := s.words[i].class
	if s.negated(i) {
		return unasked
	}
	if c.has(passive | gerund) {
		if s.before(i, reach, must|be) && s.before(i, reach+2, must) || c.has(gerund) && s.before(i, 14, must) {
			return demanded
		}
		if !c.has(asked) {
			return unasked
		}
	}
	pressed := s.pressed(i)
	if c.has(loose) && c.has(asked) {
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
		case p.has(must):
			return demanded
		case p.has(filler|covert) && i-j <= reach:
			list = list || s.chained(j)
		case p.has(verb) && s.asked[j-1] > 0:
			return s.asked[j-1]
		case list:
			return s.last(j)
		default:
			return unasked
		}
	}
}

// pressed is 1 when what is before the verb makes an order of it.
func (s *sentence) pressed(i int) int {
	if s.words[i].class.has(loose) {
		if s.any.has(must | before | when | standing) {
			return 1
		}
		return 0
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
	if s.words[i].class.has(loose) {
		for j := i + 1; j < len(s.words) && j-i <= 3; j++ {
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
	if s.words[i].class.has(loose | passive) {
		for j := i - 1; j >= 0 && i-j <= n; j-- {
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

// quotes tells whether word i stands in a quote or after "for example": the text
// speaks about it.
func (s *sentence) quotes(i int) bool {
	for j := max(0, i-6); j <= i; j++ {
		if s.words[j].class.has(example) {
			return true
		}
	}
	return false
}
