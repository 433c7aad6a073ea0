package chunk

import (
	"strings"

	"doorward/internal/docs"
)

// kind is what may be done with a block.
type kind uint8

const (
	flow  kind = iota // may be cut anywhere that a sentence or a line ends
	whole             // is kept in one piece up to Bounds.Most
	head              // a heading: belongs to what follows it
)

// maxBlocks bounds the blocks of a text: twice the passages that the largest document has.
// What is behind the last is cut as one.
const maxBlocks = 200_000

// block is a stretch of a text. It ends where the next begins.
type block struct {
	start   int
	heading string // the path that it stands under
	kind    kind
	page    bool // it begins a page
}

// piece is a passage in the making.
type piece struct {
	start, end int
	heading    string
	stub       bool // headings alone
	page       bool // it begins a page, by whose number it is cited
}

func (p *piece) size() int { return p.end - p.start }

// Passages cuts a text into passages, which are it when they are put one after the other.
// None has more than b.Most bytes; a text of nothing has none.
func (t *Text) Passages(uri string, b Bounds) []docs.Passage {
	pieces := b.tails(b.merge(b.pieces(t)))
	out := make([]docs.Passage, 0, len(pieces))
	type same struct{ heading, text string }
	nth := make(map[same]int, len(pieces))
	for _, p := range pieces {
		s := same{shorten(p.heading, docs.MaxHeading), t.Body[p.start:p.end]}
		out = append(out, docs.Passage{ID: docs.PassageID(uri, s.heading, s.text, nth[s]), Heading: s.heading, Start: p.start, Text: s.text})
		nth[s]++
	}
	return out
}

// pieces are the blocks, with those cut that are too long.
func (b Bounds) pieces(t *Text) []piece {
	var out []piece
	for i, bl := range t.blocks {
		end := len(t.Body)
		if i+1 < len(t.blocks) {
			end = t.blocks[i+1].start
		}
		room := b.Target
		if bl.kind != flow {
			room = b.Most
		}
		if end-bl.start <= room {
			out = append(out, piece{start: bl.start, end: end, heading: bl.heading, stub: bl.kind == head, page: bl.page})
			continue
		}
		for at := bl.start; at < end; {
			next := cutAt(t.Body, at, end, b.Target)
			out = append(out, piece{start: at, end: next, heading: bl.heading, page: bl.page && at == bl.start})
			at = next
		}
	}
	return out
}

// merge puts together what follows one another: under one heading up to Target, headings
// with what they are of, and what is shorter than Min with its neighbour, but not with another page.
func (b Bounds) merge(in []piece) []piece {
	var out []piece
	for _, p := range in {
		if len(out) == 0 {
			out = append(out, p)
			continue
		}
		last := &out[len(out)-1]
		sum := last.size() + p.size()
		switch {
		case last.stub && sum <= b.Most:
			last.heading = p.heading
		case last.heading == p.heading && !p.stub && sum <= b.Target:
		case last.size() < b.Min && !p.stub && !p.page && sum <= b.Target:
			last.heading = common(last.heading, p.heading)
		default:
			out = append(out, p)
			continue
		}
		last.end, last.stub = p.end, last.stub && p.stub
	}
	return out
}

// tails puts what is left over and shorter than Min at the end of what it goes on from.
func (b Bounds) tails(in []piece) []piece {
	out := in[:0]
	for _, p := range in {
		if n := len(out); n > 0 && p.size() < b.Min && out[n-1].heading == p.heading && out[n-1].size()+p.size() <= min(b.Most, b.Target+b.Min) {
			out[n-1].end = p.end
			continue
		}
		out = append(out, p)
	}
	return out
}

// under parts the headings of a path.
const under = " > "

// common is what two paths begin with alike.
func common(x, y string) string {
	xs, ys := strings.Split(x, under), strings.Split(y, under)
	n := 0
	for n < len(xs) && n < len(ys) && xs[n] == ys[n] {
		n++
	}
	return strings.Join(xs[:n], under)
}
