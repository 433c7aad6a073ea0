package sql

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
)

// exact is the largest integer that every reader of JSON keeps (RFC 8259, section 6).
const exact = 1 << 53

func integer(n int64) any {
	if n > exact || n < -exact {
		return strconv.FormatInt(n, 10)
	}
	return n
}

func float(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return f
}

// text is a text that is UTF-8.
func text(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// fromPostgres is a value of PostgreSQL's text format, by the number of its type.
func fromPostgres(oid uint32, raw []byte) any {
	if raw == nil {
		return nil
	}
	s := string(raw)
	switch oid {
	case pgtype.BoolOID:
		return s == "t"
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return integer(n)
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return json.Number(strconv.FormatFloat(f, 'g', -1, bits(oid)))
		}
	case pgtype.ByteaOID:
		if b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`)); err == nil {
			return base64.StdEncoding.EncodeToString(b)
		}
	case pgtype.TimestamptzOID:
		if t, err := time.Parse("2006-01-02 15:04:05.999999Z07", s); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	case pgtype.TimestampOID:
		if _, err := time.Parse("2006-01-02 15:04:05.999999", s); err == nil {
			return strings.Replace(s, " ", "T", 1) // without a zone, as it is kept
		}
	}
	return text(s)
}

func bits(oid uint32) int {
	if oid == pgtype.Float4OID {
		return 32
	}
	return 64
}

// fromSQLite is a value as the driver gives it, of a column that was declared with a type.
func fromSQLite(v any, declared string) any {
	switch v := v.(type) {
	case int64:
		return integer(v)
	case float64:
		return float(v)
	case string:
		return text(v)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		if declared == "DATE" && v.Equal(v.Truncate(24*time.Hour)) {
			return v.UTC().Format(time.DateOnly)
		}
		return v.Format(time.RFC3339Nano)
	}
	return v
}

// storage is the type of a value in SQLite, where its column was declared with none
// (https://sqlite.org/datatype3.html, section 2).
func storage(v any) string {
	switch v.(type) {
	case int64:
		return "integer"
	case float64:
		return "real"
	case string:
		return "text"
	case []byte:
		return "blob"
	}
	return ""
}
