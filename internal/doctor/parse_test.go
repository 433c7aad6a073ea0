package doctor

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChallenges reads headers as servers write them.
func TestChallenges(t *testing.T) {
	for _, tc := range []struct {
		line string
		want []challenge
	}{
		{"", nil},
		{"Bearer", []challenge{{"bearer", map[string]string{}}}},
		{`Bearer realm="a, b", Error=invalid_token`, []challenge{{"bearer", map[string]string{"realm": "a, b", "error": "invalid_token"}}}},
		{`Basic realm="x", Bearer resource_metadata="https://h/m"`, []challenge{{"basic", map[string]string{"realm": "x"}}, {"bearer", map[string]string{"resource_metadata": "https://h/m"}}}},
		{`Bearer a="q\"uoted\\"`, []challenge{{"bearer", map[string]string{"a": `q"uoted\`}}}},
		{`Negotiate abc==, Bearer a=b`, []challenge{{"negotiate", map[string]string{}}, {"abc", map[string]string{}}, {"bearer", map[string]string{"a": "b"}}}},
		{`Bearer a="cut`, []challenge{{"bearer", map[string]string{}}, {"a", map[string]string{}}}},
		{strings.Repeat("a", maxChallenge+1), nil},
	} {
		got := readChallenges([]string{tc.line})
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(challenge{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.line, diff)
		}
	}
}

// TestEvents reads streams as servers write them.
func TestEvents(t *testing.T) {
	for _, tc := range []struct {
		stream string
		want   []event
	}{
		{"", nil},
		{"data: cut", nil},
		{"data: cut\n", nil},
		{"\n\ndata: a\n\n", []event{{data: []byte("a")}}},
		{"event: endpoint\r\ndata: /m\r\n\r\n", []event{{"endpoint", []byte("/m")}}},
		{"data: a\ndata:b\n\n: still here\n\n", []event{{data: []byte("a\nb")}, {}}},
		{"id: 1\nretry: 1000\ndata: \n\n", []event{{}}},
	} {
		var got []event
		r := newEventReader(strings.NewReader(tc.stream))
		for {
			ev, err := r.next()
			if err != nil {
				break
			}
			if len(ev.data) == 0 {
				ev.data = nil
			}
			got = append(got, ev)
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(event{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.stream, diff)
		}
	}
}

// FuzzEvents: reading ends, and what comes of a stream that is cut is the
// beginning of what comes of the whole.
func FuzzEvents(f *testing.F) {
	f.Add("event: message\ndata: {}\n\n: c\n\n", 20)
	f.Fuzz(func(t *testing.T, stream string, cut int) {
		whole := readAll(t, stream)
		if cut < 0 || cut > len(stream) {
			return
		}
		for i, ev := range readAll(t, stream[:cut]) {
			if i >= len(whole) || ev.name != whole[i].name || !bytes.Equal(ev.data, whole[i].data) {
				t.Fatalf("event %d of the cut stream is another: %+v", i, ev)
			}
		}
	})
}

func readAll(t *testing.T, stream string) []event {
	t.Helper()
	var all []event
	r := newEventReader(strings.NewReader(stream))
	for {
		ev, err := r.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(ev.data) > len(stream) {
			t.Fatalf("an event of %d bytes from %d", len(ev.data), len(stream))
		}
		all = append(all, ev)
	}
}

// FuzzChallenges: what is read is in the header, and reading ends.
func FuzzChallenges(f *testing.F) {
	f.Add(`Bearer realm="doorward", error="invalid_token", Basic`)
	f.Add(`Bearer a="\`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, c := range readChallenges([]string{line}) {
			if c.scheme == "" || !strings.Contains(strings.ToLower(line), c.scheme) {
				t.Fatalf("scheme %q is not in %q", c.scheme, line)
			}
			for name, value := range c.params {
				if name == "" || len(value) > len(line) {
					t.Fatalf("%q=%q from %q", name, value, line)
				}
			}
		}
	})
}

// FuzzCredential: what is sent fits into a header, adds nothing to what was
// given, and is not taken apart any further when it is clean.
func FuzzCredential(f *testing.F) {
	f.Add("Authorization: Bearer \"dw_x\"\n")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, given string) {
		c := readCredential(given)
		if len(c.text) > len(given) || strings.ContainsFunc(c.text, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q from %q", c.text, given)
		}
		if c.fault == "" && c.text != given {
			t.Fatalf("%q became %q and nothing is said", given, c.text)
		}
		_, _ = readClaims(c.text)
	})
}

// FuzzMessage: any answer can be asked for what the checks ask of it.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"m","data":{"supported":["2025-11-25"],"code":"x"}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := readMessage(body)
		if m.ok() && (m.said() != "" || m.code() != "") || !m.present() && (m.answers() || m.versions() != nil) {
			t.Fatalf("%q contradicts itself", body)
		}
	})
}

// FuzzClaims: a date that is read can be written.
func FuzzClaims(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJhdWQiOlsieCJdLCJleHAiOjF9.")
	f.Fuzz(func(t *testing.T, token string) {
		c, ok := readClaims(token)
		if !ok && (c.Issuer != "" || c.Audience != nil) {
			t.Fatal("claims of what is no token")
		}
		if y := c.Expires.Year(); y < 1 || y > 9999 {
			t.Fatalf("year %d", y)
		}
	})
}
