package gatetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"doorward/internal/mcp"
)

// Seen is one HTTP request as the upstream got it.
type Seen struct {
	HTTP   string // the HTTP method
	Header http.Header
	Raw    []byte
	Method string // of the JSON-RPC message
	Params []byte // as sent
	Name   string // of the tool or prompt called
}

// UP is an upstream that speaks Streamable HTTP of both eras without any SDK,
// keeps every request, and does what its script says.
type UP struct {
	server *httptest.Server

	mu       sync.Mutex
	script   Script
	seen     []Seen
	held     map[string]chan struct{}
	started  map[string]chan struct{}
	sessions int
}

// Upstream starts an upstream; it ends with the test.
func Upstream(t testing.TB, s Script) *UP {
	t.Helper()
	u := &UP{script: s, held: map[string]chan struct{}{}, started: map[string]chan struct{}{}}
	u.server = httptest.NewServer(u)
	t.Cleanup(func() {
		u.mu.Lock()
		for _, c := range u.held {
			close(c)
		}
		u.held = map[string]chan struct{}{}
		u.mu.Unlock()
		u.server.Close()
	})
	return u
}

// URL is the endpoint.
func (u *UP) URL() string { return u.server.URL + "/mcp" }

// Set replaces the script: a server that is not what it was.
func (u *UP) Set(s Script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.script = s
}

// Hold makes calls of name wait until release is called; started is closed when
// the first has arrived.
func (u *UP) Hold(name string) (started <-chan struct{}, release func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	gate, first := make(chan struct{}), make(chan struct{})
	u.held[name], u.started[name] = gate, first
	return first, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.held[name] == gate {
			delete(u.held, name)
			close(gate)
		}
	}
}

// Seen are the requests so far with that JSON-RPC method; "" means all.
func (u *UP) Seen(method string) []Seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []Seen
	for _, s := range u.seen {
		if method == "" || s.Method == method {
			all = append(all, s)
		}
	}
	return all
}

// Count is how many requests came with that JSON-RPC method.
func (u *UP) Count(method string) int { return len(u.Seen(method)) }

// Posts is how many messages came at all. GET and DELETE are left out: when
// they come has nothing to do with any message.
func (u *UP) Posts() int {
	return len(slices.DeleteFunc(u.Seen(""), func(s Seen) bool { return s.HTTP != http.MethodPost }))
}

// Judged are the requests that name something: calls, prompts, reads.
func (u *UP) Judged() []Seen {
	return slices.DeleteFunc(u.Seen(""), func(s Seen) bool {
		switch s.Method {
		case "tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe", "completion/complete":
			return false
		}
		return true
	})
}

// ServeHTTP implements http.Handler.
func (u *UP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var m struct {
		ID     json.RawMessage
		Method string
		Params json.RawMessage
	}
	_ = json.Unmarshal(raw, &m) // what is no message has no method
	var p struct{ Name, URI, Cursor string }
	_ = json.Unmarshal(m.Params, &p) // likewise
	s := Seen{HTTP: r.Method, Header: r.Header.Clone(), Raw: raw, Method: m.Method, Params: m.Params, Name: p.Name}
	u.mu.Lock()
	u.seen = append(u.seen, s)
	script := u.script
	u.mu.Unlock()
	stateless := r.Header.Get(mcp.HeaderVersion) >= mcp.V20260728
	switch {
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusOK)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case len(m.ID) == 0 || m.Method == "":
		w.WriteHeader(http.StatusAccepted)
	case !script.speaks(stateless):
		reply(w, http.StatusBadRequest, m.ID, "error", []byte(`{"code":-32601,"message":"not in this era"}`))
	case m.Method == "initialize":
		u.mu.Lock()
		u.sessions++
		w.Header().Set(mcp.HeaderSession, fmt.Sprintf("s-%d", u.sessions))
		u.mu.Unlock()
		reply(w, http.StatusOK, m.ID, "result", script.hello(m.Params))
	default:
		name := p.Name + p.URI
		u.wait(r, name)
		if script.misbehave(w, m.ID, name) {
			return
		}
		u.answer(w, &script, m.ID, m.Method, name)
	}
}

func (u *UP) wait(r *http.Request, name string) {
	u.mu.Lock()
	gate, first := u.held[name], u.started[name]
	if first != nil {
		delete(u.started, name)
		close(first)
	}
	u.mu.Unlock()
	if gate == nil {
		return
	}
	select {
	case <-gate:
	case <-r.Context().Done():
	}
}

func (u *UP) answer(w http.ResponseWriter, s *Script, id []byte, method, name string) {
	list := func(what string, defs []json.RawMessage) {
		b, err := json.Marshal(map[string]any{"resultType": "complete", "ttlMs": 300_000, "cacheScope": "private"})
		if err != nil {
			panic(err)
		}
		body := append(b[:len(b)-1], `,"`+what+`":[`...)
		for i, d := range defs {
			if i > 0 {
				body = append(body, ',')
			}
			body = append(body, d...)
		}
		reply(w, http.StatusOK, id, "result", append(body, "]}"...))
	}
	if e, ok := s.Errors[name]; ok && name != "" {
		reply(w, http.StatusOK, id, "error", e)
		return
	}
	if a, ok := s.Answers[name]; ok && name != "" {
		reply(w, http.StatusOK, id, "result", a)
		return
	}
	switch method {
	case "server/discover":
		reply(w, http.StatusOK, id, "result", s.discover())
	case "tools/list":
		list("tools", s.Tools)
	case "prompts/list":
		list("prompts", s.Prompts)
	case "resources/list":
		list("resources", s.Resources)
	case "resources/templates/list":
		list("resourceTemplates", s.Templates)
	case "tools/call":
		reply(w, http.StatusOK, id, "result", []byte(`{"content":[{"type":"text","text":"ok"}]}`))
	case "prompts/get":
		reply(w, http.StatusOK, id, "result", []byte(`{"messages":[]}`))
	case "resources/read":
		reply(w, http.StatusOK, id, "result", []byte(`{"contents":[]}`))
	default:
		reply(w, http.StatusOK, id, "result", []byte(`{}`))
	}
}
