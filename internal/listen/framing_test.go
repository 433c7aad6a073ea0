package listen

import (
	"bufio"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// FuzzHead: of what net/http takes for a request, a head is clear only when it has
// one way at most to say where the request ends, and however it arrives.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		"POST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /mcp HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST /mcp HTTP/1.1\nHost: x\ntransfer-encoding:chunked\n\n0\n\n",
		"\r\nPOST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\tchunked\r\n\r\n",
		"POST /mcp HTTP/1.1\r\nHost: x\r\nX: y\r\n Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"OST /mcp HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
	} {
		f.Add(seed, 7)
	}
	length, chunked := regexp.MustCompile(`(?im)^content-length:`), regexp.MustCompile(`(?im)^transfer-encoding:`)
	f.Fuzz(func(t *testing.T, text string, at int) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		whole, parts := &head{on: true}, &head{on: true}
		whole.note([]byte(text))
		at = max(0, min(at, len(text)))
		parts.note([]byte(text[:at]))
		parts.note([]byte(text[at:]))
		is := whole.clear(r)
		if is != parts.clear(r) {
			t.Fatalf("%q is clear whole: %v, and in two parts: %v", text, is, !is)
		}
		if top, _, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n"); is && len(r.TransferEncoding) > 0 &&
			(length.MatchString(top) || len(chunked.FindAllString(top, -1)) != 1) {
			t.Fatalf("%q is clear", text)
		}
	})
}

// A head that was not seen from its beginning, or not to its end, says nothing.
func TestHeadThatIsNotThere(t *testing.T) {
	const text = "POST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	for name, seen := range map[string]string{
		"nothing": "", "the end": "Transfer-Encoding: chunked\r\n\r\n", "the beginning": text[:len(text)-2],
		"another request": strings.Replace(text, "/mcp", "/other", 1), "another version": strings.Replace(text, "1.1", "1.0", 1),
		"too much": strings.Replace(text, "Host", "X: "+strings.Repeat("x", maxHead)+"\r\nHost", 1),
	} {
		h := &head{on: true}
		h.note([]byte(seen))
		if h.clear(r) {
			t.Errorf("%s: clear", name)
		}
	}
	h := &head{on: true}
	for range 2 {
		h.note([]byte(text + "body that is none of its business"))
		h.note([]byte("Content-Length: 5\r\n"))
		if !h.clear(r) {
			t.Error("the whole head is not clear")
		}
		h.begin()
	}
	h.note([]byte(text[1:])) // the first byte may be read before the last answer is out
	if !h.clear(r) {
		t.Error("all but the first byte is not clear")
	}
}
