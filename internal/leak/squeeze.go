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
		at := place{raw: from}
		q.index.search(buf[:n], func(p *pattern, start int) {
			at = at.on(raw, start)
			s := p.edged(raw, span{at.raw, at.on(raw, start+len(p.text)-1).raw + 1})
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

// place is where a byte that is kept is in a text. Finds come in the order in which they begin, so
// that the place of one is looked for from that of the one before on, and a text full of them is
// read once.
type place struct {
	raw  int // in the text: the byte itself, or what is left out before it
	kept int // its number among those that are kept
}

// on is the place of a later byte that is kept, itself.
func (p place) on(raw []byte, kept int) place {
	var one [1]byte
	for {
		n, next := squeeze(one[:], raw, 0, p.raw)
		switch {
		case n == 0:
			return p // there are no more: nobody asks for one
		case p.kept == kept:
			return place{next - 1, kept}
		}
		p.raw, p.kept = next, p.kept+1
	}
}
