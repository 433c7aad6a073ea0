package validate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// instance is a decoded JSON value and its size.
type instance struct {
	value    any   // nil, bool, json.Number, string, []any, map[string]any
	elements int64 // values in it, itself included
	text     int64 // bytes in its strings and names
}

// Bounds of a JSON value, here and in schemas. jsonrpc bounds messages more
// tightly; these hold whatever comes.
const (
	maxDepth    = 64
	maxExponent = 400 // just above what a float64 holds; 1e999999999 would take a gigabyte to compare
	maxNumber   = 1000
)

var (
	errNumber = errors.New("a number is too large or too long")
	errDeep   = errors.New("it is nested too deep")
	errTail   = errors.New("something follows the value")
)

// decode reads raw without losing the precision of a number.
func decode(raw []byte) (instance, error) {
	// The decoder reads a bytes.Buffer in place, and anything else through copies.
	d := decoder{in: jsontext.NewDecoder(bytes.NewBuffer(raw))}
	v, err := d.value(0)
	if err != nil {
		return instance{}, err
	}
	if _, err := d.in.ReadToken(); !errors.Is(err, io.EOF) {
		return instance{}, errTail
	}
	return instance{value: v, elements: d.elements, text: d.text}, nil
}

type decoder struct {
	in             *jsontext.Decoder
	elements, text int64
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	d.elements++
	tok, err := d.in.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '{':
		return d.object(depth)
	case '[':
		return d.array(depth)
	case '"':
		s := tok.String()
		d.text += int64(len(s))
		return s, nil
	case '0':
		return number(tok.String())
	case 't', 'f':
		return tok.Bool(), nil
	default:
		return nil, nil // null
	}
}

func (d *decoder) object(depth int) (any, error) {
	m := map[string]any{}
	for d.in.PeekKind() != '}' {
		tok, err := d.in.ReadToken()
		if err != nil {
			return nil, err
		}
		name := tok.String()
		d.text += int64(len(name))
		if m[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.in.ReadToken()
	return m, err
}

func (d *decoder) array(depth int) (any, error) {
	list := []any{}
	for d.in.PeekKind() != ']' {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.in.ReadToken()
	return list, err
}

func number(s string) (any, error) {
	if len(s) > maxNumber {
		return nil, errNumber
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if e, err := strconv.Atoi(s[i+1:]); err != nil || e > maxExponent || e < -maxExponent {
			return nil, errNumber
		}
	}
	return json.Number(s), nil
}
