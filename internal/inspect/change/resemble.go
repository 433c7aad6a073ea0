package change

import "strings"

// swapped notes texts of parameters, and of what is in them, that are now more like what
// was approved of another than of their own: a model enters there what belongs elsewhere.
func swapped(was, is *tree, reasons map[string]bool) {
	const alike = 0.5 // of the words of two texts
	old := parameters(was)
	for at, p := range parameters(is) {
		before, had := old[at]
		if had && before.text == p.text {
			continue
		}
		own := content(before.text + " " + p.name)
		now := content(p.text)
		likest := common(now, own)
		for other, q := range old {
			if other == at || q.in == p.in {
				continue
			}
			text, named := content(q.text), content(q.text+" "+q.name)
			if like := max(common(now, text), common(now, named)); like >= alike && like > likest {
				reasons["A parameter is described as another one was."] = true
			}
		}
	}
}

// A parameterText is one text of a parameter.
type parameterText struct {
	in   string // the pointer of the parameter
	name string
	text string
}

// parameters are the texts of parameters by their pointers.
func parameters(t *tree) map[string]parameterText {
	out := map[string]parameterText{}
	for at, l := range t.leaves {
		if n := len(l.path); n > 2 && t.wording(&l) {
			p := parameterText{in: pointer(l.path[:n-1]), name: l.path[n-2], text: l.text}
			if l.path[0] == "arguments" {
				p.name = t.leaves[p.in+"/name"].text
			}
			out[at] = p
		}
	}
	return out
}

// content are the words of a text that say what it is of: longer ones, or all of a
// text that has none.
func content(text string) map[string]bool {
	const long = 4 // bytes
	all, some := map[string]bool{}, map[string]bool{}
	for w := range parts(strings.Join(strings.Fields(seen(text)), " ")) {
		for unit := range units(w) {
			all[unit] = true
			if len(unit) >= long {
				some[unit] = true
			}
		}
	}
	if len(some) > 0 {
		return some
	}
	return all
}
