package pdf

import (
	"fmt"
	"math"
	"slices"

	"github.com/klippa-app/go-pdfium/requests"
)

// mapping takes points of a page to pixels of its drawing: x*xx + y*yx + x0, x*xy + y*yy + y0.
type mapping struct{ x0, y0, xx, xy, yx, yy float64 }

// pixels is the mapping of a page, which may be turned and cropped. PDFium tells it in whole
// pixels: it is asked of points far apart.
func (o *opened) pixels(size drawing) (m mapping, err error) {
	const far = 1e4 // points
	at := func(x, y float64) (float64, float64) {
		if err != nil {
			return 0, 0
		}
		got, asking := o.instance.FPDF_PageToDevice(&requests.FPDF_PageToDevice{Page: o.page, SizeX: size.width, SizeY: size.height, PageX: x, PageY: y})
		if asking != nil {
			err = faulty(asking)
			return 0, 0
		}
		return float64(got.DeviceX), float64(got.DeviceY)
	}
	m.x0, m.y0 = at(0, 0)
	x, y := at(far, 0)
	m.xx, m.xy = (x-m.x0)/far, (y-m.y0)/far
	x, y = at(0, far)
	m.yx, m.yy = (x-m.x0)/far, (y-m.y0)/far
	return m, err
}

// area is the pixels that a box touches, within the drawing.
func (m mapping) area(b box, within drawing) area {
	x1, x2 := m.x0+b.left*m.xx+b.bottom*m.yx, m.x0+b.right*m.xx+b.top*m.yx
	y1, y2 := m.y0+b.left*m.xy+b.bottom*m.yy, m.y0+b.right*m.xy+b.top*m.yy
	return area{
		left: pixel(math.Floor(min(x1, x2)), within.width), right: pixel(math.Ceil(max(x1, x2)), within.width),
		top: pixel(math.Floor(min(y1, y2)), within.height), bottom: pixel(math.Ceil(max(y1, y2)), within.height),
	}
}

// pixel is the one of a line of n that a number means; what is none is 0.
func pixel(x float64, n int) int {
	if math.IsNaN(x) {
		return 0
	}
	return int(max(0, min(x, float64(n))))
}

// differs tells whether an area shows a difference between two drawings: in the pixels that are of a word alone, by their
// owners, or in any where there are none.
func (d drawing) differs(e drawing, in area, owner []int32, word int32) bool {
	for y := in.top; y < in.bottom; y++ {
		for at := y*d.width + in.left; at < y*d.width+in.right; at++ {
			if owner != nil && owner[at] != word {
				continue
			}
			for c, enough := range visible() {
				if i := 4*at + c; max(d.pixels[i], e.pixels[i])-min(d.pixels[i], e.pixels[i]) >= enough {
					return true
				}
			}
		}
	}
	return false
}

// plain tells whether nothing is to be seen where a word is: one colour alone.
func (d drawing) plain(spots []spot) bool {
	low, high := [3]byte{255, 255, 255}, [3]byte{}
	for _, in := range spots {
		for y := in.top; y < in.bottom; y++ {
			for i := 4 * (y*d.width + in.left); i < 4*(y*d.width+in.right); i += 4 {
				for c := range low {
					low[c], high[c] = min(low[c], d.pixels[i+c]), max(high[c], d.pixels[i+c])
				}
			}
		}
	}
	for c, enough := range visible() {
		if high[c] > low[c] && high[c]-low[c] >= enough {
			return false
		}
	}
	return true
}

// spot is where a character is drawn.
type spot struct {
	area
	counts bool // it is a letter or a digit, or of a word that has none
}

// places are where the words of a page are drawn. Two cannot both be read in one place: one of them may be there to be
// read by programs, under cover of the other.
type places struct {
	of    [][]spot // by a word's number
	owner []int32  // by pixel: the number of the word that has it alone, from 1; several for none
	scale float64
}

// several is the owner of pixels that words with different letters have.
const several = -1

// places finds where words are, and gives them their numbers.
func (o *opened) places(chars []char, words []word, size drawing) (*places, error) {
	to, err := o.pixels(size)
	if err != nil {
		return nil, err
	}
	p := &places{of: make([][]spot, 1, len(words)+1), owner: make([]int32, size.width*size.height), scale: size.scale}
	work := 0
	for i := range words {
		w := &words[i]
		w.number = i + 1
		spelt := slices.ContainsFunc(chars[w.from:w.to], counts)
		var spots []spot
		for _, c := range chars[w.from:w.to] {
			if c.placed {
				s := spot{to.area(c.box, size), !spelt || counts(c)}
				spots, work = append(spots, s), work+s.pixels()
			}
		}
		if work > maxWork {
			return nil, fmt.Errorf("%w: characters that lie on one another", ErrMuch)
		}
		p.of = append(p.of, spots)
		p.claim(size.width, chars, words, w)
	}
	return p, nil
}

// claim makes a word the owner of its pixels, together with one of the same letters: bold is drawn twice at times.
func (p *places) claim(width int, chars []char, words []word, w *word) {
	w.owner = int32(w.number) //nolint:gosec // maxChars at most
	met := int32(0)           // the last owner that was looked at
	p.each(width, w, func(at *int32) {
		if *at == 0 || *at == several || *at == met {
			return
		}
		met = *at
		other := words[*at-1]
		if slices.EqualFunc(chars[other.from:other.to], chars[w.from:w.to], func(a, b char) bool { return a.is == b.is }) {
			w.owner = *at
		}
	})
	p.each(width, w, func(at *int32) {
		switch *at {
		case 0:
			*at = w.owner
		case w.owner:
		default:
			*at = several
		}
	})
}

// each calls do with the owner of each pixel of a word.
func (p *places) each(width int, w *word, do func(owner *int32)) {
	for _, in := range p.of[w.number] {
		for y := in.top; y < in.bottom; y++ {
			for x := in.left; x < in.right; x++ {
				do(&p.owner[y*width+x])
			}
		}
	}
}
