package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// maxLines bounds a difference; two definitions that differ in more places are
// different altogether, and the last line says how many places are left out.
const maxLines = 1000

// Line is one place where two definitions differ. All three texts are Visible.
type Line struct {
	Pointer string // JSON Pointer (RFC 6901); empty is the whole definition
	Before  string // JSON, hidden characters marked; empty when the place is new
	After   string // the same; empty when the place is gone
}

// difference compares two canonical definitions field by field. before may be
// nil: then every field of after is new.
func difference(before, after []byte) ([]Line, error) {
	b, err := decode(before)
	if err != nil {
		return nil, err
	}
	a, err := decode(after)
	if err != nil {
		return nil, err
	}
	if _, isObject := a.(map[string]any); isObject && before == nil {
		b = map[string]any{}
	}
	d := &differ{}
	d.compare("", b, a)
	if d.more > 0 {
		d.lines = append(d.lines, Line{After: fmt.Sprintf("and %d more places", d.more)})
	}
	return d.lines, nil
}

// absent stands for a place that one side lacks; JSON null is nil.
type absent struct{}

func decode(text []byte) (any, error) {
	if text == nil {
		return absent{}, nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a number keeps its text
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("comparing definitions: %w", err)
	}
	return v, nil
}

type differ struct {
	lines []Line
	more  int
}

func (d *differ) compare(at string, before, after any) {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			d.objects(at, b, a)
			return
		}
	case []any:
		if a, ok := after.([]any); ok {
			d.arrays(at, b, a)
			return
		}
	default:
		if before == after { // never panics: before is no map and no slice
			return
		}
	}
	d.add(Line{Pointer: gate.Visible(at), Before: shown(before), After: shown(after)})
}

func (d *differ) objects(at string, before, after map[string]any) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(names)
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, name := range slices.Compact(names) {
		d.compare(at+"/"+escape.Replace(name), member(before, name), member(after, name))
	}
}

func member(object map[string]any, name string) any {
	if v, ok := object[name]; ok {
		return v
	}
	return absent{}
}

func (d *differ) arrays(at string, before, after []any) {
	for i := range max(len(before), len(after)) {
		d.compare(fmt.Sprintf("%s/%d", at, i), element(before, i), element(after, i))
	}
}

func element(array []any, i int) any {
	if i < len(array) {
		return array[i]
	}
	return absent{}
}

func (d *differ) add(l Line) {
	if len(d.lines) == maxLines {
		d.more++
		return
	}
	d.lines = append(d.lines, l)
}

// shown renders a value as JSON on one line in which everything is seen.
func shown(v any) string {
	if _, gone := v.(absent); gone {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "?"
	}
	return gate.Visible(strings.TrimSuffix(b.String(), "\n"))
}
