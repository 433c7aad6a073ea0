package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/gate"
)

// TestLargeMessages: whatever its size, a message arrives whole, with its
// length, and with nothing changed but its id and the capabilities; and so does its answer, whether
// it says how long it is or not.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	var got string
	var length int64
	p := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, length = string(body), r.ContentLength
		id, _, _ := strings.Cut(got[strings.Index(got, `"id":`)+len(`"id":`):], ",")
		text := got[strings.Index(got, `"arguments":`)+len(`"arguments":`) : strings.Index(got, `,"_meta"`)]
		answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","structuredContent":%s}}`, id, text)
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Mcp-Name") == "chunked" {
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, answer)
	})
	for _, name := range []string{"plain", "chunked"} {
		for _, size := range []int{0, 1, 4 << 10, 16 << 10, 64<<10 - 1, 64 << 10, 100_000, 512 << 10, 1_000_000} {
			args := `{"text":"` + strings.Repeat("x", size) + `"}`
			raw := modernCall(name, args)
			want := strings.Replace(raw, `,"extensions":{"x/y":{}}`, "", 1) // which Doorward does not relay
			answers, err := forward(t, p, exchange(t, nil, "up", raw))
			if err != nil || len(answers) != 1 {
				t.Fatalf("%s of %d bytes: %d answers, error %v", name, size, len(answers), err)
			}
			at, _ := answers[0].Field("structuredContent")
			if string(answers[0].Bytes(at)) != args {
				t.Errorf("%s of %d bytes: the answer came changed", name, size)
			}
			if length != int64(len(got)) || strings.Count(got, args) != 1 || strings.Replace(got, id(got), id(raw), 1) != want {
				t.Errorf("%s of %d bytes: %d arrived with length %d", name, size, len(got), length)
			}
		}
	}
}

// id is the id of a message with its key.
func id(raw string) string {
	rest := raw[strings.Index(raw, `"id":`):]
	return rest[:strings.IndexByte(rest, ',')]
}

// TestAnswerTooLarge: an answer that says it is too large is refused as one
// that turns out to be.
func TestAnswerTooLarge(t *testing.T) {
	t.Parallel()
	for _, chunked := range []bool{false, true} {
		p := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if chunked {
				w.(http.Flusher).Flush()
			} else {
				w.Header().Set("Content-Length", fmt.Sprint(11<<20))
			}
			_, _ = w.Write(make([]byte, 11<<20)) // cut off, as it should be
		})
		_, err := forward(t, p, exchange(t, nil, "up", modernCall("t", `{}`)))
		wantCode(t, err, gate.CodeUpstreamProtocol)
	}
}
