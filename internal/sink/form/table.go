package form

import "strings"

// CSVHeader is the first line of an export as CSV (RFC 4180), without its end.
func CSVHeader() []byte {
	var r Record
	var b []byte
	for i, f := range r.Fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, f.Name...)
	}
	return b
}

// CSV is the record as one line of CSV, without its end: always the columns of
// CSVHeader, every one in quotes. No cell is a formula: one that would begin with a
// character at which a spreadsheet calculates begins with ' instead (OWASP, CSV
// injection), and so does one that begins with ', so that the first ' of a cell is
// never the record's own.
func CSV(r *Record) []byte {
	var b []byte
	for i, f := range r.Fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		if formula(f.Text) {
			b = append(b, '\'')
		}
		b = append(b, strings.ReplaceAll(f.Text, `"`, `""`)...)
		b = append(b, '"')
	}
	return b
}

// formula tells whether a spreadsheet may take a cell for more than text. Tabs and
// line ends are shown as characters before they come here; the full-width forms are
// what some spreadsheets fold to ASCII (U+FF1D, U+FF0B, U+FF0D, U+FF20).
func formula(s string) bool {
	for _, lead := range [...]string{"=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20"} {
		if strings.HasPrefix(s, lead) {
			return true
		}
	}
	return false
}
