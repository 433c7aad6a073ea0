package form_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// The parsers here read the forms as their standards say, not as the package
// writes them. Each returns the fields by name and refuses what is there twice.

// oneLine refuses what another reader could take for more than a line.
func oneLine(t *testing.T, text []byte) {
	t.Helper()
	if !utf8.Valid(text) {
		t.Fatalf("no UTF-8: %q", text)
	}
	if at := strings.IndexFunc(string(text), func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	}); at >= 0 {
		t.Fatalf("not one line of visible text at %d: %q", at, text)
	}
}

// cefOf splits a message of CEF into its header's seven parts and its extension.
func cefOf(line string) (header []string, extension map[string]string, err error) {
	part := ""
	rest := line
	for len(header) < 7 {
		if rest == "" {
			return nil, nil, errors.New("the header ends early")
		}
		switch c := rest[0]; {
		case c == '\\' && len(rest) > 1 && (rest[1] == '\\' || rest[1] == '|'):
			part, rest = part+rest[1:2], rest[2:]
			continue
		case c == '\\':
			return nil, nil, errors.New("a backslash that escapes nothing")
		case c == '|':
			header, part = append(header, part), ""
		default:
			part += rest[:1]
		}
		rest = rest[1:]
	}
	extension, err = cefExtension(rest)
	return header, extension, err
}

// cefExtension reads key=value pairs. A key is the word before an = that no
// backslash escapes.
func cefExtension(s string) (map[string]string, error) {
	all := map[string]string{}
	key, value, word := "", "", 0 // word: where in value the last word begins
	put := func(v string) error {
		if key == "" {
			return nil
		}
		if _, there := all[key]; there {
			return fmt.Errorf("%s is there twice", key)
		}
		all[key] = v
		return nil
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i++; i == len(s) || s[i] != '\\' && s[i] != '=' {
				return nil, errors.New("a backslash that escapes nothing")
			}
			value += s[i : i+1]
		case '=':
			if word == 0 && key != "" {
				return nil, errors.New("an = that is neither escaped nor after a key")
			}
			if err := put(strings.TrimSuffix(value[:word], " ")); err != nil {
				return nil, err
			}
			key, value, word = value[word:], "", 0
		default:
			value += s[i : i+1]
			if c == ' ' {
				word = len(value)
			}
		}
	}
	return all, put(value)
}

// syslogOf reads a message of RFC 5424: the header's parts, the parameters of its
// one element of structured data, and the text.
func syslogOf(line string) (header []string, id string, parameters map[string]string, text string, err error) {
	rest := line
	for range 6 { // PRI with VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID
		var part string
		var ok bool
		if part, rest, ok = strings.Cut(rest, " "); !ok {
			return nil, "", nil, "", errors.New("the header ends early")
		}
		header = append(header, part)
	}
	if !strings.HasPrefix(rest, "[") {
		return nil, "", nil, "", errors.New("no structured data")
	}
	id, rest, _ = strings.Cut(rest[1:], " ")
	parameters = map[string]string{}
	for {
		name, after, ok := strings.Cut(rest, `="`)
		if !ok || strings.ContainsAny(name, ` ]"=`) || len(name) > 32 {
			return nil, "", nil, "", fmt.Errorf("no parameter: %q", name)
		}
		var value string
		i := 0
		for ; i < len(after) && after[i] != '"'; i++ {
			if after[i] == ']' {
				return nil, "", nil, "", errors.New("a bracket that is not escaped")
			}
			if after[i] == '\\' {
				if i++; i == len(after) || !strings.Contains(`"\]`, after[i:i+1]) {
					return nil, "", nil, "", errors.New("a backslash that escapes nothing")
				}
			}
			value += after[i : i+1]
		}
		if i == len(after) {
			return nil, "", nil, "", errors.New("a value without an end")
		}
		if _, there := parameters[name]; there {
			return nil, "", nil, "", fmt.Errorf("%s is there twice", name)
		}
		parameters[name] = value
		rest = after[i+1:]
		switch {
		case strings.HasPrefix(rest, " "):
			rest = rest[1:]
		case rest == "]":
			return header, id, parameters, "", nil
		case strings.HasPrefix(rest, "] "):
			return header, id, parameters, rest[2:], nil
		default:
			return nil, "", nil, "", fmt.Errorf("after a parameter: %q", rest)
		}
	}
}

// csvOf reads one line of CSV, and takes the mark of what could be a formula off.
func csvOf(t *testing.T, head, line []byte) map[string]string {
	t.Helper()
	in := csv.NewReader(strings.NewReader(string(head) + "\n" + string(line) + "\n"))
	rows, err := in.ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v: %q", len(rows), err, line)
	}
	all := map[string]string{}
	for i, cell := range rows[1] {
		if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r\n") || strings.HasPrefix(cell, "\uff1d") || strings.HasPrefix(cell, "\uff0b") {
			t.Fatalf("%s is a formula: %q", rows[0][i], cell)
		}
		all[rows[0][i]] = strings.TrimPrefix(cell, "'")
	}
	return all
}

// objectOf reads an object and refuses one with a member that is there twice, at any
// depth.
func objectOf(t *testing.T, text []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	v := valueOf(t, dec)
	if dec.More() {
		t.Fatalf("more than one value: %q", text)
	}
	object, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("no object: %q", text)
	}
	return object
}

func valueOf(t *testing.T, dec *json.Decoder) any {
	t.Helper()
	tok, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch tok {
	case json.Delim('{'):
		all := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			name, _ := key.(string)
			if _, there := all[name]; there {
				t.Fatalf("%s is there twice", name)
			}
			all[name] = valueOf(t, dec)
		}
		_, _ = dec.Token()
		return all
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			list = append(list, valueOf(t, dec))
		}
		_, _ = dec.Token()
		return list
	}
	return tok
}
