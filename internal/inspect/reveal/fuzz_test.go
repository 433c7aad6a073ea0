package reveal_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/inspect/reveal"
)

// Findings and layers lie inside the text and are bounded, the same text has the
// same ones, nothing is less in a definition, and each byte of the skeleton comes from
// a place in the text, in order.
func FuzzScan(f *testing.F) {
	for _, h := range hidings() {
		f.Add(h.hide(payloads[0]))
	}
	for _, s := range honest() {
		f.Add(s)
	}
	for _, s := range ordinary() {
		f.Add(s)
	}
	f.Add("\xff\xfe\x80a\u0301\U000e0041")
	f.Fuzz(func(t *testing.T, text string) {
		findings, defined := reveal.Scan(text), reveal.ScanDefinition(text)
		if len(findings) > gate.MaxFindings || len(defined) > gate.MaxFindings {
			t.Fatalf("%d findings, %d in a definition", len(findings), len(defined))
		}
		if gate.Worst(defined) < gate.Worst(findings) {
			t.Fatalf("%q has %+v, and less in a definition: %+v", text, findings, defined)
		}
		for _, x := range slices.Concat(findings, defined) {
			if !x.Span.Present() || x.Span.Start < 0 || x.Span.End > len(text) {
				t.Fatalf("%s at %v of %d bytes: %q", x.Rule, x.Span, len(text), text)
			}
			if len(x.Text) > gate.MaxFindingText || x.Severity == gate.NoSeverity || x.Why == "" {
				t.Fatalf("%+v", x)
			}
		}
		if !slices.Equal(findings, reveal.Scan(text)) || !slices.Equal(defined, reveal.ScanDefinition(text)) {
			t.Fatalf("%q has other findings the second time", text)
		}
		for _, l := range reveal.Layers(text) {
			if !l.Span.Present() || l.Span.Start < 0 || l.Span.End > len(text) || l.Text == "" {
				t.Fatalf("%+v in %d bytes: %q", l, len(text), text)
			}
			if utf8.ValidString(text) && !utf8.ValidString(l.Text) {
				t.Fatalf("a layer of %q is not valid: %q", text, l.Text)
			}
		}
		if read, layers := reveal.Read(text); !slices.Equal(read, findings) || !slices.Equal(layers, reveal.Layers(text)) {
			t.Fatalf("%q is read as %+v and %+v", text, read, layers)
		}
		folded, offsets := reveal.FoldMap(text)
		if folded != reveal.Fold(text) {
			t.Fatalf("%q folds to %q and %q", text, folded, reveal.Fold(text))
		}
		if again := reveal.Fold(folded); again != folded {
			t.Fatalf("%q folds to %q and that to %q", text, folded, again)
		}
		if len(offsets) != len(folded) || !slices.IsSorted(offsets) {
			t.Fatalf("%q folds to %q with offsets %v", text, folded, offsets)
		}
		if len(offsets) > 0 && (offsets[0] < 0 || offsets[len(offsets)-1] >= len(text)) {
			t.Fatalf("%q folds to %q with offsets %v", text, folded, offsets)
		}
	})
}
