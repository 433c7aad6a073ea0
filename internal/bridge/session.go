package bridge

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// state is a session of the stateful era as it is at a moment. The zero value is
// none.
type state struct {
	id      string // Mcp-Session-Id; empty where the server gives none
	version string // that was settled on; empty before the handshake
	number  int    // of the session: how many there were before
}

// dress adds the headers of a session.
func (s state) dress(h http.Header) {
	if s.id != "" {
		h.Set(mcp.HeaderSession, s.id)
	}
	// What is newer than Doorward has the header too.
	if r, known := mcp.RevisionOf(s.version); s.version != "" && (!known || r.VersionHeader) {
		h.Set(mcp.HeaderVersion, s.version)
	}
}

// session is the client's session with the server. A server that has lost it is
// given a new one: a client on stdin has no way to begin anew.
type session struct {
	bridge *bridge

	beginning sync.Mutex // held while a lost session is replaced

	mu    sync.Mutex // guards the rest
	state state
	hello []byte // the client's initialize
	ready []byte // its notifications/initialized
	ear   *ear   // listens to what the server sends by itself
}

func newSession(b *bridge) *session { return &session{bridge: b} }

func (s *session) now() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// begun tells whether there was a handshake.
func (s *session) begun() bool { return s.now().version != "" }

// opened takes note of the handshake's steps that the server has accepted.
func (b *bridge) opened(c *call, res *http.Response) error {
	switch {
	case c.method == methodInitialize && len(c.waiting) > 0:
		id := res.Header.Get(mcp.HeaderSession)
		if len(id) > 1024 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return refuse(faultProtocol, "%s gives a session an id that none may have", b.url.Host)
		}
		c.session = id
	case c.method == methodInitialized && c.version == "":
		b.session.listen(c.raw)
	}
	return nil
}

// heed takes note of answers that the bridge itself needs.
func (b *bridge) heed(c *call, m *jsonrpc.Message) error {
	switch {
	case m.Kind != jsonrpc.Result:
	case c.method == methodInitialize && c.version == "":
		at, _ := m.Field("protocolVersion")
		version, ok := m.Text(at)
		if !ok || version == "" || mcp.EraOf(version) == gate.Stateless {
			return refuse(faultProtocol, "%s answers initialize without a version that has a handshake", b.url.Host)
		}
		return b.session.begin(c, version)
	case c.method == methodList && c.version != "":
		b.tools.learn(m)
	}
	return nil
}

// begin makes the session that initialize was answered with the current one.
func (s *session) begin(c *call, version string) error {
	s.mu.Lock()
	old := s.ear
	if c.deliver != nil && s.state.version != version {
		s.mu.Unlock()
		return refuse(faultSession, "%s has ended the session and speaks another protocol version now: restart the client", s.bridge.url.Host)
	}
	s.state = state{id: c.session, version: version, number: s.state.number + 1}
	s.hello, s.ear = c.raw, nil
	s.mu.Unlock()
	old.stop()
	return nil
}

// listen begins to listen to what the server sends by itself, once the client
// has said that it is ready.
func (s *session) listen(ready []byte) {
	s.mu.Lock()
	s.ready = ready
	old := s.ear
	s.ear = newEar(s.bridge, s.state)
	s.mu.Unlock()
	old.stop()
}

// againLimit is how long a server may take to begin a session anew.
const againLimit = 30 * time.Second

// again begins a session in the place of one that the server has lost, as the
// client began that. Subscriptions and the log level of before are gone with it.
// Of several calls that find it lost, one does this.
func (s *session) again(ctx context.Context, lost state) (state, error) {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	s.mu.Lock()
	now, hello, ready := s.state, s.hello, s.ready
	s.mu.Unlock()
	if now.number != lost.number {
		return now, nil
	}
	ctx, stop := context.WithTimeoutCause(ctx, againLimit, refuse(faultSession, "%s has lost the session and does not begin another: restart the client", s.bridge.url.Host))
	defer stop()
	for _, raw := range [][]byte{hello, ready} {
		if raw == nil {
			continue
		}
		c, err := readCall(raw)
		if err != nil {
			return state{}, refuse(faultSession, "the session cannot be begun anew: %v", err)
		}
		c.deliver = func([]byte) {} // the client has had its answer
		if err := s.bridge.carry(ctx, c); err != nil {
			return state{}, err
		}
		if len(c.waiting) > 0 || s.now().number == lost.number {
			return state{}, refuse(faultSession, "%s has lost the session and refuses another: restart the client", s.bridge.url.Host)
		}
	}
	s.bridge.opts.Log.Warn("the server had lost the session; a new one has begun, without the subscriptions of before")
	return s.now(), nil
}

// end ends the session (2025-11-25, session management).
func (s *session) end() {
	s.mu.Lock()
	now, ear := s.state, s.ear
	s.ear = nil
	s.mu.Unlock()
	ear.stop()
	if now.id == "" {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), endLimit)
	defer stop()
	h := http.Header{}
	now.dress(h)
	res, err := s.bridge.send(ctx, http.MethodDelete, h, nil)
	if err != nil {
		s.bridge.opts.Log.Debug("the session's end was not told", "error", err)
		return
	}
	res.Body.Close()
}
