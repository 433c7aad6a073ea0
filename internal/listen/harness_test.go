package listen_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

// play is a line for tests: it signs in by the Authorization header, decodes
// just enough, and carries methods out as its table says.
type play struct {
	server *listen.Server
	does   map[string]func(ctx context.Context, ex *gate.Exchange, c gate.Client)
	before func(ctx context.Context, ex *gate.Exchange, c gate.Client) // in place of the line; nil: the line

	settings atomic.Pointer[listen.Settings]
	dead     atomic.Bool         // no credential is good any more
	finished chan *gate.Exchange // gets what was served to its end, while there is room

	mu     sync.Mutex
	served []*gate.Exchange
	events []gate.Event
	turned []gate.Code
	shown  int           // answers of metadata
	ended  []string      // sessions that SessionClosed was told about
	closed chan struct{} // gets one for each
}

// Turned implements listen.Meter.
func (p *play) Turned(code gate.Code) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turned = append(p.turned, code)
}

// Metadata implements listen.Meter.
func (p *play) Metadata() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown++
}

// Sessions implements listen.Meter.
func (p *play) Sessions(int) {}

// Streams implements listen.Meter.
func (p *play) Streams(int) {}

// Dropped implements listen.Meter.
func (p *play) Dropped(int) {}

// turnedAway are the codes of requests that became no exchange.
func (p *play) turnedAway() []gate.Code {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.turned)
}

// recorded are the events that were put on record.
func (p *play) recorded() []gate.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

func (p *play) refuse(ctx context.Context, ex *gate.Exchange, c gate.Client, code gate.Code) {
	_ = c.Refuse(ctx, ex, gate.Outcome{Verdict: gate.Refuse(code, "secret reason", ""), Status: "refused"})
}

func (p *play) serve(ctx context.Context, ex *gate.Exchange, c gate.Client) {
	p.mu.Lock()
	p.served = append(p.served, ex)
	p.mu.Unlock()
	defer func() {
		select {
		case p.finished <- ex:
		default:
		}
	}()
	if p.before != nil {
		p.before(ctx, ex, c)
		return
	}
	who, ok := strings.CutPrefix(ex.Inbound.Header.Get("Authorization"), "Bearer ")
	if !ok && !ex.Inbound.Local {
		p.refuse(ctx, ex, c, gate.CodeUnauthenticated)
		return
	}
	if who == "bad" {
		p.refuse(ctx, ex, c, gate.CodeBadCredential)
		return
	}
	ex.Principal = &gate.Principal{Method: "test", Subject: who}
	p.decode(ctx, ex, c)
}

func (p *play) decode(ctx context.Context, ex *gate.Exchange, c gate.Client) {
	call := &ex.Call
	if ex.Inbound.Op != "" {
		call.Route, _ = mcp.Lookup(ex.Inbound.Op)
		call.Message = &gate.Message{Kind: gate.Request, Method: ex.Inbound.Op}
	} else {
		raw, err := ex.Inbound.Body(ctx)
		if err != nil {
			p.refuse(ctx, ex, c, gate.CodeOf(err))
			return
		}
		if mcp.IsBatch(raw) {
			items, _ := mcp.Split(raw)
			call.Session, _ = p.server.Find(ctx, ex, sessionID(ex))
			call.Batch = items
			for i, item := range items {
				child := &gate.Exchange{ID: fmt.Sprint(ex.ID, ".", i), Inbound: ex.Inbound, Principal: ex.Principal}
				child.Inbound.Body = func(context.Context) ([]byte, error) { return item, nil }
				p.decode(ctx, child, c)
			}
			return
		}
		if call.Message, err = mcp.ParseClient(raw); err != nil {
			p.refuse(ctx, ex, c, gate.CodeBadBody)
			return
		}
		if call.Route, _ = mcp.Lookup(call.Message.Method); call.Message.Final() {
			call.Route = mcp.AnswerRoute(call.Message.Kind)
		}
	}
	if !p.govern(ctx, ex, c) {
		return
	}
	if ex.Inbound.Decoded != nil {
		ex.Inbound.Decoded()
	}
	do := p.does[call.Message.Method]
	switch action := call.Route.Action; {
	case do != nil:
		do(ctx, ex, c)
	case action == gate.Empty || action == gate.Stream || action == gate.Close:
		err := p.server.Forward(ctx, ex, func(ctx context.Context, m *gate.Message) error { return c.Deliver(ctx, ex, m) })
		if err != nil {
			p.refuse(ctx, ex, c, gate.CodeOf(err))
		}
	case call.Message.Kind == gate.Request:
		p.refuse(ctx, ex, c, gate.CodeMethod)
	}
}

// govern finds the era and the session.
func (p *play) govern(ctx context.Context, ex *gate.Exchange, c gate.Client) bool {
	call := &ex.Call
	if ex.Inbound.Op == gate.OpOpen {
		return true
	}
	_, modern := call.Message.MetaField(mcp.MetaVersion)
	if ex.Inbound.Transport == "http" && ex.Inbound.Header.Get(mcp.HeaderVersion) == mcp.V20260728 || modern {
		call.Era, call.Version = gate.Stateless, mcp.V20260728
		return true
	}
	call.Era = gate.Stateful
	if call.Route.Action == gate.Handshake {
		version := mcp.V20251125
		if at, found := call.Message.Field("protocolVersion"); found {
			version = strings.Trim(string(call.Message.Bytes(at)), `"`)
		}
		s, err := p.server.Begin(ctx, ex, gate.Session{Profile: ex.Inbound.Profile, Version: version})
		if err != nil {
			p.refuse(ctx, ex, c, gate.CodeOf(err))
			return false
		}
		call.Session, call.Version = s, version
		return true
	}
	s, err := p.server.Find(ctx, ex, sessionID(ex))
	switch {
	case err != nil:
		p.refuse(ctx, ex, c, gate.CodeOf(err))
		return false
	case s == nil:
		p.refuse(ctx, ex, c, gate.CodeSession)
		return false
	}
	if call.Route.Keeps {
		if err := p.server.Keep(ctx, s); err != nil {
			p.refuse(ctx, ex, c, gate.CodeOf(err))
			return false
		}
	}
	call.Session, call.Version = s, s.Version
	return true
}

// session waits for the next handshake that has been served, and returns its
// session.
func (p *play) session(t *testing.T) *gate.Session {
	t.Helper()
	s := p.wait(t, "initialize").Call.Session
	if s == nil {
		t.Fatal("no session")
	}
	return s
}

// sessionID is the id of the session that an exchange claims.
func sessionID(ex *gate.Exchange) string {
	if ex.Inbound.Transport == "http" {
		return ex.Inbound.Header.Get(mcp.HeaderSession)
	}
	return ex.Inbound.Session
}

// refusesWith refuses with a verdict.
func refusesWith(v gate.Verdict) func(context.Context, *gate.Exchange, gate.Client) {
	return func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = c.Refuse(ctx, ex, gate.Outcome{Verdict: v, Status: "refused"})
	}
}

// result answers a request.
func result(ctx context.Context, ex *gate.Exchange, c gate.Client, text string) error {
	return c.Deliver(ctx, ex, mcp.NewResult(ex.Call.Message.Bytes(ex.Call.Message.ID), []byte(text)))
}

// note sends a log message before the answer.
func note(ctx context.Context, ex *gate.Exchange, c gate.Client, text string) error {
	data, _ := json.Marshal(text)
	return c.Deliver(ctx, ex, mcp.NewNotification("notifications/message", []byte(`{"level":"info","data":`+string(data)+`}`)))
}

func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// place is where and how a server listens. The zero value is a loopback port
// without TLS.
type place struct {
	settings *listen.Settings
	limits   listen.Limits
	proxied  bool
	ready    func(context.Context) bool // nil: always
	log      io.Writer
	tls      *listen.TLS
	listener net.Listener
	ceiling  *ceiling.Ceiling
}

// start runs a server on a loopback port until the test ends.
func start(t *testing.T, settings *listen.Settings, limits listen.Limits) (*play, string) {
	t.Helper()
	return startAt(t, place{settings: settings, limits: limits})
}

func startAt(t *testing.T, at place) (*play, string) {
	t.Helper()
	settings := at.settings
	if settings == nil {
		settings = &listen.Settings{}
	}
	if at.log == nil {
		at.log = io.Discard
	}
	p := &play{closed: make(chan struct{}, 64), finished: make(chan *gate.Exchange, 256), does: map[string]func(context.Context, *gate.Exchange, gate.Client){
		"initialize": func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
			_ = result(ctx, ex, c, `{"protocolVersion":"`+ex.Call.Version+`"}`)
		},
		"tools/list": func(ctx context.Context, ex *gate.Exchange, c gate.Client) { _ = result(ctx, ex, c, `{"tools":[]}`) },
	}}
	p.settings.Store(settings)
	var err error
	p.server, err = listen.New(listen.Config{
		Serve:    p.serve,
		Settings: p.settings.Load,
		Live:     func(*gate.Principal) bool { return !p.dead.Load() },
		SessionClosed: func(s *gate.Session) {
			p.mu.Lock()
			p.ended = append(p.ended, s.ID)
			p.mu.Unlock()
			p.closed <- struct{}{}
		},
		Record: func(_ context.Context, e gate.Event) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, e)
			return nil
		},
		Ready: at.ready, ProxyProtocol: at.proxied, Meter: p, Limits: at.limits, Ceiling: at.ceiling,
		Log: logTo(at.log),
	})
	if err != nil {
		t.Fatal(err)
	}
	l := at.listener
	if l == nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- p.server.Serve(l, at.tls) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := p.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return p, l.Addr().String()
}

// send makes one request. header holds "Name: value" lines; a body makes the
// usual headers of a POST.
func send(t *testing.T, method, url, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer alice")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		case strings.HasPrefix(name, "+"):
			r.Header.Add(name[1:], value)
		default:
			r.Header.Set(name, value)
		}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// begin opens a session of version for who and returns its id.
func begin(t *testing.T, addr, version, who string) string {
	t.Helper()
	resp := send(t, "POST", "http://"+addr+"/mcp",
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+version+`"}}`, "Authorization: Bearer "+who)
	id := resp.Header.Get("Mcp-Session-Id")
	if resp.StatusCode != 200 || id == "" {
		t.Fatalf("initialize: status %d, session %q: %s", resp.StatusCode, id, text(t, resp))
	}
	return id
}

// sse is one event as a client's parser sees it.
type sse struct{ id, event, data string }

// events parses a stream as the HTML standard says (server-sent events, event
// stream interpretation).
func events(r io.Reader) func() (sse, error) {
	in := bufio.NewReader(r)
	return func() (sse, error) {
		var e sse
		some := false
		for {
			l, err := in.ReadString('\n')
			if err != nil {
				return e, err
			}
			l = strings.TrimRight(l, "\n")
			if l == "" {
				if some {
					return e, nil
				}
				continue
			}
			name, value, _ := strings.Cut(l, ":")
			value = strings.TrimPrefix(value, " ")
			switch name {
			case "":
				return sse{event: "comment"}, nil
			case "id":
				e.id, some = value, true
			case "event":
				e.event, some = value, true
			case "data":
				e.data, some = e.data+value, true
			}
		}
	}
}

// next reads one event or fails.
func next(t *testing.T, read func() (sse, error)) sse {
	t.Helper()
	e, err := read()
	if err != nil {
		t.Fatalf("reading an event: %v", err)
	}
	return e
}

// exchanges are those that were served.
func (p *play) exchanges() []*gate.Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.served)
}

// wait waits until a message of that method has been served, and returns it.
func (p *play) wait(t *testing.T, method string) *gate.Exchange {
	t.Helper()
	for {
		select {
		case ex := <-p.finished:
			if ex.Call.Message != nil && ex.Call.Message.Method == method {
				return ex
			}
		case <-t.Context().Done():
			t.Fatalf("no %s was served", method)
		}
	}
}

// refusing waits until the server at addr takes no connections any more.
func refusing(addr string) {
	for {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		_ = c.Close()
	}
}
