package chunk

import (
	"strings"

	"doorward/internal/docs"
	"doorward/internal/docs/pdf"
)

// pages are the pages of a PDF as text, a blank line between two. A passage stands under the
// page's place in the outline and its number, and so is cited by it.
func pages(d *pdf.Document) *Text {
	t := &Text{Title: d.Title, Type: "text/plain"}
	hidden, unseen := 0, 0 // letters
	var b, outside strings.Builder
	for i := range d.Pages {
		p := &d.Pages[i]
		hidden, unseen = hidden+p.Hidden, unseen+p.Unseen
		text := strings.TrimRight(lines(p.Text), "\n")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		heading := shorten(p.Heading, docs.MaxHeading)
		outside.WriteString(heading + "\n")
		for j, bl := range paragraphs(text, 0, heading) {
			if len(t.blocks) < maxBlocks {
				bl.start, bl.page = bl.start+b.Len(), j == 0
				t.blocks = append(t.blocks, bl)
			}
		}
		b.WriteString(text)
	}
	t.Body, t.Outside = b.String(), outside.String()
	if len(t.blocks) > 0 {
		t.blocks[0].start = 0
	}
	if hidden >= wordsHidden {
		t.Findings = append(t.Findings, FindingPDF)
	}
	if unseen >= wordsHidden {
		t.Findings = append(t.Findings, FindingUnseen)
	}
	return t
}
