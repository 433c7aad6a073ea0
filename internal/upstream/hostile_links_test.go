package upstream_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// Answers that nobody waits for: a second one, one to an unknown id, one to an id
// in another spelling.
var strays = []string{
	`{"jsonrpc":"2.0","id":$ID,"result":{"canary":"second"}}`,
	`{"jsonrpc":"2.0","id":$ID,"error":{"code":1,"message":"second"}}`,
	`{"jsonrpc":"2.0","id":9007199254740991,"result":{"canary":"unknown"}}`,
	`{"jsonrpc":"2.0","id":"$ID","result":{"canary":"text"}}`,
	`{"jsonrpc":"2.0","id":$ID.0,"result":{"canary":"fraction"}}`,
	`{"jsonrpc":"2.0","id":-$ID,"result":{"canary":"negative"}}`,
	`{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"nobody's"}}`,
}

func TestRES09_StrayAnswersOfOldTransports(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		m := &meter{}
		s := &oldServer{transport: transport, tool: tools(map[string]func(*said, func(string)){"evil": func(m *said, write func(string)) {
			write(m.result(`{"content":[],"canary":"own"}`))
			for _, stray := range strays {
				write(strings.ReplaceAll(stray, "$ID", string(m.ID)))
			}
		}})}
		p, session := s.pool(t, func(c *upstream.Config) { c.Meter = m }), newSession("a")
		for range 3 {
			got, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
			if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"own"`)) {
				t.Fatalf("got %v, error %v", got, err)
			}
			mustEcho(t, p, session)
		}
		if dropped := m.of("stray_answer") + m.of("malformed"); dropped != 3*len(strays) {
			t.Errorf("%d dropped, want %d", dropped, 3*len(strays))
		}
	})
}

// The answer with another call's id, on a stream that is not that call's.
func TestRES14_ForgedID(t *testing.T) {
	t.Parallel()
	m := &meter{}
	victim, forged := make(chan string, 1), make(chan struct{})
	p := hostileConfig(t, func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		own, _, _ := strings.Cut(b.String()[strings.Index(b.String(), `"id":`)+len(`"id":`):], ",")
		w.Header().Set("Content-Type", "text/event-stream")
		if r.Header.Get("Mcp-Name") == "victim" {
			victim <- own
			<-forged
			fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"canary\":\"own\"}}\n\n", own)
			return
		}
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"canary\":\"forged\"}}\n\n", <-victim)
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"canary\":\"forger's\"}}\n\n", own)
	}, func(c *upstream.Config) { c.Meter = m })
	var wg sync.WaitGroup
	wg.Go(func() {
		got, err := forward(t, p, exchange(t, nil, "up", modernCall("victim", `{}`)))
		if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"own"`)) {
			t.Errorf("victim got %v, error %v", got, err)
		}
	})
	other := exchange(t, nil, "up", strings.Replace(modernCall("forger", `{}`), `"id":1`, `"id":2`, 1))
	got, err := forward(t, p, other)
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"forger's"`)) || m.of("stray_answer") != 1 {
		t.Errorf("forger got %v, error %v, %d stray answers", got, err, m.of("stray_answer"))
	}
	close(forged)
	wg.Wait()
}

// What does not belong on the stream of a stateless call is dropped and counted.
func TestMHB20_StreamOfAStatelessCall(t *testing.T) {
	t.Parallel()
	m := &meter{}
	replied := make(chan string, 10)
	p := hostileConfig(t, func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		if r.Header.Get("Mcp-Method") != "tools/call" {
			replied <- b.String()
			w.WriteHeader(http.StatusAccepted)
			return
		}
		own, _, _ := strings.Cut(b.String()[strings.Index(b.String(), `"id":`)+len(`"id":`):], ",")
		w.Header().Set("Content-Type", "text/event-stream")
		for _, text := range []string{
			`{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"messages":[]}}`,
			`{"jsonrpc":"2.0","id":8,"method":"ping"}`,
			`{"jsonrpc":"2.0","id":` + own + `9,"result":{"canary":"another's"}}`,
			`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":` + own + `,"progress":1}}`,
			`{"jsonrpc":"2.0","id":` + own + `,"result":{"canary":"first"}}`,
			`{"jsonrpc":"2.0","id":` + own + `,"result":{"canary":"second"}}`,
		} {
			fmt.Fprintf(w, "data: %s\n\n", text)
		}
	}, func(c *upstream.Config) { c.Meter = m })
	got, err := forward(t, p, exchange(t, nil, "up", modernCall("evil", `{}`)))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"first"`)) {
		t.Errorf("got %v, error %v", got, err)
	}
	if m.of("stray_request") != 2 || m.of("stray_answer") != 1 || m.of("stray_progress") != 1 {
		t.Errorf("counted %v", m.n)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(replied) > 0 {
		t.Errorf("it was replied to: %s", <-replied)
	}
}

// hostileConfig is hostile with another configuration.
func hostileConfig(t *testing.T, answer http.HandlerFunc, change func(*upstream.Config)) *upstream.Pool {
	t.Helper()
	return httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Method") == "server/discover" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}}`)
			return
		}
		answer(w, r)
	}), change)
}

// An answer without an end is given up, and its connection closed.
func TestRES04_AnswersWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, kind, begin, more string
		want                    gate.Code
	}{
		{"json", "application/json", `{"jsonrpc":"2.0","id":2,"result":{"x":"`, strings.Repeat("x", 4096), gate.CodeUpstreamProtocol},
		{"event", "text/event-stream", `data: {"jsonrpc":"2.0","id":2,"result":{"x":"`, strings.Repeat("x", 4096), gate.CodeUpstreamProtocol},
		{"many lines", "text/event-stream", "", "data: " + strings.Repeat("x", 4096) + "\n", gate.CodeUpstreamProtocol},
		{"events", "text/event-stream", "", "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n", gate.CodeUpstreamTimeout},
		{"comments", "text/event-stream", "", ": hello\n\n", gate.CodeUpstreamTimeout},
		{"deep", "application/json", `{"jsonrpc":"2.0","id":2,"result":`, strings.Repeat("[", 4096), gate.CodeUpstreamProtocol},
		{"items", "application/json", `{"jsonrpc":"2.0","id":2,"result":{"content":[0`, strings.Repeat(",0", 4096), gate.CodeUpstreamProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{})
			p := hostileConfig(t, func(w http.ResponseWriter, _ *http.Request) {
				defer close(closed)
				w.Header().Set("Content-Type", tc.kind)
				_, err := fmt.Fprint(w, tc.begin)
				for err == nil {
					_, err = fmt.Fprint(w, tc.more)
				}
			}, func(c *upstream.Config) { c.Upstreams[0].Timeout = 2 * time.Second })
			_, err := forward(t, p, exchange(t, nil, "up", modernCall("evil", `{}`)))
			wantCode(t, err, tc.want)
			<-closed
		})
	}
}

func TestRES04_OldTransports(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		s := &oldServer{transport: transport, tool: tools(map[string]func(*said, func(string)){"evil": func(m *said, write func(string)) {
			write(m.result(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`))
		}})}
		p, session := s.pool(t, nil), newSession("a")
		_, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
		wantCode(t, err, gate.CodeUpstreamProtocol)
		<-s.left
		mustEcho(t, p, session)
	})
}

// An answer that breaks off is none, in whatever way it does.
func TestRES10_BrokenOff(t *testing.T) {
	t.Parallel()
	const part = `{"jsonrpc":"2.0","id":2,"result":{"content":[]}`
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for _, tc := range []struct {
		name, raw string
		end       func(net.Conn)
	}{
		{"FIN", head + "Content-Length: 1000\r\n\r\n" + part, nil},
		{"RST", head + "Content-Length: 1000\r\n\r\n" + part, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }},
		{"until the end", head + "Connection: close\r\n\r\n" + part, nil},
		{"chunk", head + "Transfer-Encoding: chunked\r\n\r\n1000\r\n" + part, nil},
		{"no last chunk", head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(part)+1, part+"}"), nil},
		{"event", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: " + part + "}", nil},
		{"line of an event", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: " + part + "}\n", nil},
		{"headers", "HTTP/1.1 200 OK\r\nContent-Type: appl", nil},
		{"nothing", "", nil},
	} {
		for _, tls := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", tc.name, tls), func(t *testing.T) {
				t.Parallel()
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Mcp-Method") == "server/discover" {
						w.Header().Set("Content-Type", "application/json")
						fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}}`)
						return
					}
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = fmt.Fprint(conn, tc.raw)
					if inner, ok := conn.(interface{ NetConn() net.Conn }); ok {
						conn = inner.NetConn() // no alert
					}
					if tc.end != nil {
						tc.end(conn)
					}
					conn.Close()
				})
				srv := httptest.NewUnstartedServer(h)
				set := upstream.Settings{Name: "up", Timeout: time.Minute}
				if tls {
					srv.StartTLS()
					set.Wire = srv.Client().Transport
				} else {
					srv.Start()
				}
				t.Cleanup(srv.Close)
				set.URL = srv.URL
				p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{set}})
				got, err := forward(t, p, exchange(t, nil, "up", modernCall("evil", `{}`)))
				if code := gate.CodeOf(err); len(got) != 0 || code != gate.CodeUpstreamOutcome && code != gate.CodeUpstreamProtocol {
					t.Errorf("got %v, error %v", got, err)
				}
			})
		}
	}
}

// A listener that accepts and never answers, for every transport, with TLS and
// without.
func TestRES11_Blackhole(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		for _, transport := range []string{"", overSSE, overWS} {
			t.Run(scheme+" "+transport, func(t *testing.T) {
				t.Parallel()
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { ln.Close() })
				p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{
					{Name: "up", URL: scheme + "://" + ln.Addr().String() + "/?key=canary", Transport: transport, Timeout: 500 * time.Millisecond},
				}})
				begun := time.Now()
				_, err = forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
				wantCode(t, err, gate.CodeUpstreamTimeout)
				if took := time.Since(begun); took > time.Minute {
					t.Errorf("took %s", took)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("told the URL: %v", err)
				}
			})
		}
	}
}

// Nobody listens there at all.
func TestRES11_Refused(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"", overSSE, overWS} {
		const nobody = "http://127.0.0.1:1/?key=canary" // a port that no test is given
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", URL: nobody, Transport: transport}}})
		_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
		wantCode(t, err, gate.CodeUpstreamDown)
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("told the URL: %v", err)
		}
	}
}

// What a busy upstream asks for is said, within bounds.
func TestRES12_RetryAfter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		after  string
		want   gate.Code
		says   string
	}{
		{http.StatusTooManyRequests, "30", gate.CodeUpstreamBusy, "wait 30s"},
		{http.StatusTooManyRequests, "1000000000", gate.CodeUpstreamBusy, "wait 5m0s"},
		{http.StatusServiceUnavailable, "Fri, 31 Dec 9999 23:59:59 GMT", gate.CodeUpstreamDown, "wait 5m0s"},
		{http.StatusServiceUnavailable, "-1", gate.CodeUpstreamDown, "status 503"},
	} {
		t.Run(tc.after, func(t *testing.T) {
			t.Parallel()
			p := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tc.after)
				w.WriteHeader(tc.status)
			})
			_, err := forward(t, p, exchange(t, nil, "up", modernCall("evil", `{}`)))
			wantCode(t, err, tc.want)
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v does not say %q", err, tc.says)
			}
		})
	}
}
