package paths

import "strings"

// maxExpanded bounds the readings of a path with brackets.
const maxExpanded = 256

// mayExpand tells whether a server that takes brackets for a class of characters,
// as shells do, could read the path as one in a closed part: "/srv/[k]eys". What
// has more readings than can be looked at may.
func (j *Judge) mayExpand(path string) bool {
	if _, absolute := j.start(path); !absolute {
		path = j.base + path
	}
	readings := []string{""}
	for {
		before, after, found := strings.Cut(path, "[")
		class, rest, closed := strings.Cut(after, "]")
		if !found || !closed {
			break
		}
		chars, ok := expand(class)
		if !ok || len(readings)*len(chars) > maxExpanded {
			return true
		}
		next := make([]string, 0, len(readings)*len(chars))
		for _, r := range readings {
			for _, c := range chars {
				next = append(next, r+before+string(c))
			}
		}
		readings, path = next, rest
	}
	for _, r := range readings {
		if j.isClosed(r + path) {
			return true
		}
	}
	return false
}

// expand lists the characters of a class; false for one that names what it leaves
// out, has a range that is too long, or is none.
func expand(class string) ([]rune, bool) {
	all := []rune(class)
	if len(all) == 0 || all[0] == '!' || all[0] == '^' {
		return nil, false
	}
	var chars []rune
	for i := 0; i < len(all); i++ {
		if i+2 >= len(all) || all[i+1] != '-' {
			chars = append(chars, all[i])
			continue
		}
		from, to := all[i], all[i+2]
		if to < from || to-from > maxExpanded {
			return nil, false
		}
		for c := from; c <= to; c++ {
			chars = append(chars, c)
		}
		i += 2
	}
	return chars, len(chars) <= maxExpanded
}
