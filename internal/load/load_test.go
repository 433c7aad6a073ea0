package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/load"
)

// server is an MCP server of both eras that counts what it is asked.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	sessions map[string]bool
	made     int
	asked    map[string]int
	done     map[string]int                              // by method and era
	kinds    int                                         // of done that there must be
	enough   func()                                      // is called when every one of a run's operations was asked for often enough
	answer   func(w http.ResponseWriter, m message) bool // false: as usual
}

type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
}

func serve(t *testing.T, answer func(http.ResponseWriter, message) bool) *server {
	t.Helper()
	s := &server{enough: func() {}, sessions: map[string]bool{}, asked: map[string]int{}, done: map[string]int{}, answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := r.Header.Get("Mcp-Session-Id")
	if r.Method == http.MethodDelete {
		s.asked["DELETE"]++
		delete(s.sessions, session)
		return
	}
	var m message
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(raw, &m) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.asked[m.Method]++
	stateful := r.Header.Get("Mcp-Protocol-Version") != string(load.Stateless)
	switch {
	case m.Method == "initialize":
		s.made++
		session = fmt.Sprint("session-", s.made)
		s.sessions[session] = true
		w.Header().Set("Mcp-Session-Id", session)
	case m.Method == "notifications/initialized":
		w.WriteHeader(http.StatusAccepted)
		return
	case stateful && !s.sessions[session]:
		w.WriteHeader(http.StatusNotFound)
		return
	case !stateful && r.Header.Get("Mcp-Method") != m.Method:
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if s.answer == nil || !s.answer(w, m) {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
	}
	if m.Method == "initialize" {
		return // of which few clients make few
	}
	s.done[m.Method+r.Header.Get("Mcp-Protocol-Version")]++
	for _, n := range s.done {
		if n < 40 {
			return
		}
	}
	if len(s.done) >= s.kinds {
		s.enough()
	}
}

// until runs a load until the server was asked for forty of each of so many kinds of messages.
func (s *server) until(t *testing.T, kinds int, o load.Options) *load.Report {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.kinds, s.enough, o.For = kinds, cancel, time.Hour
	r, err := load.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted {
		t.Error("it says that it had its time")
	}
	return r
}

// options are a short run that calls a tool, in both eras.
func options(at string) load.Options {
	return load.Options{
		URL: at, Clients: 4, For: 100 * time.Millisecond, Timeout: 10 * time.Second, Eras: []load.Era{load.Stateful, load.Stateless},
		Mix: []load.Share{{load.Call, 1}}, Tool: "echo", Arguments: json.RawMessage(`{}`),
	}
}

func TestEveryOperationInBothEras(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	o := options(s.URL)
	o.Mix = []load.Share{{load.Call, 3}, {load.List, 1}, {load.Ping, 1}, {load.Session, 1}}
	r := s.until(t, 6, o)
	if r.All.Done == 0 || r.All.Failed > 0 || len(r.Failures) > 0 || len(r.Operations) != 8 {
		t.Errorf("%+v", r)
	}
	for _, f := range r.Operations {
		if f.Done == 0 || f.P50 <= 0 || f.P50 > f.P99 || f.P99 > f.Max {
			t.Errorf("%+v", f)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, method := range []string{"initialize", "notifications/initialized", "tools/call", "tools/list", "ping", "server/discover", "DELETE"} {
		if s.asked[method] == 0 {
			t.Errorf("nobody asked for %s: %v", method, s.asked)
		}
	}
	var text, curve bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteHistogram(&curve)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4 clients, stateful and stateless, ", "p99.9", "session   stateful"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text has no %q:\n%s", want, text.String())
		}
	}
	if !strings.Contains(curve.String(), "Percentile") {
		t.Errorf("the histogram is\n%s", curve.String())
	}
}

// Refusals are counted by their stable codes, and an answer may come in an event stream
// after other messages.
func TestRefusalsAreCountedByCode(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, m message) bool {
		if m.Method != "tools/call" {
			return false
		}
		switch n.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"slower","data":{"code":"limit.rate"}}}`, m.ID)
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2:
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"isError":true,"content":[]}}`, m.ID)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, ": hello\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", m.ID)
		}
		return true
	})
	r := s.until(t, 2, options(s.URL))
	names := map[string]int64{}
	for _, f := range r.Failures {
		names[f.Name] = f.Count
	}
	if len(names) != 3 || names["limit.rate"] == 0 || names["http 502"] == 0 || names["tool error"] == 0 || r.All.Done == 0 {
		t.Errorf("%d done, failures %+v", r.All.Done, r.Failures)
	}
}

// A session that is gone is made anew, and the operation goes on in it.
func TestSessionsThatAreGone(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	var calls atomic.Int64
	s.answer = func(_ http.ResponseWriter, m message) bool {
		if m.Method == "tools/call" && calls.Add(1)%10 == 0 {
			clear(s.sessions)
		}
		return false
	}
	o := options(s.URL)
	o.Eras = []load.Era{load.Stateful}
	r := s.until(t, 1, o)
	// Between two clears all four clients can lose one each; a new one may be lost at once.
	if r.Renewed == 0 || r.All.Done == 0 {
		t.Errorf("%d renewed, %d done, %+v", r.Renewed, r.All.Done, r.Failures)
	}
}

func TestAnAnswerToAnotherRequestEndsTheRun(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"another id":               `{"jsonrpc":"2.0","id":"0-1000000","result":{}}`,
		"an error with another id": `{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"no"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, m message) bool {
				if m.Method == "tools/call" {
					fmt.Fprint(w, answer)
				}
				return m.Method == "tools/call"
			})
			o := options(s.URL)
			o.For = time.Hour
			if r, err := load.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "belongs to another request") {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
}

// With a rate no more is asked than was asked for, and a server that stalls is seen by all
// that was due meanwhile.
func TestRate(t *testing.T) {
	t.Parallel()
	const stall = 300 * time.Millisecond
	var n atomic.Int64
	s := serve(t, func(_ http.ResponseWriter, m message) bool {
		if m.Method == "tools/call" && n.Add(1) == 1 {
			<-time.After(stall) // with the server's lock held
		}
		return false
	})
	o := options(s.URL)
	o.Rate, o.For = 100, time.Second
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.All.Done+r.NotBegun != 100 {
		t.Errorf("%d operations in a second and %d not begun, want 100 together", r.All.Done, r.NotBegun)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) > 0 {
		t.Errorf("%d sessions were left", len(s.sessions))
	}
	// A quarter of all and more was due while nothing moved: by half of the stall on average.
	if r.All.P90 < float64(stall/2/time.Millisecond) {
		t.Errorf("p90 is %.1f ms, as if nothing had waited: %+v", r.All.P90, r.All)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	at := "http://127.0.0.1:1/mcp"
	for want, change := range map[string]func(*load.Options){
		"not on this machine": func(o *load.Options) { o.URL = "http://192.0.2.1/mcp" },
		"connecting to":       func(*load.Options) {},
		"must be like":        func(o *load.Options) { o.URL = "ftp://127.0.0.1/" },
		"without a name":      func(o *load.Options) { o.URL = "http://me:secret@127.0.0.1/mcp" },
		"0 clients":           func(o *load.Options) { o.Clients = 0 },
		"10001 clients":       func(o *load.Options) { o.Clients = load.MaxClients + 1 },
		"a run of 0s":         func(o *load.Options) { o.For = 0 },
		"-1 operations":       func(o *load.Options) { o.Rate = -1 },
		"a timeout of 0s":     func(o *load.Options) { o.Timeout = 0 },
		"no era":              func(o *load.Options) { o.Eras = nil },
		"nothing to do":       func(o *load.Options) { o.Mix = nil },
		`is called "drop"`:    func(o *load.Options) { o.Mix = []load.Share{{"drop", 1}} },
		"call=0":              func(o *load.Options) { o.Mix = []load.Share{{load.Call, 0}} },
		"needs the name":      func(o *load.Options) { o.Tool = "" },
		"in clear": func(o *load.Options) {
			o.URL, o.Anywhere, o.Credential = "http://192.0.2.1/mcp", true, "key"
		},
		"must be a JSON object": func(o *load.Options) { o.Arguments = json.RawMessage(`[1]`) },
		"of at most":            func(o *load.Options) { o.Arguments = json.RawMessage(`null`) },
	} {
		o := options(at)
		change(&o)
		if _, err := load.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, bad := range []string{"call=x", "call,call", "call=1=2"} {
		if mix, err := load.ParseMix(bad); !errors.Is(err, load.ErrUsage) {
			t.Errorf("%q is %v, %v", bad, mix, err)
		}
	}
	if _, err := load.ParseEras("old"); !errors.Is(err, load.ErrUsage) {
		t.Error(err)
	}
}
