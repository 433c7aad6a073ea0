package pdf

import (
	"fmt"
	"math"
	"unicode"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// visible is by how much a value of red, green or blue differs that an eye tells apart: a
// tenth of 255, for thin letters.
const visible = 25

// legible is how tall the tallest character of a word is at least that can be read, in points:
// PDFium makes thin what is smaller, but does not leave it out.
const legible = 1.5

// box is a rectangle on a page, in points from its lower left corner.
type box struct{ left, bottom, right, top float64 }

// area is a rectangle of pixels, its ends left out.
type area struct{ left, top, right, bottom int }

func (a area) pixels() int { return max(0, a.right-a.left) * max(0, a.bottom-a.top) }

// drawing is a page as pixels: blue, green, red, and one byte of nothing.
type drawing struct {
	width, height int
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
	places, taken, err := o.places(chars, words, size)
	if err != nil {
		return err
	}
	for i := range words {
		w := &words[i]
		switch areas, covered := places[i], taken.covered(i); {
		case len(areas) == 0:
		case w.tall(chars) < legible:
			w.sight = hidden
		case covered || !differs(with, without, areas) && !without.plain(areas):
			w.sight = doubtful
		case !differs(with, without, areas):
			w.sight = hidden
			if !foreign(chars[w.from:w.to]) {
				continue
			}
			embedded, err := o.embedded(w.from)
			if err != nil {
				return err
			}
			if !embedded {
				w.sight = doubtful
			}
		}
	}
	return nil
}

// places are the pixels of the characters of each word.
func (o *opened) places(chars []char, words []word, size drawing) ([][]area, *claims, error) {
	to, err := o.pixels(size)
	if err != nil {
		return nil, nil, err
	}
	places, taken, work := make([][]area, len(words)), newClaims(size), 0
	for i, w := range words {
		letters := make([]rune, 0, w.to-w.from)
		for _, c := range chars[w.from:w.to] {
			letters = append(letters, c.is)
			if c.box != (box{}) {
				a := to.area(c.box, size)
				places[i], work = append(places[i], a), work+a.pixels()
			}
		}
		if work > maxWork {
			return nil, nil, fmt.Errorf("%w: characters that lie on one another", ErrMuch)
		}
		taken.claim(places[i], letters)
	}
	return places, taken, nil
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
	return drawing{width: max(1, int(width*scale)), height: max(1, int(height*scale))}, nil
}

// draw draws the page on white.
func (o *opened) draw(on references.FPDF_BITMAP, size drawing) (drawing, error) {
	if _, err := o.instance.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{Bitmap: on, Width: size.width, Height: size.height, Color: 0xffffffff}); err != nil {
		return size, faulty(err)
	}
	if _, err := o.instance.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{Bitmap: on, Page: o.page, SizeX: size.width, SizeY: size.height}); err != nil {
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
