package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Bounds of canaries, in bytes.
const (
	minCanary  = 12 // a shorter value is in honest texts
	minLetters = 8  // of a value without what is left out; as window
	window     = 8
)

// Canaries are values that an operator planted where nobody has business, and
// that no honest call holds. Any number of goroutines may use them.
type Canaries struct {
	by    map[uint64][]variant // by the last bytes of a variant
	bloom [1 << 10]uint64
}

// variant is a form of a canary, folded.
type variant struct {
	name, text string
}

// NewCanaries makes them of values by name. A value has 12 bytes or more, and
// eight letters and digits at least.
func NewCanaries(values map[string]string) (*Canaries, error) {
	c := &Canaries{by: map[uint64][]variant{}}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := values[name]
		if folded, _ := letters(v); len(v) < minCanary || len(folded) < minLetters {
			return nil, fmt.Errorf("canary %q: a value needs %d bytes, and %d letters and digits", name, minCanary, minLetters)
		}
		for _, form := range forms(v) {
			c.add(name, form)
		}
	}
	return c, nil
}

func (c *Canaries) add(name, form string) {
	folded, _ := letters(form)
	if len(folded) < minLetters {
		return
	}
	k := last(folded)
	if !slices.Contains(c.by[k], variant{name, string(folded)}) {
		c.by[k] = append(c.by[k], variant{name, string(folded)})
	}
	h := spread(k)
	c.bloom[h>>6] |= 1 << (h & 63)
}

// forms are the ways to write a value that folding does not undo. Each also
// stands for itself in lower case and with separators.
func forms(v string) []string {
	all := []string{v, mirror(v)}
	var escaped strings.Builder
	for i := range len(v) {
		if isAlnum[v[i]] {
			escaped.WriteByte(v[i])
		} else {
			fmt.Fprintf(&escaped, "%%%02x", v[i])
		}
	}
	all = append(all, escaped.String())
	for _, plain := range []string{v, mirror(v)} {
		x := hex.EncodeToString([]byte(plain))
		all = append(all, x)
		for _, of := range []string{plain, x} {
			for shift := range 3 {
				all = append(all, core(of, shift))
			}
		}
	}
	for n := 1; n < 26; n++ {
		moved := shift(v, n)
		all = append(all, moved, mirror(moved))
	}
	return append(all, mirror(core(v, 0)), mirror(core(v, 1)), mirror(core(v, 2)))
}

// core is the base64 of a value that shift bytes stand before, without the
// characters that also depend on what stands before and after it.
func core(v string, shift int) string {
	coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + v))
	start := (shift*8 + 5) / 6
	end := (shift + len(v)) * 8 / 6
	return coded[start:end]
}

// letters are the letters and digits of a text in lower case, and where each byte
// of them was.
func letters(text string) (folded []byte, offsets []int32) {
	folded, offsets = make([]byte, 0, len(text)), make([]int32, 0, len(text))
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if isAlnum[c] {
				folded, offsets = append(folded, lower[c]), append(offsets, int32(i))
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if r > 0xff00 && r < 0xff5f {
				r -= 0xff01 - '!'
			}
			before := len(folded)
			folded = utf8.AppendRune(folded, unicode.ToLower(r))
			for range len(folded) - before {
				offsets = append(offsets, int32(i))
			}
		}
		i += size
	}
	return folded, offsets
}

func last(b []byte) (k uint64) {
	for _, c := range b[len(b)-window:] {
		k = k<<8 | uint64(c)
	}
	return k
}

// spread spreads a window over the bits of the bloom filter.
func spread(k uint64) uint64 { return k * 0x9e3779b97f4a7c15 >> 48 }

// Find finds the canaries that a text holds, each once: plain, in any case, with
// anything but letters and digits between, reversed, and encoded. The text of
// a finding is the canary's name.
func (c *Canaries) Find(text string) []gate.Finding {
	if c == nil || len(c.by) == 0 || len(text) < window {
		return nil
	}
	var list []gate.Finding
	s := search{index: table(), left: maxDecoded}
	s.look(text, func(text string, at mapping) { c.find(text, at, &list) }, 0)
	slices.SortStableFunc(list, func(a, b gate.Finding) int { return a.Span.Start - b.Span.Start })
	return list
}

func (c *Canaries) find(text string, at mapping, list *[]gate.Finding) {
	folded, offsets := letters(text)
	var k uint64
	for i, b := range folded {
		k = k<<8 | uint64(b)
		if h := spread(k); i+1 < window || c.bloom[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, v := range c.by[k] {
			from := i + 1 - len(v.text)
			if from < 0 || string(folded[from:i+1]) != v.text || named(*list, v.name) {
				continue
			}
			*list = append(*list, gate.Finding{
				Rule: "secret.canary", Severity: gate.High,
				Span: at.outer(gate.Span{Start: int(offsets[from]), End: int(offsets[i]) + 1}),
				Text: v.name, Why: "The canary " + v.name + " was planted, and nothing honest holds it.",
			})
		}
	}
}

func named(list []gate.Finding, name string) bool {
	return slices.ContainsFunc(list, func(f gate.Finding) bool { return f.Text == name })
}
