package sql

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// fromMySQL is a value as the driver gives it in the binary protocol, of a column with a
// type as typeOf has it.
func fromMySQL(v any, kind string) any {
	switch v := v.(type) {
	case int64:
		return integer(v)
	case uint64:
		return unsigned(v)
	case float32:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return float(f)
		}
		return json.Number(strconv.FormatFloat(float64(v), 'g', -1, 32))
	case float64:
		return float(v)
	case []byte:
		return bytesOf(v, kind)
	}
	return v
}

// boundMySQL is a parameter as the driver takes it: a number that is whole as an integer, and
// another one as a double, which is what the server compares a text with, too. More digits
// than a double keeps are refused.
func boundMySQL(p any) (any, error) {
	n, ok := p.(json.Number)
	if !ok {
		return bound(p), nil
	}
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return u, nil
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || digits(n.String()) > doubleDigits {
		return nil, errors.New("a number among params has more digits than a double keeps: give it as a text, and write CAST(? AS DECIMAL(…)) in the statement")
	}
	return f, nil
}

// doubleDigits are the decimal digits that a double keeps of any number (DBL_DIG of C).
const doubleDigits = 15

// digits are those of a number that count.
func digits(n string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(n), "e")
	mantissa = strings.TrimLeft(mantissa, "-0.")
	if strings.Contains(n, ".") {
		mantissa = strings.TrimRight(mantissa, "0")
	}
	return len(strings.ReplaceAll(mantissa, ".", ""))
}

func unsigned(n uint64) any {
	if n > exact {
		return strconv.FormatUint(n, 10)
	}
	return n
}

// bytesOf is a value that the protocol has as bytes: a number that no integer holds, a time,
// a text, or bytes.
func bytesOf(raw []byte, kind string) any {
	switch kind {
	case "bit": // at most 64, the first one first
		if len(raw) <= 8 {
			n := uint64(0)
			for _, b := range raw {
				n = n<<8 | uint64(b)
			}
			return unsigned(n)
		}
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "vector":
		return base64.StdEncoding.EncodeToString(raw)
	case "datetime", "timestamp":
		s := string(raw)
		if _, err := time.Parse(time.DateTime, s); err != nil { // 0000-00-00 00:00:00
			break
		}
		s = strings.Replace(s, " ", "T", 1)
		if kind == "timestamp" {
			s += "Z" // the session's zone is UTC
		}
		return s
	}
	return text(string(raw))
}
