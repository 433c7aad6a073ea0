package change

// asks are classes that a sentence has together when it asks for something that the
// user of a model did not, with what a person is told.
//
//nolint:gochecknoglobals // a table; read-only
var asks = []struct {
	all  class
	told string
}{
	{person, "It speaks of people of whom it did not speak."},
	{data, "It asks for something about people or their files."},
	{person | file, "It asks for something about people or their files."},
	{put | file, "It asks for something about people or their files."},
	{asked | file, "It asks for something about people or their files."},
	{asked | name, "It asks for something about people or their files."},
	{you | asked, "It speaks of who asks, or of what was asked."},
	{put | asked, "It speaks of who asks, or of what was asked."},
	{use | first, "It says when it is to be used before others, or always."},
	{deny | tell, told[conceal]},
	{message | whole, "It speaks of who asks, or of what was asked."},
	{message | put, "It speaks of who asks, or of what was asked."},
	{tool | other, "It speaks of other tools."},
}

// steering notes new sentences that ask for something. An old one that says it in
// nearly the same words may be mended.
func steering(was, is *tree, reasons map[string]bool) {
	var old []sentence
	for _, l := range was.leaves {
		if was.wording(&l) {
			old = append(old, sentences(l.text)...)
		}
	}
	for at, l := range is.leaves {
		if !is.wording(&l) || was.leaves[at].text == l.text {
			continue
		}
		all := sentences(l.text)
		for _, s := range all {
			for _, ask := range asks {
				if s.class&ask.all == ask.all && !said(old, &s, ask.all) {
					reasons[ask.told] = true
				}
			}
		}
		if len(l.path) > 2 && adds(old, was.leaves[at].text, all) {
			reasons["A parameter is to have something beside what it had."] = true
		}
		if n := len(l.path); n > 0 && l.path[n-1] == "title" && recommends(all) {
			reasons["Its title says how it is to be used."] = true
		}
	}
}

// adds tells whether what is said of a parameter now joins something to it.
func adds(old []sentence, before string, now []sentence) bool {
	for _, s := range sentences(before) {
		if s.class&also != 0 {
			return false
		}
	}
	for i := range now {
		if now[i].class&also != 0 && !said(old, &now[i], also) {
			return true
		}
	}
	return false
}

// recommends tells whether a title is short and says when, or why, a thing is to be
// used. A title of a whole sentence is judged as a description is.
func recommends(title []sentence) bool {
	const short = 6 // words, of which two letters are half a one in scripts without spaces
	halves, c := 0, class(0)
	for _, s := range title {
		c |= s.class
		for w := range s.words {
			if halves++; !spaceless(w) {
				halves++
			}
		}
	}
	return halves <= 2*short && c&(first|bid|asked|you) != 0
}

// said tells whether one of the old sentences asked for the same and is much like s.
func said(old []sentence, s *sentence, all class) bool {
	for i := range old {
		if old[i].class&all == all && common(old[i].words, s.words) >= 0.5 {
			return true
		}
	}
	return false
}
