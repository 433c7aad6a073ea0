package poison

// arguments judges orders to hand over the conversation, the reader's instructions, or what
// others gave it, in an argument or an answer.
func (s *sentence) arguments() {
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked || !c.has(put|send|get|show|tell) || c.has(name) {
			continue
		}
		for j := i - 10; j <= i+10; j++ {
			if j < 0 || j == i || j >= len(s.words) || j < i && !c.has(loose|passive) || s.quotes(j) {
				continue
			}
			if w := s.private(j); w > 0 {
				s.report(kind{"poison.argument", signArgument, "tells to hand over the conversation, the reader's instructions or what others gave it"}, w+s.force(i)+s.sink(i, j), i, j)
				break
			}
		}
	}
}

// private weighs word j as something that is between the reader and others.
func (s *sentence) private(j int) int {
	c := s.words[j].class
	near := s.around(j, 4)
	switch {
	case c.has(prompt):
		return 3
	case c.has(talk) && near.has(whole):
		return 3
	case c.has(talk) && near.has(prior|user) && (s.later() || !near.has(message)):
		return 2
	case s.words[j].topic.has(holding) && s.around(j, 3).has(user) && s.around(j, 8).has(argument|quoted):
		return 2
	case c.has(message) && near.has(user) && near.has(whole|prior):
		return 1
	case c.has(order) && s.around(j, 3).has(you) && s.around(j, 6).has(passive) && s.any.has(argument|quoted):
		return 1
	case c.has(tool) && s.before(j, 2, you) && s.before(j, 3, whole):
		return 1
	case c.has(tool|result) && near.has(other|prior) && s.around(j, 2).has(tool) && near.has(result) && near.has(whole|prior):
		return 1
	case c.has(file) && s.around(j, 2).has(user) && s.any.has(must|when):
		return 1
	}
	return 0
}

// sink is 1 when what the verb at word i gets goes into an argument or to an address.
func (s *sentence) sink(i, j int) int {
	if s.words[i].class.has(put|send) && s.around(j, 10).has(argument|literal|quoted) {
		return 1
	}
	return 0
}
