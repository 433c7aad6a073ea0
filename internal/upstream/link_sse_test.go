package upstream_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// The SDK's server of the transport of 2024-11-05.
func TestSSE_SDK(t *testing.T) {
	t.Parallel()
	s := sdkServer()
	h := &seen{Handler: sdk.NewSSEHandler(func(*http.Request) *sdk.Server { return s }, nil)}
	p := httpPool(t, h, func(c *upstream.Config) { c.Upstreams[0].Transport = overSSE })
	session := newSession("a")
	got, err := forward(t, p, exchange(t, session, "up", `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{`+sayParams+`,"_meta":{"progressToken":"t"}}}`))
	if err != nil || len(got) != 2 || got[0].Method != "notifications/progress" || !strings.Contains(string(got[1].Raw), "hello") {
		t.Fatalf("call: %v, error %v", got, err)
	}
	items, _, err := p.Items(t.Context(), exchange(t, session, "up", call("say", `{}`)), "up", gate.Tool)
	if err != nil || len(items) != 1 || items[0].Name != "say" {
		t.Fatalf("items %v, error %v", items, err)
	}
}

// An upstream must not choose where calls go, and a credential with them.
func TestSSE_Endpoint(t *testing.T) {
	t.Parallel()
	elsewhere := forbidden(t)
	for _, tc := range []struct {
		name     string
		endpoint func(r *http.Request) string
		want     gate.Code
	}{
		{"another origin", func(*http.Request) string { return elsewhere.URL + "/x" }, gate.CodeUpstreamProtocol},
		{"without a scheme", func(*http.Request) string { return strings.TrimPrefix(elsewhere.URL, "http:") + "/x" }, gate.CodeUpstreamProtocol},
		{"another name of this host", func(r *http.Request) string {
			_, port, _ := strings.Cut(r.Host, ":")
			return "http://localhost:" + port + "/x"
		}, gate.CodeUpstreamProtocol},
		{"another scheme", func(r *http.Request) string { return "https://" + r.Host + "/x" }, gate.CodeUpstreamProtocol},
		{"the port of the scheme", func(*http.Request) string { return "http://127.0.0.1/x" }, gate.CodeUpstreamProtocol},
		{"a user", func(r *http.Request) string { return "http://a:b@" + r.Host + "/x" }, gate.CodeUpstreamProtocol},
		{"a user in front", func(r *http.Request) string { return "http://" + r.Host + "@" + elsewhere.Listener.Addr().String() }, gate.CodeUpstreamProtocol},
		{"opaque", func(*http.Request) string { return "http:x" }, gate.CodeUpstreamProtocol},
		{"no web address", func(*http.Request) string { return "file:///etc/passwd" }, gate.CodeUpstreamProtocol},
		{"no URL", func(*http.Request) string { return "http://[::1" }, gate.CodeUpstreamProtocol},
		{"blank", func(*http.Request) string { return "   " }, gate.CodeUpstreamProtocol},
		{"long", func(*http.Request) string { return "/" + strings.Repeat("x", 8<<10) }, gate.CodeUpstreamProtocol},
		{"another event first", func(*http.Request) string { return "/x\n\nevent: message\ndata: {}" }, ""},
		{"relative to the stream", nil, ""},
		{"absolute", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &oldServer{transport: overSSE, endpoint: tc.endpoint}
			switch tc.name {
			case "absolute":
				s.endpoint = func(r *http.Request) string { return "http://" + strings.ToUpper(r.Host) + s.path() }
			case "another event first":
				s.endpoint, tc.want = nil, gate.CodeUpstreamProtocol
				s.before = func(w http.ResponseWriter, _ *http.Request) bool {
					w.Header().Set("Content-Type", "text/event-stream")
					fmt.Fprint(w, "data: {}\n\nevent: endpoint\ndata: /x\n\n")
					return true
				}
			}
			p := s.pool(t, nil)
			_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
			if tc.want == "" && err != nil {
				t.Fatal(err)
			}
			if tc.want != "" {
				wantCode(t, err, tc.want)
			}
		})
	}
}

// path is where the newest stream's messages go.
func (s *oldServer) path() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := ""
	for id := range s.streams {
		newest = max(newest, id)
	}
	return "/messages?session=" + newest
}

// What comes instead of a stream, or of the acceptance of a message.
func TestSSE_Refused(t *testing.T) {
	t.Parallel()
	elsewhere := forbidden(t)
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code) }
	}
	for _, tc := range []struct {
		name   string
		method string
		answer func(http.ResponseWriter)
		want   gate.Code
	}{
		{"redirected stream", http.MethodGet, func(w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, gate.CodeUpstreamProtocol},
		{"redirected message", http.MethodPost, func(w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, gate.CodeUpstreamProtocol},
		{"no stream", http.MethodGet, func(w http.ResponseWriter) { fmt.Fprint(w, "<p>hello") }, gate.CodeUpstreamProtocol},
		{"unauthorized", http.MethodGet, status(http.StatusUnauthorized), gate.CodeUpstreamDown},
		{"no such stream", http.MethodGet, status(http.StatusNotFound), gate.CodeUpstreamProtocol},
		{"message unauthorized", http.MethodPost, status(http.StatusForbidden), gate.CodeUpstreamDown},
		{"message to a lost session", http.MethodPost, status(http.StatusNotFound), gate.CodeUpstreamDown},
		{"message refused", http.MethodPost, status(http.StatusConflict), gate.CodeUpstreamProtocol},
		{"busy", http.MethodPost, status(http.StatusTooManyRequests), gate.CodeUpstreamBusy},
		{"broken", http.MethodPost, status(http.StatusInternalServerError), gate.CodeUpstreamDown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &oldServer{transport: overSSE, before: func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == tc.method {
					tc.answer(w)
				}
				return r.Method == tc.method
			}}
			_, err := forward(t, s.pool(t, nil), exchange(t, newSession("a"), "up", call("echo", `{}`)))
			wantCode(t, err, tc.want)
		})
	}
}

// A stream without an endpoint is given up.
func TestSSE_NoEndpoint(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	s := &oldServer{transport: overSSE, before: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": wait\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
		return true
	}}
	p := s.pool(t, func(c *upstream.Config) { c.Upstreams[0].Timeout = 500 * time.Millisecond })
	_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
	wantCode(t, err, gate.CodeUpstreamTimeout)
	<-gone
}

// The answer has come, and the request that took the question there does not end.
func TestSSE_PostThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := &oldServer{transport: overSSE, tool: tools(map[string]func(*said, func(string)){"late": func(m *said, write func(string)) {
		write(m.result(`{"content":[]}`))
		<-release
	}})}
	p := s.pool(t, nil)
	t.Cleanup(func() { close(release) })
	got, err := forward(t, p, exchange(t, newSession("a"), "up", call("late", `{}`)))
	if err != nil || len(got) != 1 {
		t.Errorf("got %v, error %v", got, err)
	}
}

// A call that is given up while its POST is under way is cancelled, whether the end of
// the call or that of the POST is seen first.
func TestSSE_CancelledWhilePosted(t *testing.T) {
	t.Parallel()
	var newest atomic.Pointer[http.Request]
	gone, ended := make(chan struct{}), make(chan struct{})
	s := &oldServer{transport: overSSE, before: func(_ http.ResponseWriter, r *http.Request) bool {
		newest.Store(r)
		return false
	}}
	s.tool = tools(map[string]func(*said, func(string)){
		"hang": func(m *said, write func(string)) {
			write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, m.Params.Meta.Token))
			<-newest.Load().Context().Done()
			gone <- struct{}{}
		},
		"notifications/cancelled": func(*said, func(string)) { ended <- struct{}{} },
	})
	p, session := s.pool(t, nil), newSession("a")
	const msg = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","arguments":{},"_meta":{"progressToken":"t"}}}`
	for round := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- p.Forward(ctx, exchange(t, session, "up", msg), func(context.Context, *gate.Message) error {
				cancel()
				<-gone
				return nil
			})
		}()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatalf("round %d: not cancelled", round)
		}
		if err := <-done; err == nil {
			t.Fatalf("round %d: the call ended well", round)
		}
	}
}

// Without a transport in the configuration, an upstream that does not know POST
// at its address is tried as one of HTTP+SSE, and one that knows neither is said
// to have refused the first.
func TestSSE_Detected(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed} {
		s := &oldServer{transport: overSSE, before: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost && r.URL.Path == "/" {
				w.WriteHeader(status)
				return true
			}
			return false
		}}
		p := s.pool(t, func(c *upstream.Config) { c.Upstreams[0].Transport = "" })
		for range 2 {
			got, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
			if err != nil || len(got) != 1 || got[0].Kind != gate.Result {
				t.Errorf("status %d: got %v, error %v", status, got, err)
			}
		}
	}
	p := httpPool(t, http.NotFoundHandler(), nil)
	_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v", err)
	}
}
