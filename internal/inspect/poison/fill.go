package poison

// fills judges what is said to belong in an argument: "the `note` field must carry …".
func (s *sentence) fills() {
	if !s.later() || s.any.has(example|guard) {
		return
	}
	for j := range s.words {
		w := &s.words[j]
		if !w.class.has(argument|quoted|name) || w.class.has(quoted) && !w.class.has(name) && !s.alone(j) || lastSecret(s.literally(j)) >= 0 || w.class.has(secret) {
			continue
		}
		end := min(j+7, len(s.words)-1)
		if !s.topics(j+1, j+4).has(takes) && !s.after(j, 4).has(must|be) {
			continue
		}
		for o := j + 1; o < len(s.words) && o <= end+7; o++ {
			if o > j+1 && s.words[o].gap >= comma {
				break
			}
			if weight := s.filled(o); weight > 0 && !s.quotes(o) {
				s.report(kind{"poison.argument", signArgument, "says that an argument is for secrets, the conversation or what the user has elsewhere"}, weight+s.must(), j, o)
				return
			}
		}
	}
}

// filled weighs word o as what an argument is to hold.
func (s *sentence) filled(o int) int {
	c, near := s.words[o].class, s.around(o, 4)
	switch {
	case c.has(keeps):
		return 4
	case c.has(prompt), c.has(talk) && s.around(o, 3).has(whole|prior), c.has(order) && near.has(you) && near.has(passive):
		return 3
	case c.has(secret) && !c.has(name) && near.has(user|whole):
		return 3
	case s.words[o].topic.has(holding) && s.around(o, 3).has(user):
		return 3
	}
	return 0
}
