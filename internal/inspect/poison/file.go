package poison

import "strings"

// secretWords is how far from its verb a secret may be, in words.
const (
	secretWords = 12
	nearSecret  = 7 // for one that is only named by its kind
)

// files judges orders to read what keeps secrets.
func (s *sentence) files() {
	for i := range s.words {
		c := s.words[i].class
		if c.has(shell) && s.substitutes(i) {
			s.report(kind{"poison.file", signFile | signShell, "has a command substituted whose output is a secret or names the machine"}, 6, i, i)
			continue
		}
		if s.asked[i] == unasked || !c.has(get|put|send|call|do) {
			continue
		}
		if o := s.object(i, secretWords, keeps); o >= 0 && !s.quotes(o) {
			s.report(kind{"poison.file", signFile, "tells to read a file that keeps keys, tokens or passwords"}, s.path(i), i, o)
			continue
		}
		if c&(get|put|send) == 0 {
			continue
		}
		if o := s.object(i, nearSecret, secret); o >= 0 && !c.has(secret) && !s.is(i, "set") && !s.quotes(o) && !s.by(i, o) {
			s.report(kind{"poison.file", signFile, "tells to collect keys, passwords or environment variables"}, s.secret(i, o), i, o)
			continue
		}
		if o := s.object(i, secretWords, path); o >= 0 && s.asked[i] == demanded && c.has(get) && !s.quotes(o) && !strings.Contains(s.literally(o), "://") {
			s.report(kind{"poison.file", signFile, "tells to read a file that the text names"}, 2+s.leaves(i), i, o)
		}
	}
}

// path weighs the order at word i about a path where secrets are kept.
func (s *sentence) path(i int) int {
	w := s.force(i) + 2 + s.leaves(i) + s.pretext()
	if s.asked[i] == demanded {
		w++
	}
	if s.any.has(must|fail) && s.any.has(before|when) {
		w++
	}
	if s.words[i].class.has(send) && s.later() {
		w++
	}
	return w
}

// secret weighs the order at word i about the secret at word o, which is named only by
// its kind: honest tools speak of their own.
func (s *sentence) secret(i, o int) int {
	w := s.force(i)
	near := s.around(o, 4)
	if near.has(user) && s.words[i].class.has(send) && s.later() {
		w++
	}
	if s.asked[i] == demanded && !near.has(you) {
		w++
	}
	if near.has(user) {
		w++
	}
	if near.has(whole) {
		w++
	}
	if s.any.has(literal) {
		w++
	}
	if s.words[i].class.has(get) {
		if w += s.leaves(i); s.leaves(i) > 0 && s.any.has(argument|literal|quoted) {
			w++
		}
	}
	return w + s.pretext()
}

// by tells whether word o is what the act at word i is done with: "fetch it using the token".
func (s *sentence) by(i, o int) bool {
	for j := i + 1; j < o; j++ {
		if s.words[j].gap >= clause || s.is(j, "using") || s.is(j, "with") || s.is(j, "via") || s.is(j, "by") {
			return true
		}
	}
	return false
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
