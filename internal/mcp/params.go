package mcp

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// HeaderParam is a tool's parameter that clients repeat in a header
// (x-mcp-header in its input schema; SEP-2243).
type HeaderParam struct {
	Name string   // the header is Mcp-Param-{Name}
	Path []string // names of properties, from the root of the arguments
	Type string   // "string", "integer" or "boolean"
}

// maxSafe is the largest integer that every JSON reader keeps exactly, 2^53−1;
// a parameter in a header must be within ± that.
const maxSafe = 1<<53 - 1

// CheckParams refuses a call whose Mcp-Param-* headers do not say what its
// arguments say: a value has its header, once; no value, or null, has none.
// Headers of parameters that the schema does not mark are none of its business.
// validate calls it, with the pinned schema's parameters.
func CheckParams(h http.Header, params []HeaderParam, args []byte) gate.Verdict {
	for _, p := range params {
		value, n := single(h, headerParam+p.Name)
		arg, ok := lookup(args, p.Path)
		switch {
		case !ok && n == 0:
		case !ok:
			return badParam(p, "is there and the argument is not")
		case n != 1:
			return badParam(p, fmt.Sprintf("is there %d times and the argument once", n))
		case !agrees(p.Type, value, arg):
			return badParam(p, "differs from the argument")
		}
	}
	return gate.Pass()
}

// ParamHeaders lists the headers, name and value, that repeat a call's
// arguments towards an upstream. A value that no header may carry (of another
// type than the schema says, or an integer beyond 2^53−1) is left out.
func ParamHeaders(params []HeaderParam, args []byte) [][2]string {
	var all [][2]string
	for _, p := range params {
		arg, ok := lookup(args, p.Path)
		if !ok {
			continue
		}
		if value, ok := headerText(p.Type, arg); ok {
			all = append(all, [2]string{headerParam + p.Name, EncodeHeader(value)})
		}
	}
	return all
}

func badParam(p HeaderParam, why string) gate.Verdict {
	return mismatch(fmt.Sprintf("header %s%s %s (%.80q)", headerParam, p.Name, why, strings.Join(p.Path, ".")),
		"the header "+headerParam+p.Name+" "+why)
}

// lookup follows path through objects; null counts as absent.
func lookup(args []byte, path []string) ([]byte, bool) {
	for _, name := range path {
		var ok bool
		if args, ok = member(args, name); !ok {
			return nil, false
		}
	}
	return args, len(args) > 0 && string(args) != "null"
}

// agrees compares a header's value with an argument of the declared type.
func agrees(kind, header string, arg []byte) bool {
	text, ok := decodeHeader(header)
	if !ok {
		return false
	}
	if kind == "integer" {
		want, ok := safeInteger(string(arg))
		got, same := safeInteger(text)
		return ok && same && got == want
	}
	want, ok := headerText(kind, arg)
	return ok && text == want
}

// headerText is the text of an argument in a header, before encoding.
func headerText(kind string, arg []byte) (string, bool) {
	switch kind {
	case "string":
		return unquote(arg)
	case "boolean":
		return string(arg), string(arg) == "true" || string(arg) == "false"
	case "integer":
		n, ok := safeInteger(string(arg))
		return strconv.FormatInt(n, 10), ok
	}
	return "", false
}

// safeInteger reads a JSON number that is an integer within ±(2^53−1), in any
// of its spellings: 42, 42.0 and 4.2e1 are the same number, −0 is 0.
func safeInteger(s string) (int64, bool) {
	if len(s) > 64 || !isNumber(s) {
		return 0, false
	}
	s, negative := strings.CutPrefix(s, "-")
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.ParseInt(s[i+1:], 10, 16)
		if err != nil {
			return 0, false
		}
		mantissa, exponent = s[:i], int(e)
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if trimmed == "" {
		return 0, true
	}
	if exponent < 0 || len(trimmed)+exponent > 16 {
		return 0, false
	}
	n, err := strconv.ParseInt(trimmed+strings.Repeat("0", exponent), 10, 64)
	if err != nil || n > maxSafe {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

// isNumber tells whether s is a number by RFC 8259 section 6.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || (whole > 1 && s[0] == '0') {
		return false
	}
	s = s[whole:]
	if rest, ok := strings.CutPrefix(s, "."); ok {
		n := digits(rest)
		if n == 0 {
			return false
		}
		s = rest[n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

// digits counts the decimal digits that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
