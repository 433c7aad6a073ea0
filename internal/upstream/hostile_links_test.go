package upstream_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// evilPool is a pool whose upstream is an evilChild.
func evilPool(t *testing.T, cfg upstream.Config, timeout time.Duration, mode string, more ...string) *upstream.Pool {
	t.Helper()
	cfg.Upstreams = []upstream.Settings{{Name: "up", Command: childCommand(mode, more...), Timeout: timeout, MaxResult: 1 << 20}}
	return newPool(t, cfg)
}

// A child that ends is started again, and never in a hurry.
func TestRES02_ChildThatEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mode  string
		works bool
		least time.Duration // that three starts take: the halves of the first two waits
	}{{"exits", false, time.Second}, {"once", true, 150 * time.Millisecond}} {
		t.Run(tc.mode, func(t *testing.T) {
			t.Parallel()
			m := &meter{}
			p, session := evilPool(t, upstream.Config{Meter: m}, 10*time.Second, tc.mode), newSession("a")
			worked, begun := false, time.Now()
			eventually(t, 20*time.Second, "three starts", func() bool {
				_, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`)))
				worked = worked || err == nil
				if err != nil {
					wantCode(t, err, gate.CodeUpstreamDown)
				}
				return m.of("child_start") == 3
			})
			if took := time.Since(begun); took < tc.least || worked != tc.works {
				t.Errorf("three starts in %s, a call worked: %v", took, worked)
			}
		})
	}
}

// What comes too fast for the client is dropped and counted, and the answer
// still comes.
func TestRES03_Flood(t *testing.T) {
	t.Parallel()
	m := &meter{}
	progress := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$TOKEN,"progress":1}}` + "\n"
	unknown := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":77777,"progress":1}}` + "\n"
	p := evilPool(t, upstream.Config{Meter: m}, 20*time.Second, "says", strings.Repeat(progress, 400)+strings.Repeat(unknown, 100)+`{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`+"\n")
	got := 0
	msg := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"evil","arguments":{},"_meta":{"progressToken":"t"}}}`
	err := p.Forward(t.Context(), exchange(t, newSession("a"), "up", msg), func(context.Context, *gate.Message) error {
		if got++; got == 1 { // the client keeps up with nothing, at first
			eventually(t, 10*time.Second, "the flood is over", func() bool { return m.of("stray_progress") == 100 })
		}
		return nil
	})
	if err != nil || got+m.of("dropped") != 401 || m.of("dropped") < 400-256-1 {
		t.Errorf("%d messages came, %d were dropped, error %v", got, m.of("dropped"), err)
	}
}

// A line that is no message costs the call that it may have been for, and no
// other.
func TestRES05_Lines(t *testing.T) {
	t.Parallel()
	const ok = `{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`
	for _, tc := range []struct {
		name, mode, says string
		want             gate.Code
	}{
		{"HalfJSONThenSilence", "mute", `{"jsonrpc":"2.0","id":$ID,"resu`, gate.CodeUpstreamTimeout},
		{"NoNewline", "endless", `{"jsonrpc":"2.0","id":$ID,"result":"`, gate.CodeUpstreamProtocol},
		{"NUL", "says", `{"jsonrpc":"2.0","id":$ID,"result":{"a":"` + `\` + `0"}}` + "\n", gate.CodeUpstreamProtocol},
		{"UTF8", "says", `{"jsonrpc":"2.0","id":$ID,"result":{"a":"$RAW"}}` + "\n", gate.CodeUpstreamProtocol},
		{"TwoInALine", "says", ok + ok + "\n", gate.CodeUpstreamProtocol},
		{"Interleaved", "says", `{"jsonrpc":"2.0","id":$ID,"resu{"jsonrpc":"2.0","method":"notifications/message"}` + "\n", gate.CodeUpstreamProtocol},
		{"Deep", "says", `{"jsonrpc":"2.0","id":$ID,"result":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}\n", gate.CodeUpstreamTimeout},
		{"CRLF", "says", ok + "\r\n", ""},
		{"Banner", "says", "ready\n\n \n" + ok + "\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			timeout := 10 * time.Second
			if tc.want == gate.CodeUpstreamTimeout {
				timeout = time.Second
			}
			m := &meter{}
			p, session := evilPool(t, upstream.Config{Meter: m}, timeout, tc.mode, tc.says), newSession("a")
			mustEcho(t, p, session)
			got, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
			if tc.want == "" && (err != nil || len(got) != 1) {
				t.Errorf("got %v, error %v", got, err)
			}
			if code := gate.CodeOf(err); tc.mode == "mute" && code == gate.CodeUpstreamProtocol {
				tc.want = code // the child was ended for its half a line just before the call was
			}
			if tc.want != "" {
				wantCode(t, err, tc.want)
			}
			if tc.mode != "says" { // it cannot be relied on any more
				eventually(t, 10*time.Second, "the child is ended", func() bool { return m.of("child_exit") == 1 })
			}
			if over := m.of("limit_output") == 1; over != (tc.mode == "endless") {
				t.Errorf("a limit of its output was met: %v", over)
			}
			mustEcho(t, p, session)
		})
	}
}

// A flood is read up to a bound: little of it is kept, its child is ended, that is on
// record and counted.
func TestSBX19_Floods(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"noisy", "babbling"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			m, recorded := &meter{}, make(chan string, 100)
			cfg := upstream.Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Meter: m, Events: func(_ context.Context, e gate.Event) error {
				if e.Kind == "upstream.limit" {
					recorded <- e.Detail
				}
				return nil
			}}
			p, session := evilPool(t, cfg, 20*time.Second, mode, ""), newSession("a")
			if _, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`))); err != nil {
				wantCode(t, err, gate.CodeUpstreamProtocol) // the flood came first
			}
			eventually(t, 20*time.Second, "the child is ended", func() bool { return m.of("child_exit") == 1 })
			if got := <-recorded; !strings.HasPrefix(got, "output: ") || m.of("limit_output") != 1 {
				t.Errorf("on record %q, counted %d", got, m.of("limit_output"))
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := log.String(); strings.Count(s, "upstream stderr")+strings.Count(s, "no message") > 200 || len(s) > 1<<20 || strings.Contains(s, "\x1b") {
				t.Errorf("%d bytes of log", len(s))
			}
		})
	}
}

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

func TestRES09_StrayAnswersOfAChild(t *testing.T) {
	t.Parallel()
	m := &meter{}
	says := `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"canary":"own"}}` + "\n" + strings.Join(strays, "\n") + "\n"
	p, session := evilPool(t, upstream.Config{Meter: m}, 10*time.Second, "says", says), newSession("a")
	for n := range 3 {
		got, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
		if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"own"`)) {
			t.Fatalf("got %v, error %v", got, err)
		}
		mustEcho(t, p, session)
		if dropped := m.of("stray_answer") + m.of("malformed"); dropped != (n+1)*len(strays) {
			t.Errorf("%d dropped, want %d", dropped, (n+1)*len(strays))
		}
	}
}

// The answer to a call that has timed out is not that to the next.
func TestRES09_AnswerAfterTheTimeout(t *testing.T) {
	t.Parallel()
	m := &meter{}
	p, session := evilPool(t, upstream.Config{Meter: m}, time.Second, "late"), newSession("a")
	_, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
	wantCode(t, err, gate.CodeUpstreamTimeout)
	got, err := forward(t, p, exchange(t, session, "up", call("echo", `"own"`)))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"own"`)) || m.of("stray_answer") != 1 {
		t.Errorf("got %v, error %v, %d stray answers", got, err, m.of("stray_answer"))
	}
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
				set := upstream.Settings{Name: "up", Timeout: 10 * time.Second}
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
				if code := gate.CodeOf(err); len(got) != 0 || code != gate.CodeUpstreamDown && code != gate.CodeUpstreamProtocol {
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
				if took := time.Since(begun); took > 5*time.Second {
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
		srv := httptest.NewServer(http.NotFoundHandler())
		srv.Close()
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", URL: srv.URL + "/?key=canary", Transport: transport}}})
		_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
		wantCode(t, err, gate.CodeUpstreamDown)
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("told the URL: %v", err)
		}
	}
}

// The cancellation of a call reaches a child.
func TestMHB18_Child(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cancelled")
	p := evilPool(t, upstream.Config{}, 20*time.Second, "cancelled", file)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	msg := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"evil","arguments":{},"_meta":{"progressToken":"t"}}}`
	if err := p.Forward(ctx, exchange(t, newSession("a"), "up", msg), func(context.Context, *gate.Message) error { cancel(); return nil }); err == nil {
		t.Error("the call ended well")
	}
	eventually(t, time.Second, "the child is told", func() bool { _, err := os.Stat(file); return err == nil })
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
