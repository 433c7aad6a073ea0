package listen_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/listen"
)

// A client that asks for the end of its connection, and is refused before its body was read,
// gets the answer whole: what it still sends is taken, and the connection not reset.
func TestWhoEndsItsConnectionGetsTheAnswer(t *testing.T) {
	_, addr := start(t, &listen.Settings{MaxBody: 64 << 10}, listen.Limits{})
	for name, tc := range map[string]struct {
		head   string
		length int
		status int
	}{
		"HTTP/1.1": {"POST /mcp HTTP/1.1\r\nConnection: close\r\nContent-Type: text/plain\r\n", 1 << 20, 415},
		"HTTP/1.0": {"POST /mcp HTTP/1.0\r\nContent-Type: text/plain\r\n", 1 << 20, 415},
		"too long": {"POST /mcp HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n", 1 << 20, 413},
		"nowhere":  {"POST /nowhere HTTP/1.0\r\n", 1 << 20, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, addr, "")
			if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			head := fmt.Sprintf("%sHost: %s\r\nAuthorization: Bearer alice\r\nContent-Length: %d\r\n\r\n", tc.head, addr, tc.length)
			if _, err := io.WriteString(c, head+strings.Repeat("x", tc.length)); err != nil {
				t.Fatalf("sending: %v", err)
			}
			resp, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tc.status || int64(len(body)) != resp.ContentLength {
				t.Errorf("status %d, %d of %d bytes, %v", resp.StatusCode, len(body), resp.ContentLength, err)
			}
			if n, err := c.in.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("then %d bytes, %v", n, err)
			}
		})
	}
}
