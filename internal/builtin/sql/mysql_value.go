package sql

import (
	"encoding/base64"
	"encoding/json"
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

// boundMySQL is a parameter as the driver takes it: a number that is whole as an integer.
func boundMySQL(p any) any {
	if n, ok := p.(json.Number); ok {
		if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil && u > math.MaxInt64 {
			return u
		}
	}
	return bound(p)
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
