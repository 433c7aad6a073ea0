package poison

import "strings"

// A stretch is a run of a text without a blank or a bracket, and where in it what
// makes literals stands last: a word in it is looked at as what goes from there to
// its end, and there may be as many as it has letters. Offsets are of the text; -1
// where there is none.
type stretch struct {
	start, end, stop int // it ends at end, but for the punctuation up to stop
	marked           int // what no plain word has
	dot, slash       int
	scheme           int // "://"
	secret           int // a part of secretive
}

// stretch is what r.at stands in.
func (r *reader) stretch() *stretch {
	if u := &r.run; r.at < u.stop && r.at >= u.start {
		return u
	}
	r.run = stretchAt(r.text, r.at)
	return &r.run
}

func stretchAt(text string, start int) stretch {
	u := stretch{start: start, marked: -1, dot: -1, slash: -1, scheme: -1, secret: -1}
	for u.stop = start; u.stop < len(text) && u.extends(text); u.stop++ {
	}
	run := text[start:u.stop]
	u.end = start + len(strings.TrimRight(run, ".:!?"))
	if u.marked < 0 {
		return u
	}
	last := func(part string) int {
		if i := strings.LastIndex(text[start:u.end], part); i >= 0 {
			return start + i
		}
		return -1
	}
	u.dot, u.slash, u.scheme = last("."), last("/"), last("://")
	if i := lastSecret(text[start:u.end]); i >= 0 {
		u.secret = start + i
	}
	return u
}

// extends tells whether the byte at u.stop is part of the run, and notes what it is.
func (u *stretch) extends(text string) bool {
	switch c := text[u.stop]; {
	case c <= ' ' || c >= 0x80 || strings.IndexByte("\"'`<>()[]{},;|*\\", c) >= 0:
		return false
	case c == '$' && u.stop > u.start && strings.HasPrefix(text[u.stop:], "$("):
		return false
	case c >= '0' && c <= '9' || strings.IndexByte("/@._~%+$", c) >= 0:
		u.marked = u.stop
	}
	return true
}

// bareFile tells whether a word of it, from start to its end, is the name of a file
// without a root.
func (u *stretch) bareFile(word string, start int) bool {
	return word[0] == '.' || u.dot > max(u.slash, start) && u.end-u.dot <= 6 || strings.HasPrefix(word, "id_")
}
