package poison

import "strings"

// harms judges tools that say themselves that they harm.
func (s *sentence) harms() {
	for i := range s.words {
		if !s.words[i].class.has(harm) || s.any.has(guard|example) {
			continue
		}
		w := 4
		s.report(kind{"malicious.purpose", 0, "says that the tool attacks, steals or hides"}, w, i, i)
		return
	}
	for i := range s.words {
		if s.words[i].class.has(offence) && !s.any.has(guard|example) && s.any.has(victim|harm) && s.asked[i]+1 > 0 {
			s.report(kind{"malicious.purpose", 0, "names an attack and what it is on"}, 4, i, i)
			return
		}
	}
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
