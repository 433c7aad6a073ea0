package poison

import "strings"

// harms judges tools that say themselves that they harm: by the words of what they do, and of
// their name.
func (s *sentence) harms() {
	if len(s.signs) > 2 || !strings.HasSuffix(s.about.Field, "/description") && s.about.Field != "" || strings.Contains(s.about.Field, "/properties/") {
		return
	}
	w, first, last := 0, -1, 0
	seen := class(0)
	for i := range s.words {
		c := s.words[i].class & (harm | offence | victim)
		if c == 0 || s.quotes(i) {
			continue
		}
		switch {
		case c.has(harm):
			w += 3
		case c.has(offence):
			if !s.repeats(i, first) {
				w += 2
			}
		case !seen.has(victim):
			w++
		}
		seen |= c
		if first < 0 {
			first = i
		}
		last = i
	}
	if len(s.signs) > 1 && first < 0 {
		return
	}
	bad := s.badName()
	if first < 0 {
		first, last = 0, len(s.words)-1
	}
	if !seen.has(harm|offence) && !seen.has(victim) || s.guards() {
		w = 0
	}
	if w += bad; w >= medium && (bad > 0 || seen.has(harm|offence)) {
		s.report(kind{"malicious.purpose", 0, "says that the tool attacks, steals or hides"}, min(w, high-1), first, last)
	}
}

// guards tells whether the sentence is about finding or preventing harm.
func (s *sentence) guards() bool {
	if s.words[0].class.has(harm | offence) {
		return s.any.has(example)
	}
	for i := range s.words[:min(len(s.words), 3)] {
		if s.words[i].class.has(guard) {
			return true
		}
	}
	return s.any.has(example) || s.words[0].class.has(not)
}

// repeats tells whether word i is also word first: said twice it weighs no more.
func (s *sentence) repeats(i, first int) bool {
	return first >= 0 && strings.EqualFold(s.literally(i), s.literally(first))
}

// badName weighs the words of the tool's name.
func (s *sentence) badName() int {
	w := 0
	for word := range strings.FieldsFuncSeq(strings.ToLower(s.about.Name), func(r rune) bool { return r == '_' || r == '-' || r == '.' }) {
		switch c := s.reader.words.word([]byte(word)).class; {
		case c.has(harm):
			w += 4
		case c.has(offence):
			w += 2
		}
	}
	return min(w, 4)
}

// fetchers are what commands have that run what they fetch, or leave nothing behind.
//
//nolint:gochecknoglobals // a table; read-only
var fetchers = []string{"| sh", "|sh", "| bash", "|bash", "curl -", "curl http", "wget http", "base64 -d", "chmod +x", "rm -rf /", "rm -rf ~", "nc -e", "/dev/tcp/", "powershell -", "iex ("}

// commands judges orders to run what comes from elsewhere.
func (s *sentence) commands() {
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked || !c.has(call|do|get|put) {
			continue
		}
		o := s.object(i, 14, link)
		if o >= 0 && !s.quotes(o) && s.runs(i) {
			s.report(kind{"malicious.command", signShell, "tells to fetch a program and run it"}, s.force(i)+2, i, o)
			return
		}
	}
	run := strings.ToLower(s.text[s.words[0].start:s.words[len(s.words)-1].end])
	for _, f := range fetchers {
		if strings.Contains(run, f) && s.anyAsked() && !s.any.has(example|guard) {
			s.report(kind{"malicious.command", signShell, "has a command that fetches and runs, or destroys"}, 4, 0, len(s.words)-1)
			return
		}
	}
}

// runs tells whether what the verb at word i gets is also run or installed.
func (s *sentence) runs(i int) bool {
	for j := range s.words {
		if s.asked[j] > 0 && (s.is(j, "run") || s.is(j, "execute") || s.is(j, "install") || s.words[j].class.has(call) && j != i) {
			return true
		}
	}
	return false
}
