package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// way is the way to a stateless upstream in this process. Each request that is not the
// opening or a list is answered by the next of its faults, and when there are none left
// as it should be.
type way struct {
	mu     sync.Mutex
	faults []func(*http.Request) (*http.Response, error)
	fault  func(*http.Request) (*http.Response, error) // of every request, while it is set
	seen   []string                                    // methods of the requests that arrived
}

func (w *way) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	method := r.Header.Get("Mcp-Method")
	w.mu.Lock()
	w.seen = append(w.seen, method)
	fault := w.fault
	if fault == nil && (method == "tools/call" || method == "resources/read" || strings.HasPrefix(method, "tasks/")) && len(w.faults) > 0 {
		fault, w.faults = w.faults[0], w.faults[1:]
	}
	w.mu.Unlock()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if fault != nil {
		return fault(r)
	}
	result := `{"content":[],"contents":[]}`
	switch method {
	case "server/discover":
		result = `{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}}`
	case "tools/list":
		result = `{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}`
	case "resources/list":
		result = `{"resources":[]}`
	}
	return says(http.StatusOK, `{"jsonrpc":"2.0","id":$ID,"result":`+result+`}`)(r)
}

// count is how many requests of a method arrived.
func (w *way) count(method string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.seen {
		if m == method {
			n++
		}
	}
	return n
}

func (w *way) fails(fault func(*http.Request) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

// says answers with a status and a body, in which $ID is the id of the request.
func says(status int, text string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		request, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_, id, _ := strings.Cut(string(request), `"id":`)
		id, _, _ = strings.Cut(id, ",")
		body := strings.ReplaceAll(text, "$ID", id)
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
	}
}

func refuses(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
}

func breaksOff(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// wayPool is a pool with one upstream behind w; what it puts on record comes back.
func wayPool(t *testing.T, w *way, change func(*upstream.Config)) (p *upstream.Pool, m *meter, events func(kind string) []gate.Event) {
	t.Helper()
	m = &meter{}
	var mu sync.Mutex
	var all []gate.Event
	cfg := upstream.Config{
		Upstreams: []upstream.Settings{{Name: "up", URL: "http://up.example/", Timeout: 30 * time.Second, Wire: w}}, Meter: m,
		Events: func(_ context.Context, e gate.Event) error {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, e)
			return nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	return newPool(t, cfg), m, func(kind string) (of []gate.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range all {
			if e.Kind == kind {
				of = append(of, e)
			}
		}
		return of
	}
}

func echo(t *testing.T) *gate.Exchange { return exchange(t, nil, "up", modernCall("echo", `{}`)) }

func read(t *testing.T) *gate.Exchange {
	return exchange(t, nil, "up", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b",`+meta+`}}`)
}

// What may have been carried out is made once; what was not, once more.
func TestRES15_OneExecution(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		call  func(*testing.T) *gate.Exchange
		fault func(*http.Request) (*http.Response, error)
		sent  int // requests
		want  gate.Code
	}{
		{"broken off", echo, breaksOff, 1, gate.CodeUpstreamOutcome},
		{"500", echo, says(500, ""), 1, gate.CodeUpstreamOutcome},
		{"503 without a word", echo, says(503, ""), 1, gate.CodeUpstreamOutcome},
		{"silence", echo, hangs, 1, gate.CodeUpstreamTimeout},
		{"garbage", echo, says(200, "{"), 1, gate.CodeUpstreamProtocol},
		{"401", echo, says(401, ""), 1, gate.CodeUpstreamDown},
		{"an error of its own", echo, says(200, `{"jsonrpc":"2.0","id":$ID,"error":{"code":1,"message":"no"}}`), 1, ""},
		{"refused connection", echo, refuses, 2, ""},
		{"503 that says when", echo, says(503, "", "Retry-After", "1"), 2, ""},
		{"429", echo, says(429, ""), 2, ""},
		{"a reading, broken off", read, breaksOff, 2, ""},
		{"a reading, 500", read, says(500, ""), 2, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{faults: []func(*http.Request) (*http.Response, error){tc.fault}}
				p, m, events := wayPool(t, w, nil)
				ex := tc.call(t)
				got, err := carry(t, p, ex)
				if sent := w.count(ex.Call.Message.Method); sent != tc.sent || m.of("retry") != tc.sent-1 || len(events("upstream.retry")) != tc.sent-1 {
					t.Errorf("%d requests, %d retries, want %d", sent, m.of("retry"), tc.sent)
				}
				if tc.want == "" {
					if err != nil || got != 1 {
						t.Errorf("%d messages, error %v", got, err)
					}
					return
				}
				wantCode(t, err, tc.want)
				unknown := tc.want != gate.CodeUpstreamDown
				if e, _ := errors.AsType[*gate.Error](err); strings.Contains(e.Public, "may have been carried out") != unknown {
					t.Errorf("it says %q", e.Public)
				}
			})
		})
	}
}

// carry is forward without its bound, which silence would wait for.
func carry(t *testing.T, p *upstream.Pool, ex *gate.Exchange) (n int, err error) {
	t.Helper()
	err = p.Forward(t.Context(), ex, func(context.Context, *gate.Message) error { n++; return nil })
	return n, err
}

// What is asked for beyond reason is not waited for, and told within bounds.
func TestRES12_RetryAfterIsClamped(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		after string
		sent  int
		wait  time.Duration // that the client is told
	}{
		{"1000000000", 1, 5 * time.Minute},
		{"30", 1, 30 * time.Second},
		{"-1", 2, 0},
		{"Sat, 01 Jan 2000 00:00:01 GMT", 2, 0}, // a second from when the bubble's time begins
		{"Fri, 31 Dec 9999 23:59:59 GMT", 1, 5 * time.Minute},
	} {
		t.Run(tc.after, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{faults: []func(*http.Request) (*http.Response, error){says(503, "", "Retry-After", tc.after)}}
				p, _, _ := wayPool(t, w, nil)
				began := time.Now()
				_, err := carry(t, p, echo(t))
				if sent := w.count("tools/call"); sent != tc.sent {
					t.Errorf("%d requests, want %d", sent, tc.sent)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the call waited %s", took)
				}
				if e, ok := errors.AsType[*gate.Error](err); ok != (tc.sent == 1) || ok && e.Wait != tc.wait {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// Half of a thousand calls a second fail: no storm comes of it.
func TestRES16_NoStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, m, _ := wayPool(t, w, nil)
		const calls = 2000
		for n := range calls {
			if n%2 == 0 {
				w.mu.Lock()
				w.faults = []func(*http.Request) (*http.Response, error){says(429, "")}
				w.mu.Unlock()
			}
			_, _ = carry(t, p, echo(t))
			time.Sleep(time.Millisecond)
		}
		if sent := w.count("tools/call"); sent > calls+calls/10+1 || m.of("retry") != sent-calls || m.of("retry_refused") == 0 {
			t.Errorf("%d requests for %d calls, %d retries, %d refused", sent, calls, m.of("retry"), m.of("retry_refused"))
		}
	})
}

// An upstream that is there and turns calls away, and says for how long, may be doing so to those of one
// client: others are kept from it no longer than a sign of life takes.
func TestRES17_ARefusalBringsAProbe(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{}
				p, _, events := wayPool(t, w, nil)
				for range 5 {
					w.mu.Lock()
					w.faults = append(w.faults, says(status, "", "Retry-After", "300"))
					w.mu.Unlock()
					if _, err := carry(t, p, echo(t)); err == nil {
						t.Fatal("a refusal passes")
					}
				}
				if st := p.Status()[0]; st.Breaker != "half-open" || len(events("upstream.breaker")) != 0 {
					t.Errorf("the breaker is %s; on record: %+v", st.Breaker, events("upstream.breaker"))
				}
				time.Sleep(time.Millisecond)
				if _, err := carry(t, p, echo(t)); err != nil {
					t.Errorf("another's call: %v", err)
				}
				if st := p.Status()[0]; st.Breaker != "closed" || len(events("upstream.probe")) != 1 {
					t.Errorf("the breaker is %s after %d probes", st.Breaker, len(events("upstream.probe")))
				}
			})
		})
	}
}

// An upstream that fails is left alone; of a hundred that come when its time is over one
// tries it, and the others wait for nothing.
func TestRES17_OneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, m, events := wayPool(t, w, nil)
		if _, err := carry(t, p, echo(t)); err != nil {
			t.Fatal(err)
		}
		w.fails(breaksOff)
		for range 5 {
			_, err := carry(t, p, echo(t))
			wantCode(t, err, gate.CodeUpstreamOutcome)
		}
		// What five calls came to may be their doing: the next one asks first.
		time.Sleep(time.Millisecond)
		before := w.count("tools/call")
		_, err := carry(t, p, echo(t))
		wantCode(t, err, gate.CodeUpstreamDown)
		if n := w.count("tools/call") - before; n > 0 || len(events("upstream.probe")) != 1 {
			t.Errorf("%d calls are made before there is a sign of life", n)
		}
		before = len(w.seen)
		_, err = carry(t, p, echo(t))
		wantCode(t, err, gate.CodeUpstreamBreaker)
		if e, _ := errors.AsType[*gate.Error](err); e.Wait <= 0 || e.Wait > time.Second || !strings.Contains(e.Public, "nothing was sent") {
			t.Errorf("it says %q, wait %s", e.Public, e.Wait)
		}
		if st := p.Status()[0]; len(w.seen) != before || st.Breaker != "open" {
			t.Errorf("%d requests to an upstream whose breaker is %s", len(w.seen)-before, st.Breaker)
		}
		if on := events("upstream.breaker"); len(on) != 1 || on[0].Status != "failed" || on[0].Upstream != "up" || m.of("breaker_open") != 1 {
			t.Errorf("on record: %+v", on)
		}
		time.Sleep(time.Second)
		release := make(chan struct{})
		w.fails(func(r *http.Request) (*http.Response, error) {
			<-release
			return says(200, `{"jsonrpc":"2.0","id":$ID,"error":{"code":1,"message":"no"}}`)(r)
		})
		codes := make(chan gate.Code, 100)
		for range 100 {
			go func() {
				_, err := carry(t, p, echo(t))
				code := gate.Code("")
				if err != nil {
					code = gate.CodeOf(err)
				}
				codes <- code
			}()
		}
		synctest.Wait()
		if len(codes) != 99 || len(w.seen) != before+1 || w.seen[before] != "server/discover" {
			t.Errorf("%d are refused, and %v arrived", len(codes), w.seen[before:])
		}
		w.fails(nil)
		close(release)
		synctest.Wait()
		worked := 0
		for range 100 {
			switch code := <-codes; code {
			case "":
				worked++
			case gate.CodeUpstreamBreaker:
			default:
				t.Errorf("code %s", code)
			}
		}
		if on := events("upstream.breaker"); worked != 1 || len(on) != 2 || on[1].Status != "ok" || p.Status()[0].Breaker != "closed" {
			t.Errorf("%d worked; on record: %+v", worked, on)
		}
	})
}

// What its application answers, what clients end and what is refused here opens nothing.
func TestRES17_WhatCountsNot(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault func(*http.Request) (*http.Response, error)
	}{
		{"isError", says(200, `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"no"}}`)},
		{"500", says(500, "")},
		{"429", says(429, "", "Retry-After", "100")},
		{"403", says(403, "")},
		{"garbage", says(200, "]")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{}
				p, _, _ := wayPool(t, w, nil)
				for range 30 {
					w.mu.Lock()
					w.faults = []func(*http.Request) (*http.Response, error){tc.fault}
					w.mu.Unlock()
					_, _ = carry(t, p, echo(t))
				}
				if st := p.Status()[0]; st.Breaker != "closed" {
					t.Errorf("its breaker is %s", st.Breaker)
				}
			})
		})
	}
	t.Run("a client that leaves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &way{}
			p, _, _ := wayPool(t, w, nil)
			if _, err := carry(t, p, echo(t)); err != nil {
				t.Fatal(err)
			}
			w.fails(hangs)
			for range 30 {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_ = p.Forward(ctx, echo(t), func(context.Context, *gate.Message) error { return nil })
			}
			if st := p.Status()[0]; st.Breaker != "closed" {
				t.Errorf("its breaker is %s", st.Breaker)
			}
		})
	})
}

// A call ends at its timeout, however much progress it reports, and what is said of the
// time is true.
func TestRES01_Deadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, _, _ := wayPool(t, w, nil)
		if _, err := carry(t, p, echo(t)); err != nil {
			t.Fatal(err)
		}
		w.fails(func(r *http.Request) (*http.Response, error) {
			in, out := io.Pipe()
			go func() {
				for n := 0; ; n++ {
					select {
					case <-r.Context().Done():
						out.CloseWithError(r.Context().Err())
						return
					case <-time.After(time.Second):
					}
					fmt.Fprintf(out, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":%d}}\n\n", n)
				}
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: in, ContentLength: -1, Request: r}, nil
		})
		began := time.Now()
		_, err := carry(t, p, echo(t))
		wantCode(t, err, gate.CodeUpstreamTimeout)
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("it ended after %s", took)
		}
		if e, _ := errors.AsType[*gate.Error](err); !strings.HasPrefix(e.Public, "upstream up did not answer within 30s") {
			t.Errorf("it says %q", e.Public)
		}
	})
	for _, tc := range []struct {
		name    string
		patient time.Duration // who asks; 0: as long as it takes
		says    string
	}{
		{"its own bound", 0, "upstream up did not answer within 10s"},
		{"that of who asks", 5 * time.Second, "upstream up did not answer in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{}
				p, _, _ := wayPool(t, w, nil)
				w.fails(hangs)
				ctx := t.Context()
				if tc.patient > 0 {
					within, cancel := context.WithTimeout(ctx, tc.patient)
					defer cancel()
					ctx = within
				}
				_, _, err := p.Items(ctx, echo(t), "up", gate.Tool)
				wantCode(t, err, gate.CodeUpstreamTimeout)
				if e, _ := errors.AsType[*gate.Error](err); e.Public != tc.says {
					t.Errorf("it says %q", e.Public)
				}
			})
		})
	}
}
