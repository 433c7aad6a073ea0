package definition

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/inspect/shadow"
)

// A text is one string of a definition, decoded.
type text struct {
	at    string // JSON pointer
	in    string // JSON pointer of the object or list that it is in
	key   string // the member that it is the value of; of an element, that of the list
	value string
	name  bool // it is the name of a member, and at points to the member
	item  bool // it is an element of a list
}

// maxText bounds what is read of a definition, in bytes of decoded strings. The
// longest honest definition that is known has 45 KB; upstreams are bounded
// elsewhere, far above.
const maxText = 1 << 20

// texts are the strings of a JSON value, in the order of pointers, so that the order
// of keys says nothing; nil when it is no JSON, or longer than maxText.
func texts(raw []byte) []text {
	w := walk{dec: jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), left: maxText}
	if !w.value("", "", "", false) {
		return nil
	}
	slices.SortStableFunc(w.out, func(a, b text) int { return compare(a.at, b.at) })
	if w.out == nil {
		w.out = []text{}
	}
	return w.out
}

// compare orders pointers: elements of lists by number.
func compare(a, b string) int {
	for {
		x, restA, moreA := strings.Cut(a, "/")
		y, restB, moreB := strings.Cut(b, "/")
		if x != y {
			m, errX := strconv.Atoi(x)
			n, errY := strconv.Atoi(y)
			if errX == nil && errY == nil && m != n {
				return m - n
			}
			return strings.Compare(x, y)
		}
		if !moreA || !moreB {
			return len(a) - len(b)
		}
		a, b = restA, restB
	}
}

type walk struct {
	dec  *jsontext.Decoder
	out  []text
	left int
}

// value takes the next value. The decoder bounds the depth, at 10,000.
func (w *walk) value(at, in, key string, item bool) bool {
	tok, err := w.dec.ReadToken()
	if err != nil {
		return false
	}
	switch kind := tok.Kind(); kind { //nolint:exhaustive // other values are no text
	case '"':
		return w.take(text{at: at, in: in, key: key, value: tok.String(), item: item})
	case '{':
		for w.dec.PeekKind() == '"' {
			name, err := w.dec.ReadToken()
			if err != nil {
				return false
			}
			k := name.String()
			below := at + "/" + escape(k)
			if !w.take(text{at: below, in: at, key: k, value: k, name: true}) || !w.value(below, at, k, false) {
				return false
			}
		}
		_, err = w.dec.ReadToken()
	case '[':
		for i := 0; w.dec.PeekKind() != ']'; i++ {
			if !w.value(at+"/"+strconv.Itoa(i), at, key, true) {
				return false
			}
		}
		_, err = w.dec.ReadToken()
	}
	return err == nil
}

func (w *walk) take(t text) bool {
	w.left -= len(t.value)
	w.out = append(w.out, t)
	return w.left >= 0
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// member is the raw value of a member at the top; nil when there is none.
func member(raw []byte, name string) []byte {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil
	}
	for dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil
		}
		is := tok.String() == name
		v, err := dec.ReadValue()
		if err != nil {
			return nil
		}
		if is {
			return v.Clone()
		}
	}
	return nil
}

// toolOf is a definition as shadow compares it.
func toolOf(it *gate.Item, all []text) shadow.Tool {
	t := shadow.Tool{Upstream: it.Upstream, Name: it.Name, Shown: it.Shown, Trusted: it.State == gate.Approved}
	for i := range all {
		switch p := &all[i]; {
		case p.at == "/description" && !p.name:
			t.Description = p.value
		case p.name && p.in == "/inputSchema/properties":
			t.Inputs = append(t.Inputs, p.value)
		}
	}
	return t
}
