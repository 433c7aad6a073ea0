package pdf

import (
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

// differs tells whether a quarter of the areas, and one at least, shows a difference between
// two drawings.
func differs(a, b drawing, areas []area) bool {
	n := 0
	for _, in := range areas {
		if a.differsFrom(b, in) {
			n++
		}
	}
	return n > 0 && 4*n >= len(areas)
}

func (d drawing) differsFrom(e drawing, in area) bool {
	for y := in.top; y < in.bottom; y++ {
		from, to := 4*(y*d.width+in.left), 4*(y*d.width+in.right)
		for i := from; i < to; i++ {
			if i%4 != 3 && max(d.pixels[i], e.pixels[i])-min(d.pixels[i], e.pixels[i]) >= visible {
				return true
			}
		}
	}
	return false
}

// plain tells whether nothing is to be seen where the areas are: one colour alone.
func (d drawing) plain(areas []area) bool {
	low, high := [3]byte{255, 255, 255}, [3]byte{}
	for _, in := range areas {
		for y := in.top; y < in.bottom; y++ {
			for i := 4 * (y*d.width + in.left); i < 4*(y*d.width+in.right); i += 4 {
				for c := range low {
					low[c], high[c] = min(low[c], d.pixels[i+c]), max(high[c], d.pixels[i+c])
				}
			}
		}
	}
	for c := range low {
		if high[c] > low[c] && high[c]-low[c] >= visible {
			return false
		}
	}
	return true
}

// claims are which word stands where. Two of about one height cannot both be read in one
// place: one of them may be there to be read by programs, under cover of the other.
type claims struct {
	width int
	owner []int32 // by pixel: the word that was there first, from 1
	words []claimed
}

// claimed is a word with its place.
type claimed struct {
	letters   []rune
	tall      int // pixels
	all, lost int // pixels that it has, and that it shares with another
}

func newClaims(size drawing) *claims {
	return &claims{width: size.width, owner: make([]int32, size.width*size.height), words: make([]claimed, 1)}
}

// claim takes the place of the next word.
func (c *claims) claim(areas []area, letters []rune) {
	w := claimed{letters: letters}
	for _, in := range areas {
		w.tall = max(w.tall, in.bottom-in.top)
	}
	self := int32(len(c.words))     //nolint:gosec // maxChars at most
	met, another := int32(0), false // the last one that was met there, and whether it is another of that height
	for _, in := range areas {
		for y := in.top; y < in.bottom; y++ {
			for x := in.left; x < in.right; x++ {
				w.all++
				o := &c.owner[y*c.width+x]
				switch *o {
				case 0:
					*o = self
					continue
				case self:
					continue
				}
				first := &c.words[*o]
				if *o != met {
					met, another = *o, w.tall <= 2*first.tall && first.tall <= 2*w.tall && !slices.Equal(first.letters, letters)
				}
				if another {
					first.lost++
					w.lost++
				}
			}
		}
	}
	c.words = append(c.words, w)
}

// covered tells whether others share more than half of the place of the word at index i.
func (c *claims) covered(i int) bool { return 2*c.words[i+1].lost > c.words[i+1].all }
