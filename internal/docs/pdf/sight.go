package pdf

import (
	"fmt"
	"math"
	"unicode"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// visible are by how much values of blue, green and red differ that an eye tells apart: a tenth of 255, for thin
// letters. Blue alone hardly makes anything lighter (a 14th of it all, Rec. ITU-R BT.709).
func visible() [3]byte { return [3]byte{100, 25, 25} }

// What can be read, in points. PDFium makes thin what is smaller, but does not leave it out.
const (
	legible = 1.5 // how tall or wide the largest character of a word is at least
	flat    = 1   // how thick, of a word in which all are lower or narrower than this nobody can tell
	drawn   = 4   // pixels of the largest character on a page that is drawn smaller than it is
)

// box is a rectangle on a page, in points from its lower left corner.
type box struct{ left, bottom, right, top float64 }

// shared is the area that two have together, in square points.
func (b box) shared(c box) float64 {
	return max(0, min(b.right, c.right)-max(b.left, c.left)) * max(0, min(b.top, c.top)-max(b.bottom, c.bottom))
}

// adjoins tells whether a box begins where another of its size ends, as no two letters do.
func (b box) adjoins(before box) bool {
	const same = 0.001 // points
	near := func(x, y float64) bool { return math.Abs(x-y) < same }
	return near(b.left, before.right) && near(b.top, before.top) && near(b.bottom, before.bottom) && near(b.right-b.left, before.right-before.left)
}

// area is a rectangle of pixels, its ends left out.
type area struct{ left, top, right, bottom int }

func (a area) pixels() int { return max(0, a.right-a.left) * max(0, a.bottom-a.top) }

// drawing is a page as pixels: blue, green, red, and one byte of nothing.
type drawing struct {
	width, height int
	scale         float64 // pixels for a point
	pixels        []byte
}

// look tells of each word whether a reader sees it: the page is drawn with its text and
// without, and where there is no difference, nothing is seen of a word. It does not matter then
// whether its letters are white, transparent, covered, tiny, clipped or out of the page.
func (o *opened) look(chars []char, words []word) error {
	size, err := o.size()
	if err != nil {
		return err
	}
	bitmap, err := o.instance.FPDFBitmap_Create(&requests.FPDFBitmap_Create{Width: size.width, Height: size.height})
	if err != nil {
		return faulty(err)
	}
	defer func() { _, _ = o.instance.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: bitmap.Bitmap}) }()
	with, err := o.draw(bitmap.Bitmap, size)
	if err != nil {
		return err
	}
	if err := o.blank(); err != nil {
		return err
	}
	without, err := o.draw(bitmap.Bitmap, size)
	if err != nil {
		return err
	}
	places, err := o.places(chars, words, size)
	if err != nil {
		return err
	}
	for i := range words {
		if words[i].sight, err = o.judge(&words[i], chars, places, pair{with, without}); err != nil {
			return err
		}
	}
	return nil
}

// pair is a page as it is drawn with its text and without.
type pair struct{ with, without drawing }

// judge tells whether a reader sees a word. Where most of its letters make a difference in pixels that no other
// word has, it is seen; where some do, or in such as others have as well, or there is something else in its place,
// nobody can tell.
func (o *opened) judge(w *word, chars []char, at *places, page pair) (sight, error) {
	spots := at.of[w.number]
	n, alone, some := 0, 0, 0
	for _, s := range spots {
		if !s.counts {
			continue
		}
		n++
		switch {
		case page.with.differs(page.without, s.area, at.owner, w.owner):
			alone, some = alone+1, some+1
		case page.with.differs(page.without, s.area, nil, 0):
			some++
		}
	}
	tall, thick, stacked := w.extent(chars)
	switch {
	case n == 0:
		return doubtful, nil // it is nowhere
	case tall < legible:
		return hidden, nil
	case thick < flat, 2*stacked > n:
		return doubtful, nil
	case 4*alone >= 3*n:
		return seen, nil
	case 4*some >= n, !page.without.plain(spots), at.scale < 1 && tall*at.scale < drawn:
		return doubtful, nil
	case !foreign(chars[w.from:w.to]):
		return hidden, nil
	}
	for i := w.from; i < w.to; i++ {
		if !foreign(chars[i : i+1]) {
			continue
		}
		if embedded, err := o.embedded(i); err != nil || !embedded {
			return doubtful, err
		}
		break
	}
	return hidden, nil
}

// size is that of a page in pixels: one for each point, fewer for one that is large.
func (o *opened) size() (drawing, error) {
	w, err := o.instance.FPDF_GetPageWidthF(&requests.FPDF_GetPageWidthF{Page: o.page})
	if err != nil {
		return drawing{}, faulty(err)
	}
	h, err := o.instance.FPDF_GetPageHeightF(&requests.FPDF_GetPageHeightF{Page: o.page})
	if err != nil {
		return drawing{}, faulty(err)
	}
	width, height := float64(w.PageWidth), float64(h.PageHeight)
	if !(width >= 1 && height >= 1 && width <= 1e6 && height <= 1e6) { // 200 inches is what the format allows (ISO 32000-1, Annex C)
		return drawing{}, fmt.Errorf("%w: a page of %g by %g points", ErrFormat, width, height)
	}
	scale := min(1, math.Sqrt(maxPixels/(width*height)))
	return drawing{width: max(1, int(width*scale)), height: max(1, int(height*scale)), scale: scale}, nil
}

// draw draws the page on white, with what is noted on it: that may cover its text.
func (o *opened) draw(on references.FPDF_BITMAP, size drawing) (drawing, error) {
	if _, err := o.instance.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{Bitmap: on, Width: size.width, Height: size.height, Color: 0xffffffff}); err != nil {
		return size, faulty(err)
	}
	if _, err := o.instance.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{Bitmap: on, Page: o.page, SizeX: size.width, SizeY: size.height, Flags: enums.FPDF_RENDER_FLAG_ANNOT}); err != nil {
		return size, faulty(err)
	}
	got, err := o.instance.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: on})
	if err != nil {
		return size, faulty(err)
	}
	if len(got.Buffer) != 4*size.width*size.height {
		return size, fmt.Errorf("%w: %d bytes of pixels", ErrFormat, len(got.Buffer))
	}
	size.pixels = append([]byte(nil), got.Buffer...) // it is the instance's memory
	return size, nil
}

// blank takes the text out of what is drawn, also out of forms within forms.
func (o *opened) blank() error {
	count, err := o.instance.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: o.page})
	if err != nil {
		return faulty(err)
	}
	left := maxObjects
	for i := range count.Count {
		got, err := o.instance.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: o.page, Index: i})
		if err != nil {
			return faulty(err)
		}
		if err := o.withoutText(got.PageObject, &left); err != nil {
			return err
		}
	}
	return nil
}

// withoutText takes the text of an object out of what is drawn. Left is how many may be looked
// at yet; PDFium reads forms up to a depth of its own.
func (o *opened) withoutText(object references.FPDF_PAGEOBJECT, left *int) error {
	o.objects++
	if *left--; *left < 0 {
		return fmt.Errorf("%w: more than %d objects", ErrMuch, maxObjects)
	}
	is, err := o.instance.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	if err != nil {
		return faulty(err)
	}
	switch is.Type {
	case enums.FPDF_PAGEOBJ_PATH, enums.FPDF_PAGEOBJ_IMAGE, enums.FPDF_PAGEOBJ_SHADING, enums.FPDF_PAGEOBJ_UNKNOWN:
	case enums.FPDF_PAGEOBJ_TEXT:
		if _, err := o.instance.FPDFPageObj_SetIsActive(&requests.FPDFPageObj_SetIsActive{PageObject: object, Active: false}); err != nil {
			return faulty(err)
		}
	case enums.FPDF_PAGEOBJ_FORM:
		count, err := o.instance.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: object})
		if err != nil {
			return faulty(err)
		}
		for i := range count.Count {
			got, err := o.instance.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: object, Index: uint64(i)})
			if err != nil {
				return faulty(err)
			}
			if err := o.withoutText(got.PageObject, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// embedded tells whether the file brings the font of a character. PDFium draws letters that
// are not Latin by such fonts alone.
func (o *opened) embedded(i int) (bool, error) {
	o.objects += 2
	object, err := o.instance.FPDFText_GetTextObject(&requests.FPDFText_GetTextObject{TextPage: o.text, Index: i})
	if err != nil {
		return false, faulty(err)
	}
	font, err := o.instance.FPDFTextObj_GetFont(&requests.FPDFTextObj_GetFont{PageObject: object.TextObject})
	if err != nil {
		return false, faulty(err)
	}
	is, err := o.instance.FPDFFont_GetIsEmbedded(&requests.FPDFFont_GetIsEmbedded{Font: font.Font})
	if err != nil {
		return false, faulty(err)
	}
	return is.IsEmbedded, nil
}

// foreign tells whether a word has letters beyond those of PDFium's own fonts.
func foreign(chars []char) bool {
	for _, c := range chars {
		if c.is > unicode.MaxLatin1 && unicode.IsLetter(c.is) {
			return true
		}
	}
	return false
}
