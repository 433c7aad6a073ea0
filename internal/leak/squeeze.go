package leak

import "sync"

// minSqueezed is how much of a text is read at a time without what stands between, in bytes.
const minSqueezed = 16 << 10

// between tells for each byte whether it is kept (1) where coded secrets are looked for that are
// split, into lines, or byte by byte with blanks or colons.
const between = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x01\x01\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"

// squeezer looks for coded secrets in a text without its blanks, ends of lines and colons.
type squeezer struct {
	index   index
	longest int // of the patterns, in bytes
	bufs    sync.Pool
}

func newSqueezer(patterns []pattern) *squeezer {
	q := &squeezer{}
	for i := range patterns {
		if patterns[i].coded {
			q.index.patterns = append(q.index.patterns, patterns[i])
			q.longest = max(q.longest, len(patterns[i].text))
		}
	}
	if len(q.index.patterns) == 0 {
		return nil
	}
	q.index.build()
	q.bufs.New = func() any {
		buf := make([]byte, max(minSqueezed, 2*q.longest))
		return &buf
	}
	return q
}

// find is where the patterns are in a text. It holds no more of it than a buffer, and what one
// ends with is at the beginning of the next.
func (q *squeezer) find(f *finding, raw []byte, isJSON bool) (spans []span) {
	if q == nil || len(raw) < q.index.block {
		return nil
	}
	held := q.bufs.Get().(*[]byte) //nolint:forcetypeassert // New makes nothing else
	defer q.bufs.Put(held)
	buf := *held
	from, n, i := 0, 0, 0 // where buf begins in raw, how much it has, and what is next
	for {
		keep := len(buf) - q.longest
		n, i = squeeze(buf[:keep], raw, n, i)
		mark := i
		if n == keep {
			n, i = squeeze(buf, raw, n, i)
		}
		q.index.search(buf[:n], func(p *pattern, start int) {
			s := p.edged(raw, stretch(raw, from, span{start, start + len(p.text)}))
			if !isJSON || !cut(raw, s.start) {
				f.seen[p.name] = true
				spans = append(spans, s)
			}
		})
		if i == len(raw) {
			return spans
		}
		from, n = mark, copy(buf, buf[keep:n])
	}
}

// squeeze goes on to fill a buffer that has n bytes with what is kept of raw from i on.
func squeeze(buf, raw []byte, n, i int) (int, int) {
	for n < len(buf) && i < len(raw) {
		rest := raw[i:min(len(raw), i+len(buf)-n)]
		at := 0
		for at < len(rest) && rest[at] != '\\' {
			c := rest[at]
			buf[n] = c
			n += int(between[c])
			at++
		}
		i += at
		switch {
		case at == len(rest):
		case i+1 < len(raw) && isEnd(raw[i+1]):
			i += 2
		default:
			buf[n] = '\\'
			n, i = n+1, i+1
		}
	}
	return n, i
}

// isEnd tells of the letter of an escape of JSON whether it is a line's end or a tabulator.
func isEnd(c byte) bool { return c == 'n' || c == 'r' || c == 't' }

// stretch is where a span of what is kept of raw from a place on is in raw.
func stretch(raw []byte, from int, s span) span {
	var one [1]byte
	out, seen := span{}, 0
	for i := from; i < len(raw); {
		n, next := squeeze(one[:], raw, 0, i)
		if n == 0 {
			break
		}
		if seen == s.start {
			out.start = next - 1
		}
		if seen++; seen == s.end {
			out.end = next
			break
		}
		i = next
	}
	return out
}
