package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// sdkServer is a real server with one tool that tells its progress.
func sdkServer() *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "real", Version: "1"}, &sdk.ServerOptions{Instructions: "be kind"})
	type in struct {
		Text string `json:"text"`
	}
	sdk.AddTool(s, &sdk.Tool{Name: "say"}, func(ctx context.Context, req *sdk.CallToolRequest, a in) (*sdk.CallToolResult, any, error) {
		if tok := req.Params.GetProgressToken(); tok != nil {
			_ = req.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: tok, Progress: 1})
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: a.Text}}}, nil, nil
	})
	return s
}

func httpPool(t *testing.T, h http.Handler, change func(*upstream.Config)) *upstream.Pool {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := upstream.Config{Upstreams: []upstream.Settings{{Name: "up", URL: srv.URL, Timeout: time.Minute, MaxResult: 1 << 20}}}
	if change != nil {
		change(&cfg)
	}
	return newPool(t, cfg)
}

func sdkHandler(stateless bool) http.Handler {
	s := sdkServer()
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, &sdk.StreamableHTTPOptions{Stateless: stateless})
}

// seen notes the methods and headers of requests.
type seen struct {
	http.Handler
	mu      sync.Mutex
	methods []string
	headers []http.Header
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.methods = append(s.methods, r.Method)
	s.headers = append(s.headers, r.Header.Clone())
	s.mu.Unlock()
	s.Handler.ServeHTTP(w, r)
}

func (s *seen) count(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.methods {
		if m == method {
			n++
		}
	}
	return n
}

const sayParams = `"name":"say","arguments":{"text":"hello"}`

func TestStatefulHTTP(t *testing.T) {
	t.Parallel()
	h := &seen{Handler: sdkHandler(false)}
	p := httpPool(t, h, nil)
	session := newSession("a")
	got, err := forward(t, p, exchange(t, session, "up", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}`))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte("be kind")) || !bytes.Contains(got[0].Raw, []byte(`"real"`)) {
		t.Fatalf("handshake: %v, error %v", got, err)
	}
	items, _, err := p.Items(t.Context(), exchange(t, session, "up", call("say", `{}`)), "up", gate.Tool)
	if err != nil || len(items) != 1 || items[0].Name != "say" {
		t.Fatalf("items %v, error %v", items, err)
	}
	ex := exchange(t, session, "up", `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{`+sayParams+`,"_meta":{"progressToken":"t"}}}`)
	ex.Inbound.Header = http.Header{"Authorization": {"Bearer secret"}, "Cookie": {"a=b"}}
	got, err = forward(t, p, ex)
	if err != nil || len(got) != 2 || got[0].Method != "notifications/progress" || !bytes.Contains(got[1].Raw, []byte("hello")) {
		t.Fatalf("call: %v, error %v", got, err)
	}
	p.CloseSession(session)
	eventually(t, 5*time.Second, "DELETE", func() bool { return h.count(http.MethodDelete) == 1 })
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, header := range h.headers {
		if header.Get("Authorization") != "" || header.Get("Cookie") != "" {
			t.Errorf("a credential of the client's was passed on: %v", header)
		}
	}
}

func TestStatelessHTTP(t *testing.T) {
	t.Parallel()
	p := httpPool(t, sdkHandler(true), nil)
	got, err := forward(t, p, exchange(t, nil, "up", `{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{`+meta+`}}`))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte("2026-07-28")) {
		t.Fatalf("discover: %v, error %v", got, err)
	}
	got, err = forward(t, p, exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{`+sayParams+`,`+meta+`}}`))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte("hello")) {
		t.Fatalf("call: %v, error %v", got, err)
	}
}

func TestNoCommonVersionIsSaidClearly(t *testing.T) {
	t.Parallel()
	p := httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2020-01-01"]}}}`)
	}), nil)
	for range 2 {
		_, err := forward(t, p, exchange(t, nil, "up", modernCall("say", `{}`)))
		wantCode(t, err, gate.CodeUpstreamEra)
		_, err = forward(t, p, exchange(t, newSession("a"), "up", call("say", `{}`)))
		wantCode(t, err, gate.CodeUpstreamEra)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	s := sdkServer()
	h := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, &sdk.StreamableHTTPOptions{Stateless: true})
	p := httpPool(t, h, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []string
	ex := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`)
	_ = p.Forward(ctx, ex, func(_ context.Context, m *gate.Message) error {
		got = append(got, m.Method)
		if len(got) == 1 {
			s.AddTool(&sdk.Tool{Name: "new", InputSchema: map[string]any{"type": "object"}}, nil)
			return nil
		}
		cancel()
		return nil
	})
	want := "notifications/subscriptions/acknowledged notifications/tools/list_changed"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// hostile answers discover as it should and calls as the test says.
func hostile(t *testing.T, answer http.HandlerFunc) *upstream.Pool {
	t.Helper()
	return httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Method") == "server/discover" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}}`)
			return
		}
		answer(w, r)
	}), nil)
}

func TestHostileHTTP(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	t.Cleanup(sink.Close)
	body := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, text)
		}
	}
	const ok = `{"jsonrpc":"2.0","id":2,"result":{"content":[]}}`
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   gate.Code
	}{
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, sink.URL, http.StatusTemporaryRedirect)
		}, gate.CodeUpstreamProtocol},
		{"html", body("text/html", "<p>hi"), gate.CodeUpstreamProtocol},
		{"foreign id", body("application/json", `{"jsonrpc":"2.0","id":77,"result":{}}`), gate.CodeUpstreamProtocol},
		{"too large", body("application/json", `{"jsonrpc":"2.0","id":2,"result":{"x":"`+strings.Repeat("x", 2<<20)+`"}}`), gate.CodeUpstreamProtocol},
		{"event too large", body("text/event-stream", "data: "+strings.Repeat("x", 2<<20)+"\n\n"), gate.CodeUpstreamProtocol},
		{"stream without answer", body("text/event-stream", ": hi\n\n"), gate.CodeUpstreamOutcome},
		{"unauthorized", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, gate.CodeUpstreamDown},
		{"accepted", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, gate.CodeUpstreamProtocol},
		{"json", body("application/json", ok), ""},
		{"stream", body("text/event-stream", "\ufeffevent: odd\ndata: x\n\ndata: "+`{"jsonrpc":"2.0","id":9,"result":{}}`+"\n\rdata: "+ok+"\r\n\r\n"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := forward(t, hostile(t, tc.answer), exchange(t, nil, "up", modernCall("say", `{}`)))
			if tc.want != "" {
				wantCode(t, err, tc.want)
			} else if err != nil || len(got) != 1 {
				t.Errorf("got %v, error %v", got, err)
			}
		})
	}
	t.Cleanup(func() {
		if followed.Load() {
			t.Error("a redirect was followed")
		}
	})
}

// What the upstream gives as requestState comes back to it byte for byte, from
// the same principal and for the same tool alone.
func TestRequestState(t *testing.T) {
	t.Parallel()
	const secret = `"st\u0061te"`
	var got atomic.Bool
	p := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		got.Store(strings.Contains(b.String(), `"requestState":`+secret))
		var id string
		_, rest, _ := strings.Cut(b.String(), `"id":`)
		id, _, _ = strings.Cut(rest, ",")
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"resultType":"input_required","requestState":%s}}`, id, secret)
	})
	first, err := forward(t, p, exchange(t, nil, "up", modernCall("say", `{}`)))
	if err != nil {
		t.Fatal(err)
	}
	at, ok := first[0].Field("requestState")
	if !ok || bytes.Contains(first[0].Raw, []byte("st\\u0061te")) {
		t.Fatalf("not sealed: %s", first[0].Raw)
	}
	sealed := string(first[0].Bytes(at))
	retry := func(tool, state string) *gate.Exchange {
		return exchange(t, nil, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":%q,"arguments":{},"requestState":%s,%s}}`, tool, state, meta))
	}
	otherArguments := exchange(t, nil, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"say","arguments":{"a":1},"requestState":%s,%s}}`, sealed, meta))
	if _, err := forward(t, p, retry("say", sealed)); err != nil || !got.Load() {
		t.Errorf("the state did not come back: %v", err)
	}
	foreign := retry("say", sealed)
	foreign.Principal.Subject = "other"
	for _, ex := range []*gate.Exchange{foreign, otherArguments, retry("other", sealed), retry("say", `"`+sealed[2:]), retry("say", `"x"`), retry("say", `{}`)} {
		_, err := forward(t, p, ex)
		wantCode(t, err, gate.CodeParams)
	}
}

// A stream that the upstream ends before the answer is resumed (SEP-1699).
func TestResume(t *testing.T) {
	t.Parallel()
	id := make(chan string, 1)
	p := httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		_, rest, _ := strings.Cut(b.String(), `"id":`)
		n, _, _ := strings.Cut(rest, ",")
		switch {
		case strings.Contains(b.String(), "initialize\""):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}`, n)
		case r.Header.Get("Last-Event-ID") == "e1":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "id: e2\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", <-id)
		case r.Method == http.MethodPost && rest != "":
			id <- n
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "id: e1\nretry: 20\ndata:\n\n")
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusAccepted)
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}), nil)
	got, err := forward(t, p, exchange(t, newSession("a"), "up", call("say", `{}`)))
	if err != nil || len(got) != 1 || got[0].Kind != gate.Result {
		t.Errorf("got %v, error %v", got, err)
	}
}

// A client that cannot be written to any more ends its call: the upstream is not asked to say it all again.
func TestNoResumptionForAClientThatIsGone(t *testing.T) {
	t.Parallel()
	var resumed atomic.Int64
	p := httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		_, rest, _ := strings.Cut(string(raw), `"id":`)
		n, _, _ := strings.Cut(rest, ",")
		switch {
		case strings.Contains(string(raw), "initialize\""):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}`, n)
		case r.Header.Get("Last-Event-ID") != "":
			resumed.Add(1)
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.Method == http.MethodPost && rest != "":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "id: e1\nretry: 1\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", n)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusAccepted)
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}), nil)
	gone := &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	err := p.Forward(t.Context(), exchange(t, newSession("a"), "up", call("say", `{}`)), func(context.Context, *gate.Message) error { return gone })
	if !errors.Is(err, syscall.EPIPE) || resumed.Load() != 0 {
		t.Errorf("error %v, %d resumptions", err, resumed.Load())
	}
}

// A client that does not take its answer keeps nobody from the upstream: the
// upstream has done its part.
func TestSlowReaderHoldsNoPlace(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{"its own era": call("say", `{"text":"x"}`), "the other era": modernCall("say", `{"text":"x"}`)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := httpPool(t, sdkHandler(false), func(cfg *upstream.Config) { cfg.Upstreams[0].Concurrency = 1 })
			ex := exchange(t, nil, "up", raw)
			if name == "its own era" {
				ex = exchange(t, newSession("slow"), "up", raw)
			}
			stuck, read, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- p.Forward(t.Context(), ex, func(context.Context, *gate.Message) error {
					close(stuck)
					<-read
					return nil
				})
			}()
			<-stuck
			if _, err := forward(t, p, exchange(t, newSession("quick"), "up", call("say", `{"text":"y"}`))); err != nil {
				t.Errorf("a call beside: %v", err)
			}
			close(read)
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
