package sight_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
)

// crafted are pieces of styles that are dear to read, to be repeated.
var crafted = []string{
	"(", "a:b{}", "a:", "a:(", "x:var(--x);", "--x:var(--x)var(--x);", "--x:var(--x)var(--x);display:var(--x);", "color:rgb(", "left:calc(", "left:calc((((((((1px))))))));",
	"left:calc(1px + (1px + (1px + (1px))));", "font:(", `\`, "'", "url(", "/*", "{", "}", "@a{", "a:b}", "margin:0 ", "transform:scale(1)", "transform:scale(1) ",
	"background:,", "[(", ")", "clip-path:inset(", "font:a ", "all:unset;", "color:lab(1 2 3);", "color:#123;background:lab(1 2 3);", "-webkit-text-fill-color:lab(1 2 3);",
	"clip-path:polygon(0 0,", "clip-path:polygon(0 0,1px 9px,2px 2px);", "background:linear-gradient(red,", "background:linear-gradient(red,blue)", " ", "a ",
}

// A style of any form is read in a time that its length allows: a tenth of a second for 60 KiB.
func TestLongStyles(t *testing.T) {
	const size = 60 << 10
	for _, unit := range crafted {
		style := strings.Repeat(unit, size/len(unit))
		best := time.Hour
		for range 3 {
			best = min(best, cputime.Of(t, func() { styled(style) }))
		}
		if best > 100*time.Millisecond && !raceEnabled {
			t.Errorf("%d bytes of %q take %v", size, unit, best)
		}
	}
}

// A style takes memory for what is read of it, and one that is too long takes none: it hides.
func TestMemoryOfStyles(t *testing.T) {
	for _, c := range []struct {
		size int
		most uint64 // bytes
	}{{60 << 10, 32 << 20}, {2 << 20, 64 << 10}} {
		for _, unit := range append(crafted, "left:((((((") {
			style := strings.Repeat(unit, c.size/len(unit))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			seen := !styled(style)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > c.most {
				t.Errorf("%d bytes of %q allocate %d", c.size, unit, n)
			}
			if seen && c.size > 64<<10 {
				t.Errorf("%d bytes of %q are seen", c.size, unit)
			}
		}
	}
}
