package words

import "strings"

// maxIdentifier bounds an identifier, in bytes: NAME_MAX of Linux, which a branch is
// stored under.
const maxIdentifier = 255

// Identifier judges names that programs give to things: ids, branches, refs, tags,
// packages, versions. It has no rule. Nil refuses everything.
type Identifier struct{}

// Judge says why a string may not pass as an identifier; "" when it may.
//
// Letters, digits and _ . - / + @, beginning with a letter, a digit or _, in parts
// between slashes that git takes too (git-check-ref-format(1)): none is empty, begins
// with a dot or a dash, holds two dots, or ends with a dot or ".lock". No colon: git
// and scp read what stands before it as a host.
func (id *Identifier) Judge(s string) (why string) {
	switch {
	case id == nil:
		return noRule
	case s == "":
		return "the name is empty"
	case len(s) > maxIdentifier:
		return "the name is longer than 255 bytes"
	case !isLetter(s[0]) && !isDigit(s[0]) && s[0] != '_':
		return "the name does not begin with a letter, a digit or an underscore"
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("_.-/+@", c) < 0 {
			return "the name has a character other than letters, digits and _ . - / + @ of ASCII"
		}
	}
	if strings.Contains(s, "..") {
		return "the name holds two dots in a row"
	}
	for more := true; more; {
		var part string
		part, s, more = strings.Cut(s, "/")
		switch {
		case part == "":
			return "the name has two slashes in a row, or one at its end"
		case part[0] == '.' || part[0] == '-':
			return "a part of the name begins with a dot or a dash"
		case part[len(part)-1] == '.' || strings.HasSuffix(part, ".lock"):
			return "a part of the name ends with a dot or .lock"
		}
	}
	return ""
}
