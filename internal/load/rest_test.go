package load

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lingering answers as an event stream, which it leaves open.
type lingering struct{ took time.Duration }

func (s lingering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, out := io.Pipe()
	go func() {
		time.Sleep(s.took)
		_, _ = io.WriteString(out, "data: {\"jsonrpc\":\"2.0\",\"id\":\"0-1\",\"result\":{}}\n\n")
		<-r.Context().Done()
		_ = out.CloseWithError(context.Cause(r.Context()))
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, Request: r}, nil
}

// A server that leaves a stream open behind its answer makes no answer slow, and holds no client up for long.
func TestTheEndOfAStreamIsNoAnswersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const took = 7 * time.Millisecond
		c := &client{era: Stateless, run: &run{
			o: &Options{URL: "http://127.0.0.1/", Timeout: time.Minute}, web: &http.Client{Transport: lingering{took}}, meta: meta(`{}`),
		}}
		began := time.Now()
		if err := c.do(t.Context(), Ping); err != nil {
			t.Fatal(err)
		}
		if all := time.Since(began); all-c.resting != took || c.resting != lull {
			t.Errorf("%s, of them %s after the answer", all, c.resting)
		}
	})
}

// A stream that ends with its answer is read to its end at once.
func TestTheEndOfAStreamIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &client{}
		body := strings.NewReader("the rest")
		c.rest(body, func() { t.Error("it is cut off") })
		if c.resting != 0 || body.Len() != 0 {
			t.Errorf("%d bytes are left after %s", body.Len(), c.resting)
		}
	})
}
