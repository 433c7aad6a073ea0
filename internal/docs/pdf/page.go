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

// message is how many letters a stretch has at least that could be a message to somebody
// (docs/chunk has the same bound for what pages hide).
const message = 16

// opened is a page that is being read.
type opened struct {
	*file
	ref  references.FPDF_PAGE
	page requests.Page
	text references.FPDF_TEXTPAGE
}

// char is one character of a page. What PDFium made up, spaces and ends of lines, has no box.
type char struct {
	is  rune
	box box
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
	p.Hidden, p.Unseen = stretches(chars, words, hidden), stretches(chars, words, doubtful)
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
	return box{got.Left, got.Bottom, got.Right, got.Top}, nil
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
	from, to int
	sight    sight
}

// tall is the extent of its tallest character, in points, whichever way it is turned; endless for
// a word without letters: a dot or a dash is low.
func (w *word) tall(chars []char) float64 {
	tall, letters := 0.0, false
	for _, c := range chars[w.from:w.to] {
		letters = letters || unicode.IsLetter(c.is)
		tall = max(tall, c.box.right-c.box.left, c.box.top-c.box.bottom)
	}
	if !letters {
		return math.Inf(1)
	}
	return tall
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

// stretches are how many runs of words of a sight could be a message.
func stretches(chars []char, words []word, of sight) int {
	n, letters := 0, 0
	for _, w := range words {
		if w.sight != of {
			letters = 0
			continue
		}
		before := letters
		for _, c := range chars[w.from:w.to] {
			if unicode.IsLetter(c.is) {
				letters++
			}
		}
		if before < message && letters >= message {
			n++
		}
	}
	return n
}
