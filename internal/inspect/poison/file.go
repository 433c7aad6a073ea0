package poison

// secretWords is how far from its verb a secret may be, in words.
const secretWords = 12

// files judges orders to read what keeps secrets.
func (s *sentence) files() {
	for i := range s.words {
		c := s.words[i].class
		if c.has(shell) && s.substitutes(i) {
			s.report(kind{"poison.file", signFile | signShell, "has a command substituted whose output is a secret or names the machine"}, 6, i, i)
			continue
		}
		if s.asked[i] == unasked || !c.has(get|put|send|call) {
			continue
		}
		if o := s.object(i, secretWords, keeps); o >= 0 && !s.quotes(o) && !s.ownArgument(o) {
			s.report(kind{"poison.file", signFile, "tells to read a file that keeps keys, tokens or passwords"}, s.asked[i]*2+s.leaves(i)+s.pretext(), i, o)
			continue
		}
		if !c.has(get) || c.has(passive) && !s.before(i, reach, must) {
			continue
		}
		if o := s.object(i, secretWords, secret); o >= 0 && !s.quotes(o) {
			s.report(kind{"poison.file", signFile, "tells to collect keys, passwords or environment variables"}, s.asked[i]+s.leaves(i)+s.pretext(), i, o)
			continue
		}
		if o := s.object(i, secretWords, path); o >= 0 && s.asked[i] == demanded && !s.quotes(o) {
			s.report(kind{"poison.file", signFile, "tells to read a file that the text names"}, 2+s.leaves(i), i, o)
		}
	}
}

// substitutes tells whether a command substitution reads a file or the environment.
func (s *sentence) substitutes(i int) bool {
	run := s.literally(i)
	for _, program := range []string{"cat ", "env", "whoami", "hostname", "printenv", "curl", "history", "base64", "id)"} {
		if containsFold(run, program) {
			return true
		}
	}
	return false
}

// leaves is 2 when what the verb at word i gets also goes somewhere.
func (s *sentence) leaves(i int) int {
	for j := range s.words {
		if j != i && s.words[j].class.has(put|send) && (s.asked[j] > 0 || s.words[j].class.has(gerund)) && (j > i || s.words[j].class.has(loose)) {
			return 2
		}
	}
	return 0
}

// pretext is 1 when a reason of authority is given.
func (s *sentence) pretext() int {
	if s.any.has(chief) && s.any.has(must|before) {
		return 1
	}
	return 0
}

// ownArgument tells whether the path at word o only shows what an argument is like.
func (s *sentence) ownArgument(o int) bool {
	return s.before(o, 4, example) || o > 0 && s.words[o-1].class.has(example)
}
