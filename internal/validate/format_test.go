package validate_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/validate"
)

func formatted(name, draft string) string {
	return `{` + draft + `"properties":{"a":{"format":"` + name + `"}}}`
}

const olderDraft = `"$schema":"http://json-schema.org/draft-07/schema#",`

func TestFormats(t *testing.T) {
	for name, tc := range map[string]struct{ good, bad []string }{
		"date-time":     {[]string{"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+02:00"}, []string{"2026-01-31", "2026-02-30T12:00:00Z", "yesterday"}},
		"date":          {[]string{"2026-01-31"}, []string{"2026-02-30", "31.1.2026"}},
		"time":          {[]string{"12:00:00Z"}, []string{"12:00", "25:00:00Z"}},
		"duration":      {[]string{"PT1H30M", "P3W"}, []string{"1h30m", "P"}},
		"email":         {[]string{"a.b@example.com"}, []string{"a.b", "a@b@", "a..b@example.com"}},
		"hostname":      {[]string{"www.example.com"}, []string{"-a.example", "a b", strings.Repeat("a.", 200)}},
		"ipv4":          {[]string{"192.0.2.1"}, []string{"192.0.2", "192.0.2.256", "0300.0.0.1"}},
		"ipv6":          {[]string{"2001:db8::1", "::ffff:192.0.2.1"}, []string{"2001:db8::1%eth0", "192.0.2.1", ":::"}},
		"uri":           {[]string{"https://example.com/a?b#c", "data:text/plain,x"}, []string{"/a", "not a uri", "http://[::1"}},
		"uri-reference": {[]string{"/a", "https://example.com"}, []string{`\\\\a`, "http://[::1"}},
		"uuid":          {[]string{"123e4567-e89b-12d3-a456-426614174000"}, []string{"123e4567e89b12d3a456426614174000", "x"}},
		"json-pointer":  {[]string{"", "/a/0", "/a~1b"}, []string{"a", "/a~2"}},
		"regex":         {[]string{"^[a-z]+$", "(?<=a)b"}, []string{"(a", "[z-a]"}},
	} {
		for _, draft := range []string{"", olderDraft} {
			for _, text := range tc.good {
				if v := judge(t, call(t, tool(formatted(name, draft), ""), `{"a":"`+text+`"}`)); v.Effect != gate.Continue {
					t.Errorf("%s %s: %+v", name, text, v)
				}
			}
			for _, text := range tc.bad {
				if v := judge(t, call(t, tool(formatted(name, draft), ""), `{"a":"`+text+`"}`)); v.Code != gate.CodeArguments {
					t.Errorf("%s %s: %+v, want %s", name, text, v, gate.CodeArguments)
				}
				// A result is not refused for a format, whatever its draft says of them.
				ex := call(t, tool(`{}`, formatted(name, draft)), "")
				if _, v, err := validate.New(quiet()).Review(t.Context(), ex, message(gate.Result, "structuredContent", `{"a":"`+text+`"}`)); err != nil || v.Effect != gate.Continue {
					t.Errorf("%s %s in a result: %+v, %v", name, text, v, err)
				}
			}
			if v := judge(t, call(t, tool(formatted(name, draft), ""), `{"a":7}`)); v.Effect != gate.Continue {
				t.Errorf("%s is asked of a number: %+v", name, v)
			}
		}
	}
}

// A format is decided soon, whatever the text. Those with a length of their own
// are decided by it.
func TestPOL44HostileTextsOfFormats(t *testing.T) {
	const most = 1<<20 - 20
	s := validate.New(quiet())
	took := func(name, text string) time.Duration {
		start := time.Now()
		v, err := s.Judge(t.Context(), call(t, tool(formatted(name, ""), ""), `{"a":"`+text+`"}`))
		if err != nil || v.Effect != gate.Continue && v.Code != gate.CodeArguments {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		return time.Since(start)
	}
	long := func(part string) string { return strings.Repeat(part, most/len(part)) }
	for name, texts := range map[string][]string{
		"uri":           {long("a"), "a:" + long("%41"), "http://" + long("a@"), "http://[" + long(":"), "http://a/" + long("/.."), "a:" + long("é"), "http://a:" + long("1")},
		"uri-reference": {long("/"), long("%41"), "//" + long("[")},
		"json-pointer":  {long("/"), "/" + long("~1")},
		"regex":         {long("("), strings.Repeat("(", 4000), strings.Repeat("(?=", 1300), strings.Repeat("[a-", 1300), strings.Repeat("(x{1000}", 400) + strings.Repeat(")", 400), "(?=" + strings.Repeat("x{1000}", 500) + ")"},
		"date-time":     {long("1")}, "date": {long("1")}, "time": {"12:00:00." + long("1")}, "duration": {"P" + long("1Y")},
		"email": {long("a@")}, "hostname": {long("a.")}, "ipv4": {long("1.")}, "ipv6": {long(":")}, "uuid": {long("-")},
	} {
		for _, text := range texts {
			if d := took(name, text); d > patience {
				t.Errorf("%s of %.20q… took %v", name, text, d)
			}
		}
	}
}

// A regex that came as an argument is not a pattern of the schema: nothing that
// other calls share changes with it.
func TestARegexInArgumentsIsConcurrent(t *testing.T) {
	s, it := validate.New(quiet()), tool(formatted("regex", olderDraft), "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if v, err := s.Judge(t.Context(), call(t, it, `{"a":"(?=a)b"}`)); err != nil || v.Effect != gate.Continue {
					t.Errorf("%+v, %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}
