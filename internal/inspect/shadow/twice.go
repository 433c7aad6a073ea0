package shadow

import "strings"

// From when two upstreams are one server that is run twice, say for two accounts: so
// many tools are identical, and so large a share of the tools of each.
const (
	leastTwice = 3
	shareTwice = 0.9
)

// likes is how many tools upstreams have, and how many are identical.
type likes struct {
	tools map[string]int
	both  map[[2]string]int // by the two upstreams in order
}

// likesOf counts. Entries are sorted by upstream.
func likesOf(entries []entry) likes {
	l := likes{tools: map[string]int{}, both: map[[2]string]int{}}
	owners := map[string][]string{} // of each definition, at most maxBucket
	for i := range entries {
		e := &entries[i]
		key := strings.Join(append([]string{e.Name, e.Description}, e.Inputs...), "\x00")
		list := owners[key]
		if n := len(list); n > 0 && list[n-1] == e.Upstream {
			continue // the same definition twice counts once
		}
		l.tools[e.Upstream]++
		for _, o := range list {
			l.both[[2]string{o, e.Upstream}]++
		}
		if len(list) < maxBucket {
			owners[key] = append(list, e.Upstream)
		}
	}
	return l
}

// twice tells whether nearly all tools of both upstreams are identical.
func (l *likes) twice(a, b string) bool {
	if a > b {
		a, b = b, a
	}
	n := l.both[[2]string{a, b}]
	return n >= leastTwice && float64(n) >= shareTwice*float64(max(l.tools[a], l.tools[b]))
}
