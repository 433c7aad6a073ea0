package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// lingering answers as an event stream, which it leaves open for a while.
type lingering struct {
	took, open time.Duration
	streams    atomic.Int64 // that are open
	most       atomic.Int64 // at once
}

func (s *lingering) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, id, _ := strings.Cut(string(raw), `"id":`)
	id, _, _ = strings.Cut(id, ",")
	if n := s.streams.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	body, out := io.Pipe()
	go func() {
		defer s.streams.Add(-1)
		stop := context.AfterFunc(r.Context(), func() { _ = out.CloseWithError(context.Cause(r.Context())) })
		defer stop()
		time.Sleep(s.took)
		fmt.Fprintf(out, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", id)
		select {
		case <-time.After(s.open):
			_ = out.Close()
		case <-r.Context().Done():
			_ = out.CloseWithError(context.Cause(r.Context()))
		}
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, Request: r}, nil
}

func loneClient(s *lingering, rate float64, timeout time.Duration) *client {
	o := &Options{URL: "http://127.0.0.1/", Timeout: timeout, Clients: 1, Rate: rate, Eras: []Era{Stateless}, Mix: []Share{{Ping, 1}}}
	return &client{era: Stateless, run: &run{o: o, web: &http.Client{Transport: s}, meta: meta(`{}`), weights: 1, tally: newTally(o), fatal: func(error) {}}}
}

// A server that leaves a stream open behind its answer makes no answer slow, and holds no client up beyond
// when its next operation is due.
func TestTheEndOfAStreamIsNoAnswersTime(t *testing.T) {
	for name, tc := range map[string]struct {
		next, rests time.Duration // from the answer
	}{
		"without a rate": {0, breath},
		"due long after": {time.Second, linger},
		"due soon after": {20 * time.Millisecond, 20 * time.Millisecond},
		"due before":     {-time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &lingering{took: 7 * time.Millisecond, open: time.Hour}
				c := loneClient(s, 0, time.Minute)
				began := time.Now()
				if tc.next != 0 {
					c.next = began.Add(s.took + tc.next)
				}
				if err := c.do(t.Context(), Ping); err != nil {
					t.Fatal(err)
				}
				if all := time.Since(began); all-c.resting != s.took || c.resting != tc.rests {
					t.Errorf("%s, of them %s after the answer", all, c.resting)
				}
				time.Sleep(linger)
				synctest.Wait()
				if s.streams.Load() != 0 {
					t.Error("the stream is read for ever")
				}
				c.aside.end()
			})
		})
	}
}

// With a rate, every operation begins when it is due, whatever a server does with its streams, and a client
// leaves no more than one of them behind.
func TestTheEndOfAStreamMakesNothingLate(t *testing.T) {
	for _, open := range []time.Duration{0, time.Millisecond, 30 * time.Millisecond, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := &lingering{took: 7 * time.Millisecond, open: open}
			c := loneClient(s, 100, time.Minute)
			c.run.began = time.Now()
			c.run.counted = c.run.began
			beginning, stop := context.WithTimeout(t.Context(), time.Second)
			defer stop()
			c.work(beginning, t.Context())
			h := c.run.tally.of[kind{Ping, Stateless}]
			if h.TotalCount() != 100 || c.run.missed.Load() != 0 || h.Max() > 7100 || h.Min() < 6900 {
				t.Errorf("streams open for %s: %d operations of %d to %d µs, %d not begun", open, h.TotalCount(), h.Min(), h.Max(), c.run.missed.Load())
			}
			time.Sleep(linger) // what the server has not heard of yet ends
			synctest.Wait()
			if s.most.Load() > 2 || s.streams.Load() != 0 {
				t.Errorf("streams open for %s: %d at once, %d left", open, s.most.Load(), s.streams.Load())
			}
		})
	}
}

// An answer that does not come within an operation's time is late, whether its stream had begun or not.
func TestAStreamWithoutAnAnswerIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := loneClient(&lingering{took: time.Minute}, 0, time.Second)
		err := c.do(t.Context(), Ping)
		if name, _ := nameOf(err); name != "timeout" {
			t.Errorf("it is a failure of the kind %q: %v", name, err)
		}
		c.aside.end()
		time.Sleep(time.Minute) // the server has ended, too
	})
}

// A stream that ends with its answer is read to its end at once.
func TestTheEndOfAStreamIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &client{}
		body := strings.NewReader("the rest")
		c.rest(t.Context(), io.NopCloser(body), func() {})
		if c.resting != 0 || body.Len() != 0 {
			t.Errorf("%d bytes are left after %s", body.Len(), c.resting)
		}
	})
}

// What a server leaves open behind the handshake does not keep a client from the operation that it makes the session for.
func TestTheHandshakeKeepsNothingWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lingering{took: 7 * time.Millisecond, open: time.Hour}
		c := loneClient(s, 1, time.Minute)
		c.era = Stateful
		c.next = time.Now().Add(time.Second)
		due := c.next
		if err := c.do(t.Context(), Ping); err != nil {
			t.Fatal(err)
		}
		if most := 2*breath + linger; c.resting > most || !c.next.Equal(due) {
			t.Errorf("it rested for %s, want %s at most; the next operation is due in %s", c.resting, most, time.Until(c.next))
		}
		c.aside.end()
	})
}

// A client that rests is interrupted at once.
func TestARestIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lingering{took: 7 * time.Millisecond, open: time.Hour}
		c := loneClient(s, 1, time.Minute)
		began := time.Now()
		c.next = began.Add(time.Second)
		ctx, interrupt := context.WithTimeout(t.Context(), s.took+time.Millisecond)
		defer interrupt()
		if err := c.do(ctx, Ping); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != s.took+time.Millisecond {
			t.Errorf("it goes on for %s", took)
		}
		c.aside.end()
	})
}
