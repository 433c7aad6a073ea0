package poison

// prerequisites judges orders that stand before the use of anything at all.
func (s *sentence) prerequisites() {
	for i := range s.words {
		if !s.words[i].class.has(before | when) {
			continue
		}
		near := s.after(i, 8)
		if !near.has(whole|other) || !near.has(tool|task|message) {
			continue
		}
		for j := range s.words {
			if s.asked[j] == demanded && s.words[j].class.has(get|send|call|put|alter) && (j < i || j > i+2) {
				w := 2
				if near.has(whole) && near.has(other) && near.has(tool) {
					w++
				}
				if s.any.has(keeps | secret | literal | path) {
					w += 2
				}
				s.report(kind{"poison.prerequisite", signPrerequisite, "sets a condition for the use of all tools"}, w, i, j)
				return
			}
		}
	}
}

// after is what the n words after word i are.
func (s *sentence) after(i, n int) class {
	var c class
	for j := i + 1; j < len(s.words) && j <= i+n; j++ {
		c |= s.words[j].class
	}
	return c
}
