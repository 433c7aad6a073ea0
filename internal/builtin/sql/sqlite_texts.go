package sql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
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

// instr is the place of what is looked for, in characters from 1, or in bytes where both are
// blobs; 0 where it is not there. A character begins at each byte that goes on with none, as
// SQLite counts them.
func instr(args []driver.Value) (driver.Value, error) {
	in, inBlob := args[0].([]byte)
	of, ofBlob := args[1].([]byte)
	if inBlob && ofBlob {
		return int64(bytes.Index(in, of) + 1), nil
	}
	hay, needle := asText(args[0]), asText(args[1])
	if needle == "" {
		return int64(1), nil
	}
	if !utf8.RuneStart(needle[0]) { // it is found where a character begins alone
		if strings.HasPrefix(hay, needle) {
			return int64(1), nil
		}
		return int64(0), nil
	}
	at := strings.Index(hay, needle)
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
	if len(in)+strings.Count(in, old)*(len(with)-len(old)) > maxCell {
		return nil, errTooBig
	}
	return strings.Clone(strings.ReplaceAll(in, old, with)), nil
}

// trim takes characters off a text that another one has, on its sides.
func trim(left, right bool) func(args []driver.Value) (driver.Value, error) {
	return func(args []driver.Value) (driver.Value, error) {
		in, set := asText(args[0]), map[rune]bool{}
		for _, r := range asText(args[1]) {
			set[r] = true
		}
		off := func(r rune) bool { return set[r] }
		if left {
			in = strings.TrimLeftFunc(in, off)
		}
		if right {
			in = strings.TrimRightFunc(in, off)
		}
		return strings.Clone(in), nil
	}
}

// unhex are the bytes of hexadecimal digits, two by two, with characters of another text
// between them; NULL where anything else is.
func unhex(args []driver.Value) (driver.Value, error) {
	in, between := asText(args[0]), map[rune]bool{}
	for _, r := range asText(args[1]) {
		between[r] = true
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
		r, n := utf8.DecodeRuneInString(in)
		if strings.ContainsRune("0123456789abcdefABCDEF", r) || !between[r] {
			return nil, nil
		}
		in = in[n:]
	}
	return out, nil
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
