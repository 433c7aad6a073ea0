package condition

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"
)

// decode is the CEL value of a JSON value, a part of a sound text. What cannot be
// held exactly is an error value, and so is all that contains it.
func decode(raw []byte, adapter types.Adapter) ref.Val {
	t := tree{cursor: cursor{text: raw}, adapter: adapter}
	v := t.read(0)
	if v == nil {
		return types.WrapErr(errArguments)
	}
	return v
}

func unquoted(raw []byte) ref.Val {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return types.String(inner)
	}
	plain, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return types.WrapErr(errArguments)
	}
	return types.String(plain)
}

// tree decodes a value with all that is in it.
type tree struct {
	cursor
	adapter types.Adapter
}

// read is the next value: an error value when something in it cannot be held, nil
// when nothing is left.
func (t *tree) read(depth int) ref.Val {
	if depth > maxDepth {
		return types.WrapErr(errLarge)
	}
	switch t.peek() {
	case 0:
		return nil
	case '{':
		return t.object(depth)
	case '[':
		return t.list(depth)
	case '"':
		return unquoted(t.written())
	case 't':
		t.value()
		return types.True
	case 'f':
		t.value()
		return types.False
	case 'n':
		t.value()
		return types.NullValue
	}
	return number(string(t.written()))
}

func (t *tree) object(depth int) ref.Val {
	m := map[string]any{}
	for t.skip('{'); t.peek() == '"'; t.skip(',') {
		name, ok := unquoted(t.written()).(types.String)
		if !ok {
			return types.WrapErr(errArguments)
		}
		t.skip(':')
		v := t.read(depth + 1)
		if v == nil || types.IsError(v) {
			return v
		}
		m[string(name)] = v
	}
	t.skip('}')
	return types.NewStringInterfaceMap(t.adapter, m)
}

func (t *tree) list(depth int) ref.Val {
	var list []ref.Val
	for t.skip('['); t.peek() != ']'; t.skip(',') {
		v := t.read(depth + 1)
		if v == nil || types.IsError(v) {
			return v
		}
		list = append(list, v)
	}
	t.skip(']')
	return types.NewRefValList(t.adapter, list)
}

const (
	maxNumber = 64      // bytes of a number's text
	maxExact  = 1 << 53 // from here on not every integer is a double
)

// number is an int when the text has no fraction and no exponent, and a double
// otherwise. A double must be below maxExact, or 9007199254740992.0 would equal
// the int 9007199254740993, and its shortest text must say what the client's says,
// or 100.00000000000000001 would be at most 100.
func number(text string) ref.Val {
	if len(text) > maxNumber {
		return types.WrapErr(errNumber)
	}
	if !strings.ContainsAny(text, ".eE") {
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return types.WrapErr(errNumber)
		}
		return types.Int(i)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) >= maxExact {
		return types.WrapErr(errNumber)
	}
	sent, ok := newDecimal(text)
	if kept, _ := newDecimal(strconv.FormatFloat(f, 'e', -1, 64)); !ok || sent != kept {
		return types.WrapErr(errNumber)
	}
	return types.Double(f)
}

// decimal is 0.digits times ten to the power, without zeros at either end.
type decimal struct {
	digits   string
	power    int
	negative bool
}

func newDecimal(text string) (decimal, bool) {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, exponent, power := text, "", 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
		var err error
		if power, err = strconv.Atoi(exponent); err != nil {
			return decimal{}, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	power += len(whole) - (len(whole) + len(fraction) - len(digits))
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return decimal{}, true
	}
	return decimal{digits, power, negative}, true
}
