package sql

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"modernc.org/sqlite"
)

// liteDriver opens files of SQLite whose instr, replace, trim and unhex are Doorward's own:
// SQLite's look for a text at every place anew, and nothing ends them in between. With one
// MiB that is a quarter of a minute, with two a whole one. These look at each byte about
// once. The driver keeps what it is given for as long as the process runs: there is one.
//
//nolint:gochecknoglobals // made when first used; read-only
var liteDriver = sync.OnceValues(func() (*sqlite.Driver, error) {
	d := &sqlite.Driver{}
	for _, f := range [...]struct {
		name string
		n    int32 // arguments
		do   func(args []driver.Value) (driver.Value, error)
	}{
		{"instr", 2, instr},
		{"replace", 3, replace},
		{"unhex", 2, unhex},
		{"trim", 2, trim(true, true)},
		{"ltrim", 2, trim(true, false)},
		{"rtrim", 2, trim(false, true)},
	} {
		if err := d.RegisterFunction(f.name, &sqlite.FunctionImpl{NArgs: f.n, Deterministic: true, VolatileArgs: true, Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			if slices.Contains(args, nil) {
				return nil, nil
			}
			return f.do(args)
		}}); err != nil {
			return nil, fmt.Errorf("giving SQLite %s: %w", f.name, err)
		}
	}
	return d, nil
})

// liteFile is a file that database/sql opens by liteDriver.
type liteFile struct {
	dsn string
	by  *sqlite.Driver
}

func (f *liteFile) Connect(context.Context) (driver.Conn, error) { return f.by.Open(f.dsn) }
func (f *liteFile) Driver() driver.Driver                        { return f.by }

// What follows are functions of SQLite over texts (https://sqlite.org/lang_corefunc.html).
// What they are given is SQLite's, and none of it may be kept: what they return is a copy.

// errTooBig is SQLite's own, in its words.
var errTooBig = errors.New("string or blob too big")

// finder finds a text in others, and looks at each of their bytes about twice at most: a
// long one by Knuth, Morris and Pratt (SIAM Journal on Computing 6, 1977), as that of the
// standard library may look at all of it at every place.
type finder struct {
	needle   string
	borders  []int32 // of each beginning of needle, how much of it is also its end; nil for a short one
	compared int     // bytes of other texts, with a long one
}

// shortNeedle are the bytes that may be looked at once for each byte of the other text.
const shortNeedle = 64

func newFinder(needle string) *finder {
	f := &finder{needle: needle}
	if len(needle) <= shortNeedle {
		return f
	}
	f.borders = make([]int32, len(needle))
	n := int32(0)
	for i := 1; i < len(needle); i++ {
		for n > 0 && needle[i] != needle[n] {
			n = f.borders[n-1]
		}
		if needle[i] == needle[n] {
			n++
		}
		f.borders[i] = n
	}
	return f
}

// index is where the text begins in s, at from or behind it; -1 where it does not.
func (f *finder) index(s string, from int) int {
	if f.borders == nil {
		if at := strings.Index(s[from:], f.needle); at >= 0 {
			return from + at
		}
		return -1
	}
	n := 0 // bytes of the needle that end before i
	for i := from; i < len(s); i++ {
		f.compared++
		for n > 0 && s[i] != f.needle[n] {
			n = int(f.borders[n-1])
			f.compared++
		}
		if s[i] == f.needle[n] {
			n++
		}
		if n == len(f.needle) {
			return i + 1 - n
		}
	}
	return -1
}

// instr is the place of what is looked for, in characters from 1, or in bytes where both are
// blobs; 0 where it is not there. A character begins at each byte that goes on with none, as
// SQLite counts them.
func instr(args []driver.Value) (driver.Value, error) {
	_, inBlob := args[0].([]byte)
	_, ofBlob := args[1].([]byte)
	hay, needle := asText(args[0]), asText(args[1])
	if needle == "" {
		return int64(1), nil
	}
	if inBlob && ofBlob {
		return int64(newFinder(needle).index(hay, 0) + 1), nil
	}
	if !utf8.RuneStart(needle[0]) { // it is found where a character begins alone
		if strings.HasPrefix(hay, needle) {
			return int64(1), nil
		}
		return int64(0), nil
	}
	at := newFinder(needle).index(hay, 0)
	if at < 0 {
		return int64(0), nil
	}
	n := int64(1)
	for i := 1; i <= at; i++ {
		if utf8.RuneStart(hay[i]) {
			n++
		}
	}
	return n, nil
}

// replace is a text with all of one text in it replaced.
func replace(args []driver.Value) (driver.Value, error) {
	in, old, with := asText(args[0]), asText(args[1]), asText(args[2])
	if old == "" || old[0] == 0 {
		return strings.Clone(in), nil
	}
	var out strings.Builder
	f, from := newFinder(old), 0
	for {
		at := f.index(in, from)
		if at < 0 {
			break
		}
		if out.Len()+at-from+len(with) > maxCell {
			return nil, errTooBig
		}
		out.WriteString(in[from:at])
		out.WriteString(with)
		from = at + len(old)
	}
	if out.Len()+len(in)-from > maxCell {
		return nil, errTooBig
	}
	out.WriteString(in[from:])
	return out.String(), nil
}

// trim takes characters off a text that another one has, on its sides.
func trim(left, right bool) func(args []driver.Value) (driver.Value, error) {
	return func(args []driver.Value) (driver.Value, error) {
		in := asText(args[0])
		set, err := newLetters(asText(args[1]))
		if err != nil {
			return nil, err
		}
		if left {
			in = set.trimLeft(in)
		}
		if right {
			in = set.trimRight(in)
		}
		return strings.Clone(in), nil
	}
}

// letters are the characters of a text as SQLite cuts them: a byte from 0xC0 on with all
// that go on with it (10xxxxxx), any other byte alone. They need not be UTF-8. They are kept
// as a tree of their bytes; its node 0 is none.
type letters struct {
	nodes []letter
	first [256]int32 // nodes, by their byte
}

// letter is a node: the bytes down to it.
type letter struct {
	below, beside int32 // nodes
	place         int32 // in the text, if the bytes are a character of it; else noPlace
	last          byte
}

const (
	noPlace    = math.MaxInt32
	maxLetters = 2 << 20 // nodes: all characters of Unicode take 1.2 million
)

// newLetters cuts a text up to its first NUL, where SQLite ends it. One that is no UTF-8 may
// be errTooBig.
func newLetters(of string) (*letters, error) {
	of, _, _ = strings.Cut(of, "\x00")
	l := &letters{nodes: []letter{{place: noPlace}}}
	for i := 0; i < len(of); {
		place := int32(i)
		lead := of[i]
		at := l.first[lead]
		if at == 0 {
			at = l.add(letter{place: noPlace, last: lead})
			l.first[lead] = at
		}
		for i++; lead >= 0xC0 && i < len(of) && !utf8.RuneStart(of[i]); i++ {
			next := l.below(at, of[i])
			if next == 0 {
				if len(l.nodes) >= maxLetters {
					return nil, errTooBig
				}
				next = l.add(letter{beside: l.nodes[at].below, place: noPlace, last: of[i]})
				l.nodes[at].below = next
			}
			at = next
		}
		l.nodes[at].place = min(l.nodes[at].place, place)
	}
	return l, nil
}

func (l *letters) add(n letter) int32 {
	l.nodes = append(l.nodes, n)
	return int32(len(l.nodes) - 1) //nolint:gosec // at most one for each byte, and one
}

// below is the node of one more byte, of which there are 64.
func (l *letters) below(at int32, b byte) int32 {
	at = l.nodes[at].below
	for at != 0 && l.nodes[at].last != b {
		at = l.nodes[at].beside
	}
	return at
}

// places are those of the beginnings of a text, by their length less one, up to the longest
// that may be a character.
func (l *letters) places(in string, to []int32) []int32 {
	if in == "" {
		return to
	}
	for i, at := 1, l.first[in[0]]; at != 0; i++ {
		to = append(to, l.nodes[at].place)
		if i == len(in) {
			break
		}
		at = l.below(at, in[i])
	}
	return to
}

// trimLeft takes off what a text begins with. Of several characters it is the one that comes
// first, as SQLite tries them in turn.
func (l *letters) trimLeft(in string) string {
	var all []int32
	for {
		n, best := 0, int32(noPlace)
		all = l.places(in, all[:0])
		for i, place := range all {
			if place < best {
				n, best = i+1, place
			}
		}
		if n == 0 {
			return in
		}
		in = in[n:]
	}
}

// trimRight takes off what a text ends with: its last byte alone, or that with all from the
// last one that is from 0xC0 on, if no others are between. What those are is looked up once.
func (l *letters) trimRight(in string) string {
	var all []int32 // places of the beginnings of in[from:]
	for from := len(in); in != ""; {
		end := len(in)
		if from >= end {
			for from = end - 1; from > 0 && !utf8.RuneStart(in[from]); {
				from--
			}
			all = all[:0]
			if in[from] >= 0xC0 {
				all = l.places(in[from:], all)
			}
		}
		n, best := 1, l.nodes[l.first[in[end-1]]].place
		if whole := end - from; whole <= len(all) && all[whole-1] < best {
			n, best = whole, all[whole-1]
		}
		if best == noPlace {
			return in
		}
		in = in[:end-n]
	}
	return in
}

// unhex are the bytes of hexadecimal digits, two by two, with characters of another text
// between them; NULL where anything else is. A NUL ends the digits.
func unhex(args []driver.Value) (driver.Value, error) {
	in, _, _ := strings.Cut(asText(args[0]), "\x00")
	between := map[uint32]bool{}
	for of := asText(args[1]); of != ""; {
		c, n := character(of)
		between[c], of = true, of[n:]
	}
	out := make([]byte, 0, len(in)/2)
	for in != "" {
		var one [1]byte
		if len(in) > 1 {
			if _, err := hex.Decode(one[:], []byte(in[:2])); err == nil {
				out, in = append(out, one[0]), in[2:]
				continue
			}
		}
		c, n := character(in)
		if c < utf8.RuneSelf && strings.IndexByte("0123456789abcdefABCDEF", byte(c)) >= 0 || !between[c] {
			return nil, nil
		}
		in = in[n:]
	}
	return out, nil
}

// character is what SQLite reads a text's first character as, and how many bytes it takes
// (sqlite3Utf8Read in its utf.c): a byte below 0xC0 stands for itself, any other with all that go
// on with it for what they come to, however many they are.
func character(s string) (c uint32, n int) {
	c = uint32(s[0])
	if c < 0xC0 {
		return c, 1
	}
	switch {
	case c < 0xE0:
		c &= 0x1F
	case c < 0xF0:
		c &= 0x0F
	case c < 0xF8:
		c &= 0x07
	case c < 0xFC:
		c &= 0x03
	case c < 0xFE:
		c &= 0x01
	default:
		c = 0
	}
	for n = 1; n < len(s) && !utf8.RuneStart(s[n]); n++ {
		c = c<<6 + uint32(s[n]&0x3F)
	}
	if c < utf8.RuneSelf || c&^0x7FF == 0xD800 {
		c = utf8.RuneError
	}
	return c, n
}

// asText is a value as SQLite makes a text of it.
func asText(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		const digits = 15 // that SQLite writes of a number (https://sqlite.org/floatingpoint.html)
		s := strings.TrimPrefix(strconv.FormatFloat(v, 'g', digits, 64), "+")
		if whole, exponent, ok := strings.Cut(s, "e"); ok && !strings.Contains(whole, ".") {
			return whole + ".0e" + exponent
		}
		if strings.Trim(s, "-0123456789") == "" {
			return s + ".0"
		}
		return s
	}
	return fmt.Sprint(v)
}
