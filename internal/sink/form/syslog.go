package form

import (
	"strconv"
	"strings"
)

// Syslog says what a message is besides the record.
type Syslog struct {
	Host    string // of the gateway; empty: unknown
	Process int    // its id; 0: unknown
	Version string // of Doorward
	Format  string // rfc5424, cef or json: what carries the record
}

// sdID names the structured data. 32473 is the enterprise number for documentation
// (RFC 5612): Doorward has none of its own.
const sdID = "doorward@32473"

// The facility log audit (RFC 5424, section 6.2.1).
const facility = 13

// Message is the record as a message of RFC 5424, without a frame. With format
// rfc5424 every field is a parameter of the structured data and there is no text;
// with cef and json the text is the record in that form. The structured data always
// has origin, seq and digest, which tell one record from another.
func (s *Syslog) Message(r *Record) []byte {
	b := s.head(r)
	b = append(b, '[')
	b = append(b, sdID...)
	for _, f := range r.Fields() {
		if f.Text != "" && (s.Format == "rfc5424" || f.Name == "origin" || f.Name == "seq" || f.Name == "digest") {
			b = appendParameter(b, f.Name, f.Text)
		}
	}
	b = append(b, ']')
	switch s.Format {
	case "cef":
		b = append(b, ' ')
		b = append(b, CEF(r, s.Version)...)
	case "json":
		b = append(b, ' ')
		b = append(b, r.Line...)
	}
	return b
}

// Short is the record in so few fields that it fits any datagram, for one that
// does not: its key, what it is about, and that it was cut.
func (s *Syslog) Short(r *Record) []byte {
	b := s.head(r)
	b = append(b, '[')
	b = append(b, sdID...)
	for _, f := range r.Fields() {
		switch f.Name {
		case "origin", "seq", "time", "kind", "event", "exchange", "upstream", "effect", "code", "status", "digest":
			if f.Text != "" {
				b = appendParameter(b, f.Name, f.Text)
			}
		}
	}
	return append(appendParameter(b, "cut", "true"), ']')
}

// head is everything before the structured data.
func (s *Syslog) head(r *Record) []byte {
	severity := [...]int{ordinary: 6, refused: 4, failed: 3, incident: 2} // informational, warning, error, critical
	b := append([]byte(nil), '<')
	b = strconv.AppendInt(b, int64(facility*8+severity[r.level()]), 10)
	b = append(b, ">1 "...)
	b = r.Time.UTC().AppendFormat(b, moment)
	b = append(b, ' ')
	b = append(b, name(s.Host, 255)...)
	b = append(b, " doorward "...)
	if s.Process > 0 {
		b = strconv.AppendInt(b, int64(s.Process), 10)
	} else {
		b = append(b, '-')
	}
	b = append(b, ' ')
	b = append(b, name(r.known.Kind, 32)...)
	return append(b, ' ')
}

// name is a text where RFC 5424 wants printable ASCII without spaces of at most so
// many bytes; a dash where nothing is left.
func name(s string, most int) string {
	s = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// appendParameter appends one parameter, its value, in which nothing is hidden any
// more, escaped as section 6.3.3 says.
func appendParameter(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), `="`...)
	b = appendEscaped(b, value, `"\]`)
	return append(b, '"')
}
