package reveal

import "strings"

// maxPerRule bounds the readings of one rule at one depth.
const maxPerRule = 16

// kept are the readings of one rule, in order. The last one takes in all that come
// after it, so that what stands behind many is read as they are.
type kept struct {
	list []reading
	rest []string // what the last one takes in
}

func (k *kept) add(r reading) {
	if len(k.list) < maxPerRule {
		k.list = append(k.list, r)
		return
	}
	last := &k.list[maxPerRule-1]
	end := max(last.span.End, r.span.End)
	if r.severity > last.severity { // people are shown the gravest
		r.span.Start = last.span.Start
		r, *last = *last, r
	}
	last.span.End = end
	k.rest = append(k.rest, r.text)
}

// readings are all of them; nothing is added after.
func (k *kept) readings() []reading {
	if len(k.rest) > 0 {
		last := &k.list[maxPerRule-1]
		last.text += "\n" + strings.Join(k.rest, "\n")
	}
	return k.list
}
