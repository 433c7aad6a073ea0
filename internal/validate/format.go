package validate

import (
	"errors"
	"regexp"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A format that is asserted: the longest text that can have it, in bytes, and an
// example for whoever wrote something else. Formats without a bound of their own
// are read once, byte by byte, and a URI may be a data: of any size.
type format struct {
	most    int // 0 for none
	example string
}

// formatOf are the formats of JSON Schema that are asserted. The lengths are those
// of the longest form: RFC 3339 with a fraction of a nanosecond and more, RFC 1035
// (hostname), RFC 5321 (email), RFC 4291 (ipv6 with an ipv4 tail), RFC 9562 (uuid).
// All others, internationalised ones for example, say nothing.
func formatOf(name string) (format, bool) {
	switch name {
	case "date-time":
		return format{64, "2026-01-31T12:00:00Z"}, true
	case "date":
		return format{10, "2026-01-31"}, true
	case "time":
		return format{64, "12:00:00Z"}, true
	case "duration":
		return format{256, "PT1H30M"}, true
	case "email":
		return format{254, "name@example.com"}, true
	case "hostname":
		return format{254, "www.example.com"}, true
	case "ipv4":
		return format{15, "192.0.2.1"}, true
	case "ipv6":
		return format{45, "2001:db8::1"}, true
	case "uri":
		return format{0, "https://example.com/a"}, true
	case "uri-reference":
		return format{0, "/a/b?c=d"}, true
	case "uuid":
		return format{36, "123e4567-e89b-12d3-a456-426614174000"}, true
	case "json-pointer":
		return format{0, "/a/0"}, true
	case "regex":
		return format{maxPattern, "^[a-z]+$"}, true
	}
	return format{}, false
}

var (
	errLong  = errors.New("the text is too long for its format")
	errRegex = errors.New("the text is no regular expression")
)

// assertFormats bounds the formats that the schema asserts, and drops the others,
// or all. The library's own take an argument of any length, and compile a regex
// as if it were the schema's.
func assertFormats(s *jsonschema.Schema, wanted bool, seen map[*jsonschema.Schema]bool) {
	if seen[s] {
		return
	}
	seen[s] = true
	if own := s.Format; own != nil {
		s.Format = nil
		if f, known := formatOf(own.Name); known && wanted {
			s.Format = &jsonschema.Format{Name: own.Name, Validate: f.within(own)}
		}
	}
	below := func(sub *jsonschema.Schema) { assertFormats(sub, wanted, seen) }
	inPlace(s, below)
	deeper(s, below)
}

// within asks the library's format about a text that is not too long.
func (f format) within(own *jsonschema.Format) func(any) error {
	validate := own.Validate
	if own.Name == "regex" {
		validate = validateRegex
	}
	return func(v any) error {
		if text, ok := v.(string); ok && f.most > 0 && len(text) > f.most {
			return errLong
		}
		return validate(v)
	}
}

// validateRegex tells whether a text is a regular expression in one of the two
// dialects that a schema's own patterns may have. Nothing is matched with it.
func validateRegex(v any) error {
	text, ok := v.(string)
	if !ok {
		return nil
	}
	if _, err := regexp.Compile(text); err == nil {
		return nil
	}
	if _, err := regexp2.Compile(text, regexp2.ECMAScript); err != nil {
		return errRegex
	}
	return nil
}
