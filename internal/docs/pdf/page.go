package pdf

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// opened is a page that is being read.
type opened struct {
	*file
	ref  references.FPDF_PAGE
	page requests.Page
	text references.FPDF_TEXTPAGE
}

// char is one character of a page.
type char struct {
	is     rune
	placed bool // it has a box; what PDFium made up, spaces and ends of lines, has none
	box    box
}

// page reads the page at index i.
func (f *file) page(ctx context.Context, i int) (Page, error) {
	if f.objects > maxObjects {
		if err := f.open(ctx); err != nil {
			return Page{}, err
		}
	}
	loaded, err := f.instance.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: f.document, Index: i})
	if err != nil {
		return Page{}, faulty(err)
	}
	o := opened{file: f, ref: loaded.Page}
	o.page = requests.Page{ByReference: &o.ref}
	p, err := o.read()
	if _, closing := f.instance.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: o.ref}); err == nil && closing != nil {
		err = faulty(closing)
	}
	return p, err
}

func (o *opened) read() (Page, error) {
	text, err := o.instance.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: o.page})
	if err != nil {
		return Page{}, faulty(err)
	}
	o.text = text.TextPage
	defer func() { _, _ = o.instance.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: o.text}) }()
	chars, err := o.chars()
	if err != nil {
		return Page{}, err
	}
	words := wordsOf(chars)
	if len(words) == 0 {
		return Page{}, nil
	}
	if err := o.look(chars, words); err != nil {
		return Page{}, err
	}
	p := Page{Text: written(chars, words)}
	p.Hidden, p.Unseen = letters(chars, words, hidden), letters(chars, words, doubtful)
	return p, nil
}

// chars are the characters of a page, in the order in which it is read.
func (o *opened) chars() ([]char, error) {
	count, err := o.instance.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: o.text})
	if err != nil {
		return nil, faulty(err)
	}
	if count.Count > maxChars {
		return nil, fmt.Errorf("%w: %d characters", ErrMuch, count.Count)
	}
	out := make([]char, 0, max(count.Count, 0))
	for i := range count.Count {
		got, err := o.instance.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: o.text, Index: i})
		if err != nil {
			return nil, faulty(err)
		}
		c := char{is: rune(got.Unicode & 0x1fffff)}
		if n := len(out); n > 0 && utf16.IsSurrogate(out[n-1].is) {
			if pair := utf16.DecodeRune(out[n-1].is, c.is); pair != unicode.ReplacementChar {
				out[n-1].is = pair
				continue
			}
		}
		if !unicode.IsSpace(c.is) && !unicode.IsControl(c.is) {
			if c.box, err = o.box(i); err != nil {
				return nil, err
			}
			c.placed = true
		}
		out = append(out, c)
	}
	return out, nil
}

// box is where a character stands.
func (o *opened) box(i int) (box, error) {
	got, err := o.instance.FPDFText_GetCharBox(&requests.FPDFText_GetCharBox{TextPage: o.text, Index: i})
	if err != nil {
		return box{}, faulty(err)
	}
	left, right, bottom, top := got.Left, got.Right, got.Bottom, got.Top // the wrong way round in what is mirrored
	return box{min(left, right), min(bottom, top), max(left, right), max(bottom, top)}, nil
}

// sight is whether a reader sees a word.
type sight uint8

const (
	seen     sight = iota
	doubtful       // nothing says so
	hidden
)

// word is a run of characters between spaces: chars[from:to].
type word struct {
	number   int   // from 1
	owner    int32 // number, or that of another with the same letters in the same place
	from, to int
	sight    sight
}

// counts tells whether a character is one by which a word is read.
func counts(c char) bool { return unicode.IsLetter(c.is) || unicode.IsDigit(c.is) }

// extent is how tall or wide the largest character of a word is, and how thick the thickest, in points; endless where none
// counts: a dot or a dash is low. stacked are how many lie where the one before lies, or are of one size with it and adjoin it:
// so PDFium parts the place of what is drawn over the letters that the file says it stands for (ActualText).
func (w *word) extent(chars []char) (tall, thick float64, stacked int) {
	var before *box
	for i := w.from; i < w.to; i++ {
		c := &chars[i]
		if !c.placed || !counts(*c) {
			continue
		}
		wide, high := c.box.right-c.box.left, c.box.top-c.box.bottom
		tall, thick = max(tall, wide, high), max(thick, min(wide, high))
		if before != nil && (c.box.shared(*before) > wide*high/2 || c.box.adjoins(*before)) {
			stacked++
		}
		before = &c.box
	}
	if before == nil {
		return math.Inf(1), math.Inf(1), 0
	}
	return tall, thick, stacked
}

// wordsOf are the words of a page.
func wordsOf(chars []char) (words []word) {
	for i, c := range chars {
		if unicode.IsSpace(c.is) {
			continue
		}
		if i == 0 || unicode.IsSpace(chars[i-1].is) {
			words = append(words, word{from: i})
		}
		words[len(words)-1].to = i + 1
	}
	return words
}

// written is the text of a page without what is hidden. PDFium ends lines with CR LF, and
// writes U+0002 or U+FFFE for a hyphen that parts a word at the end of a line.
func written(chars []char, words []word) string {
	var b strings.Builder
	at := 0
	spaces := func(until int) {
		for ; at < until; at++ {
			if c := chars[at].is; c != '\r' {
				b.WriteRune(c)
			}
		}
	}
	for _, w := range words {
		spaces(w.from)
		for ; at < w.to; at++ {
			if c := chars[at].is; w.sight != hidden && !unicode.IsControl(c) && c != 0xfffe && unicode.IsGraphic(c) {
				b.WriteRune(c)
			}
		}
	}
	spaces(len(chars))
	return b.String()
}

// letters are how many letters the words of a sight have together. What lies between two of them is of no account: it
// could be a dot that is there for it.
func letters(chars []char, words []word, of sight) (n int) {
	for _, w := range words {
		if w.sight == of {
			for _, c := range chars[w.from:w.to] {
				if unicode.IsLetter(c.is) {
					n++
				}
			}
		}
	}
	return n
}
