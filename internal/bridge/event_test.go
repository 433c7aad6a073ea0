package bridge

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// read reads every event of a text.
func read(r io.Reader, limit int) (events []string, last string, retry time.Duration, err error) {
	e := newEventReader(r, limit)
	for {
		ev, err := e.next()
		if err != nil {
			return events, e.lastID, e.retry, err
		}
		events = append(events, ev.name+"|"+string(ev.data))
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text  string
		want  []string
		last  string
		retry time.Duration
	}{
		"LF, CR and CRLF":       {"data: a\n\ndata: b\r\rdata: c\r\n\r\n", []string{"|a", "|b", "|c"}, "", 0},
		"several lines":         {"data: a\ndata:b\ndata\ndata:  c\n\n", []string{"|a\nb\n\n c"}, "", 0},
		"a name":                {"event: message\ndata: a\n\nevent: x\n\n", []string{"message|a", "x|"}, "", 0},
		"comments":              {": hi\n:\n\n:\ndata: a\n\n", []string{"|a"}, "", 0},
		"unknown fields":        {"color: red\ndata: a\nDATA: b\n\n", []string{"|a"}, "", 0},
		"a mark of byte order":  {"\ufeffdata: a\n\n\ufeffdata: b\n\n", []string{"|a"}, "", 0},
		"ids":                   {"id: 1\ndata: a\n\nid\ndata: b\n\nid: 3\n", []string{"|a", "|b"}, "", 0},
		"an id alone":           {"id: 1\n\n", nil, "1", 0},
		"an id of a cut event":  {"id: 1\ndata: a\n\nid: 2\ndata: b\n", []string{"|a"}, "1", 0},
		"an id no header has":   {"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", []string{"|a", "|b"}, "1", 0},
		"retry":                 {"retry: 250\nretry: x\nretry: -1\n\n", nil, "", 250 * time.Millisecond},
		"retry too soon":        {"retry: 0\n\n", nil, "", minRetry},
		"retry too late":        {"retry: 4000000000\n\n", nil, "", maxRetry},
		"cut off":               {"data: a", nil, "", 0},
		"nothing":               {"", nil, "", 0},
		"an event without data": {"data:\n\n", []string{"|"}, "", 0},
	} {
		for way, r := range map[string]io.Reader{"whole": strings.NewReader(tc.text), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.text))} {
			events, last, retry, err := read(r, 100)
			if diff := cmp.Diff(tc.want, events); diff != "" || last != tc.last || retry != tc.retry || !errors.Is(err, io.EOF) {
				t.Errorf("%s, %s: last id %q, retry %v, %v, events (-want +got):\n%s", name, way, last, retry, err, diff)
			}
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	for text, want := range map[string]error{
		"data: " + long + "\n\n":          io.EOF,
		"data: " + long + "x\n\n":         errEventTooLarge,
		"data: x\ndata: " + long + "\n\n": errEventTooLarge,
		": " + strings.Repeat("x", 1000):  errEventTooLarge,
		"event: " + long + long + "\n\n":  errEventTooLarge,
	} {
		if _, _, _, err := read(strings.NewReader(text), 100); !errors.Is(err, want) {
			t.Errorf("%.20s… (%d bytes): %v, want %v", text, len(text), err, want)
		}
	}
	broken := errors.New("broken")
	if _, _, _, err := read(io.MultiReader(strings.NewReader("data: a\n"), iotest.ErrReader(broken)), 100); !errors.Is(err, broken) {
		t.Errorf("a broken stream: %v", err)
	}
}

// What is read does not depend on how the bytes come, and no event is larger than
// its bound.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "id: 1\r\nevent: x\rdata: a\r\n\r\n", "\ufeffdata\n\n", ":\n\r\n\rretry: 5\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const limit = 64
		whole, last, retry, err := read(strings.NewReader(text), limit)
		pieces, lastToo, retryToo, errToo := read(iotest.OneByteReader(strings.NewReader(text)), limit)
		if diff := cmp.Diff(whole, pieces); diff != "" || last != lastToo || retry != retryToo || !errors.Is(errToo, err) {
			t.Errorf("%q: %q %v %v, and in pieces %q %v %v:\n%s", text, last, retry, err, lastToo, retryToo, errToo, diff)
		}
		for _, ev := range whole {
			if _, data, _ := strings.Cut(ev, "|"); len(data) > limit+limit {
				t.Errorf("%q gives an event of %d bytes", text, len(data))
			}
		}
		if strings.ContainsAny(last, "\r\n\x00") {
			t.Errorf("%q gives the id %q, which no header can have", text, last)
		}
	})
}

// Whatever a client writes is a call or a fault; a call's requests are all
// waiting, and idOf sees the id that reading saw.
func FuzzReadCall(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
		`[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":1,"method":"b"}]`, `{"jsonrpc":"2.0","id":"a","result":{}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u0061"}}`, `{"id":null}`, ``, `[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readCall(data)
		if err != nil {
			_, _ = idOf(data)
			return
		}
		for _, id := range c.ids {
			if _, ok := c.waiting[meaning(id)]; !ok || !c.awaits(id) {
				t.Errorf("%q: nobody waits for %s", data, id)
			}
		}
		if id, asks := idOf(data); len(c.ids) == 1 && c.method != "" && (!asks || string(id) != string(c.ids[0])) {
			t.Errorf("%q: the id is %s, and idOf says %s", data, c.ids[0], id)
		}
		if strings.ContainsAny(c.mirror[1], "\r\n\x00") {
			t.Errorf("%q: the header %q", data, c.mirror)
		}
	})
}
