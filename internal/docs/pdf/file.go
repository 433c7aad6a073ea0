package pdf

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// Bounds of an outline.
const (
	maxOutline = 2_000 // entries that are looked at
	maxDepth   = 6     // of them in one another
	maxTitle   = 200   // bytes of one's title
)

// file is an open file.
type file struct {
	pool     pdfium.Pool
	raw      []byte
	instance pdfium.Pdfium // nil: not open
	document references.FPDF_DOCUMENT
	pages    int
	objects  int // that the instance holds references to, until it is closed
}

// open opens the file in a new instance.
func (f *file) open(ctx context.Context) error {
	f.close()
	instance, err := f.pool.GetInstanceWithContext(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	f.instance, f.objects = instance, 0
	opened, err := instance.OpenDocument(&requests.OpenDocument{File: &f.raw})
	if err != nil {
		return faulty(err)
	}
	f.document = opened.Document
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: f.document})
	if err != nil {
		return faulty(err)
	}
	f.pages = count.PageCount
	return nil
}

// close ends the instance. What that says is of no account: nothing of it is used again.
func (f *file) close() {
	if f.instance != nil {
		_ = f.instance.Close()
		f.instance = nil
	}
}

// title is what the file says that it is called.
func (f *file) title() string {
	got, err := f.instance.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: f.document, Tag: "Title"})
	if err != nil {
		return "" // it says nothing
	}
	return strings.ToValidUTF8(got.Value, "")
}

// headings are what the pages stand under: the last entry of the outline that leads to one of
// them or to one before, and the page's number.
func (f *file) headings() []string {
	begins := make(map[int][]string, f.pages) // paths of the entries that lead to a page
	left := maxOutline
	f.outline(nil, nil, func(page int, path []string) { begins[page] = path }, &left)
	out := make([]string, f.pages)
	var path []string
	for i := range out {
		if p, ok := begins[i]; ok {
			path = p
		}
		out[i] = strings.Join(append(slices.Clip(path), "page "+strconv.Itoa(i+1)), " > ")
	}
	return out
}

// outline tells of each entry below one that leads to a page. An outline may be a circle: left
// is how many entries are looked at yet.
func (f *file) outline(below *references.FPDF_BOOKMARK, path []string, tell func(page int, path []string), left *int) {
	if len(path) >= maxDepth {
		return
	}
	child, err := f.instance.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: f.document, Bookmark: below})
	if err != nil {
		return // there is none
	}
	for at := child.Bookmark; at != nil && *left > 0; {
		*left--
		title, err := f.instance.FPDFBookmark_GetTitle(&requests.FPDFBookmark_GetTitle{Bookmark: *at})
		if err != nil {
			return
		}
		here := path
		if h := heading(title.Title); h != "" {
			here = append(slices.Clip(path), h)
		}
		if page, ok := f.leadsTo(*at); ok {
			tell(page, here)
		}
		f.outline(at, here, tell, left)
		next, err := f.instance.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: f.document, Bookmark: *at})
		if err != nil {
			return
		}
		at = next.Bookmark
	}
}

// leadsTo is the page that an entry leads to, from 0.
func (f *file) leadsTo(entry references.FPDF_BOOKMARK) (int, bool) {
	dest, err := f.instance.FPDFBookmark_GetDest(&requests.FPDFBookmark_GetDest{Document: f.document, Bookmark: entry})
	if err != nil || dest.Dest == nil {
		return 0, false
	}
	page, err := f.instance.FPDFDest_GetDestPageIndex(&requests.FPDFDest_GetDestPageIndex{Document: f.document, Dest: *dest.Dest})
	if err != nil {
		return 0, false
	}
	return page.Index, true
}

// heading is a title of the outline on one line.
func heading(title string) string {
	title = strings.Join(strings.Fields(strings.ToValidUTF8(title, "")), " ")
	if len(title) > maxTitle {
		title = strings.ToValidUTF8(title[:maxTitle], "") // what was cut within a rune
	}
	return title
}
