package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// Bounds of canaries.
const (
	minCanary   = 12  // bytes: a shorter value is in honest texts by chance
	maxCanary   = 512 // bytes
	maxCanaries = 256
)

// Canaries are values that nobody has a reason to send. It does not change; any
// number of goroutines may use it.
type Canaries struct{ needles []needle }

// needle is one spelling of a canary, in lower case.
type needle struct {
	name   string
	method string // empty for as it stands
	text   string // without separators, in lower case
	exact  string // as it is written, of spellings in which case counts; empty: text
}

// NewCanaries takes values by their names. A value of fewer than 12 bytes, or of
// more than 512, is an error, and so are more than 256.
func NewCanaries(values map[string]string) (*Canaries, error) {
	if len(values) > maxCanaries {
		return nil, fmt.Errorf("more than %d canaries", maxCanaries)
	}
	c := &Canaries{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if len(v) < minCanary || len(v) > maxCanary {
			return nil, fmt.Errorf("canary %s: a value has %d to %d bytes", name, minCanary, maxCanary)
		}
		bare := squeeze(v)
		if len(bare) < minCanary/2 {
			return nil, errors.New("canary " + name + ": a value needs letters or digits")
		}
		c.needles = append(c.needles,
			needle{name: name, text: bare}, needle{name: name, method: reverse, text: reversed(bare)},
			needle{name: name, method: "hex", text: hex.EncodeToString([]byte(v))})
		for _, s := range shifts(v) {
			c.needles = append(c.needles, needle{name: name, method: "base64", exact: s})
		}
	}
	return c, nil
}

// shifts are the parts of base64 that a value has in common wherever it begins in
// what is encoded: at a multiple of three bytes, one after, and two after.
func shifts(v string) []string {
	var out []string
	for pad := range 3 {
		s := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", pad) + v))
		first := (pad*8 + 5) / 6
		last := (pad + len(v)) * 8 / 6
		out = append(out, s[first:last])
	}
	return out
}

// squeeze is a text in lower case without whatever is no letter and no digit: what
// separates does not hide a canary.
func squeeze(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; isAlnum[c] || c >= 0x80 {
			out = append(out, lower[c])
		}
	}
	return string(out)
}

// Find tells which canaries are in a text: as they stand in any case and with
// anything between their letters, backwards, in hex, in base64 of either alphabet
// at any offset, percent-encoded, escaped, or two layers deep. One finding a
// canary, in the order of their names; its Why names it, its Text shows nothing.
func (c *Canaries) Find(text string) []gate.Finding {
	if c == nil || len(text) < minCanary {
		return nil
	}
	var found []gate.Finding
	seen := map[string]bool{}
	look := func(text, layer string) {
		bare := squeeze(strings.Map(func(r rune) rune {
			if gate.Hidden(r) {
				return -1
			}
			return r
		}, text))
		var std string
		for i := range c.needles {
			n := &c.needles[i]
			if seen[n.name] {
				continue
			}
			hit := false
			if n.exact != "" {
				if std == "" {
					std = strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "", " ", "").Replace(text)
				}
				hit = strings.Contains(std, n.exact)
			} else {
				hit = strings.Contains(bare, n.text)
			}
			if hit {
				seen[n.name] = true
				found = append(found, canary(n, layer))
			}
		}
	}
	look(text, "")
	left := maxDecoded
	each(text, depth{layers: maxLayers, left: &left}, func(_ gate.Span, method, opened string) { look(opened, method) })
	slices.SortStableFunc(found, func(a, b gate.Finding) int { return strings.Compare(a.Why, b.Why) })
	return found
}

func canary(n *needle, layer string) gate.Finding {
	how := layer
	if how == "" {
		how = n.method
	}
	if how != "" {
		how = ", in " + how
	}
	return gate.Finding{Rule: "secret.canary", Severity: gate.High, Why: "the canary " + n.name + how}
}
