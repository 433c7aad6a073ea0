package pdf_test

import (
	"bytes"
	"fmt"
	"strings"
)

// sheet is a page of a file that a test makes.
type sheet struct {
	content string            // its operators (ISO 32000-1, 8 and 9)
	extra   string            // of its dictionary: /Rotate 90, say
	forms   map[string]string // XObjects by name: a dictionary and a stream each
}

// built is a file with pages, further objects and entries of the catalogue and the trailer.
// The fonts are not in it: /F1 is Latin, /F2 Chinese.
func built(pages []sheet, more []string, catalogue, trailer string) []byte {
	const first = 8 // the number of the first page; before are catalogue, pages, fonts, states
	var b bytes.Buffer
	var at []int
	put := func(body string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), body)
	}
	b.WriteString("%PDF-1.7\n")
	var kids, objects []string
	next := first + len(more)
	for _, p := range pages {
		var forms strings.Builder
		number := next + 2
		for name := range p.forms {
			fmt.Fprintf(&forms, "/%s %d 0 R ", name, number)
			number++
		}
		objects = append(objects,
			fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R/Resources<</Font<</F1 3 0 R/F2 4 0 R>>/ExtGState<</Clear 6 0 R>>/Properties<</Off 7 0 R>>/XObject<<%s>>>>%s>>", next+1, forms.String(), p.extra),
			stream("", p.content))
		for _, form := range p.forms {
			objects = append(objects, form)
		}
		kids = append(kids, fmt.Sprintf("%d 0 R", next))
		next = number
	}
	put("<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[7 0 R]/D<</OFF[7 0 R]>>>>" + catalogue + ">>")
	put(fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(kids), strings.Join(kids, " ")))
	put("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
	put("<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[5 0 R]>>")
	put("<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>")
	put("<</Type/ExtGState/ca 0/CA 0>>")
	put("<</Type/OCG/Name(off)>>")
	for _, o := range append(more, objects...) {
		put(o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, trailer, start)
	return b.Bytes()
}

func stream(dictionary, content string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dictionary, len(content), content)
}

// line is a line of text at a place, in a font's size.
func line(x, y, size int, text string) string {
	return fmt.Sprintf("BT /F1 %d Tf %d %d Td (%s) Tj ET\n", size, x, y, text)
}
