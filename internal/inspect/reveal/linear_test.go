package reveal_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/inspect/reveal"
)

// crafted has what the scanners stop at, to be repeated.
func crafted() map[string]string {
	return map[string]string{
		"comments":            "<!--",
		"tags":                "<a ",
		"quotes":              "<a \"",
		"hidden":              "<b hidden>",
		"hidden with text":    "<b hidden>x",
		"styles":              "<b style='display:none' ",
		"css comments":        "<b style='/*",
		"escapes":             "\x1b",
		"sequences":           "\x1b[1;2",
		"control strings":     "\x1b]8;;x",
		"carriage returns":    "word\r",
		"lines":               "\n",
		"tabs":                "a\t\n",
		"percent":             "%41",
		"percent with gaps":   "%41 word word word ",
		"references":          "&#65;",
		"escaped":             "\\u0041",
		"base64":              "QUJDRGVm",
		"base64 words":        "QUJDRGVmR0hJSktMTU5PUA== ",
		"strokes":             "aB3/",
		"hex":                 "4142434445464748 ",
		"numbers":             "65 66 67 ",
		"binary":              "01000001",
		"unknown words":       "xqzt vwkq ",
		"one word":            "a",
		"mixed words":         "a\u0430",
		"mixed alphabets":     "a\u0430 \u0431",
		"zero-width":          "\u200b",
		"zero-width in words": "a\u200b",
		"four zero-widths":    "\u200b\u200c\u200d\u2060",
		"three zero-widths":   "\u200b\u200c\u200d",
		"marks":               "\u0301",
		"letters and marks":   "a\u0301",
		"direction":           "\u202e",
		"direction and text":  "\u202eab ",
		"direction marks":     "a\u200e",
		"flags":               "\U0001f3f4\U000e0067",
		"indicators":          "\U0001f1e9",
		"squared":             "\U0001f170",
		"operators":           "a\u2062",
		"selectors":           "\ufe0f",
		"private use":         "\ue041",
		"full width":          "\uff21",
		"no text":             "\xff",
		"brackets":            "[a]: x ",
		"notes":               "\n[//]: # (",
	}
}

// Four times the text takes about four times as long, whatever it repeats.
func TestScanIsLinear(t *testing.T) {
	const size = 8 << 10
	for name, unit := range crafted() {
		t.Run(name, func(t *testing.T) {
			small, large := strings.Repeat(unit, size/len(unit)), strings.Repeat(unit, 4*size/len(unit))
			a, b := took(t, small), took(t, large)
			if b > 12*a+20*time.Millisecond {
				t.Errorf("%d KB take %v, %d KB take %v", size>>10, a, size>>8, b)
			}
		})
	}
}

// took is the shorter of two runs.
func took(t *testing.T, text string) time.Duration {
	best := time.Hour
	for range 2 {
		best = min(best, cputime.Of(t, func() {
			reveal.Scan(text)
			reveal.Layers(text)
			reveal.FoldMap(text)
		}))
	}
	return best
}

// Styles in start tags that begin within one another are read in half a second for 1 MiB of text.
func TestStylesAreCheap(t *testing.T) {
	const size, limit = 1 << 20, slowdown * 500 * time.Millisecond
	for _, unit := range []string{
		`<a style="left:calc(((((`, `<a style="left:calc((((((((1px))))))));`, `<a style="color:rgb(`, `<a style=left:calc(((((((`, `<a style="--x:var(--x)var(--x);display:var(--x);`,
		`<a style="a:b{}`, `<a style="transform:scale(1) `, `<a style="color:lab(1 2 3);background:lab(1 2 4);`, `<a style="left:1px;`, `<a style="&quotx;`, `<a style=a&a==`,
		`<a style="` + strings.Repeat("(", 2000), `<a style="left:calc` + strings.Repeat("(", 100) + ";" + strings.Repeat("left:calc((((((((1px))))))));", 60) + `">`,
	} {
		text := strings.Repeat(unit, size/len(unit))
		best := cputime.Of(t, func() { reveal.Read(text) })
		if best > limit { // the collector may have had its turn
			best = min(best, cputime.Of(t, func() { reveal.Read(text) }))
		}
		if best > limit {
			t.Errorf("1 MiB of %.60q takes %v", unit, best)
		}
	}
}
