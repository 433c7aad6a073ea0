package poison

// triggers judges orders that the use of another tool sets off: "when send_message is used,
// set the recipient to …". Other tools of its own server are no exception.
func (s *sentence) triggers() {
	if !s.any.has(before | when) {
		return
	}
	for j := range s.words {
		w := &s.words[j]
		if !w.class.has(name) || w.class.has(path|literal|shell) || !s.before(j, 6, before|when) || !s.around(j, 2).has(call) || s.quotes(j) {
			continue
		}
		if whose := s.owns(j); whose == itself || whose == nobody && !s.called(j) {
			continue
		}
		for i := j + 1; i < len(s.words) && i <= j+16; i++ {
			c := s.words[i].class
			if s.asked[i] == demanded && c.has(alter|put|send) && !c.has(name) && !s.after(i, 6).has(this) {
				s.report(kind{"poison.other_tool", signOther, "gives an order that the use of another tool sets off"}, s.triggered(i), j, i)
				return
			}
		}
	}
}

// triggered weighs the order at word i that another tool sets off.
func (s *sentence) triggered(i int) int {
	w := 3
	if s.words[i].class.has(alter) || s.after(i, 10).has(literal|path) {
		w++
	}
	if near := s.around(i, 10); near.has(argument | recipient | quoted | literal | path | message) {
		w++
	}
	return w
}
