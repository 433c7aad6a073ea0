package sight

import "strings"

// declaration is one of a style: what a property is to be.
type declaration struct {
	name      string // custom properties have two hyphens before theirs
	value     []token
	important bool
}

// declarations are those of a style, in their order. Browsers that know rules within rules end what
// is no declaration at a block, and all of it at a bracket that closes none (CSS Syntax 3 of 2023
// and later, section 5.5.4); the others go on to the next semicolon (that of 2021, section 5.4.5).
func declarations(ts []token, nested bool) (list []declaration) {
	for i := 0; i < len(ts); {
		if t := ts[i]; t.kind == ender {
			i++
			continue
		} else if nested && t.kind == closes && t.text == "}" {
			break
		}
		d, end := declared(ts[i:], nested)
		if d.name != "" {
			list = append(list, d)
		}
		i += end
	}
	return list
}

// declared is the declaration that tokens begin with, without a name if they begin with none, and how
// many it takes.
func declared(ts []token, nested bool) (d declaration, end int) {
	is := ts[0].kind == ident && len(ts) > 1 && ts[1].kind == colon
	blocks := ts[0].kind == atWord || nested && (!is || !strings.HasPrefix(ts[0].text, "--")) // a block ends it
	if is {
		end = 2
	}
	begin := end
	for end < len(ts) && ts[end].kind != ender {
		t := ts[end]
		if nested && t.kind == closes && t.text == "}" {
			break
		}
		is = is && t.kind != closes
		n := component(ts[end:])
		end += n
		if blocks && t.kind == opens && t.text == "{" {
			return declaration{}, end
		}
		for _, inner := range ts[end-n : end] {
			is = is && inner.kind != bad
		}
	}
	if !is {
		return declaration{}, max(end, 1)
	}
	d = declaration{name: ts[0].text, value: ts[begin:end]}
	if n := len(d.value); n > 0 && d.value[n-1].kind == ident && d.value[n-1].text == "important" {
		if before := d.value[:n-1]; n > 1 && before[n-2].kind == mark && before[n-2].text == "!" {
			d.value, d.important = before[:n-2], true
		}
	}
	return d, end
}

// component is how many tokens the first value takes: one, or all up to the bracket that closes what
// it opens, or the end (section 5.4.7).
func component(ts []token) int { return min(max(int(ts[0].takes), 1), len(ts)) }

// group takes a function or what brackets hold from the front of tokens: what stands in it, and how
// many tokens it takes; 0 for none.
func group(ts []token) (inner []token, n int) {
	if len(ts) == 0 || ts[0].kind != function && ts[0].kind != opens {
		return nil, 0
	}
	n = component(ts)
	inner = ts[1:n]
	if len(inner) > 0 && inner[len(inner)-1].kind == closes {
		inner = inner[:len(inner)-1]
	}
	return inner, n
}

// call is a value that is one function: its name, and what stands in it.
func call(ts []token) (name string, inner []token, ok bool) {
	inner, n := group(ts)
	if n == 0 || n != len(ts) || ts[0].kind != function {
		return "", nil, false
	}
	return ts[0].text, inner, true
}
