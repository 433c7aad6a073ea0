package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/gate"
)

// subprotocol is what a WebSocket of MCP is called in its handshake (RFC 6455,
// section 1.9).
const subprotocol = "mcp"

// A WebSocket is pinged more often than the minute after which middleboxes drop
// a silent connection.
const (
	pingEvery  = 30 * time.Second
	pingWithin = 10 * time.Second
)

// keepAlive is how often a WebSocket is asked whether anybody is there, and how
// long the answer may take.
type keepAlive struct{ every, within time.Duration }

// wsLink is a WebSocket with one message in each text message. No revision of
// MCP describes it; it is used as stdio is, by either era.
type wsLink struct {
	*mux
	conn *websocket.Conn
	raw  io.Closer // the connection below conn

	life   context.Context //nolint:containedctx // the link's own life, which is its connection's
	end    context.CancelCauseFunc
	ending sync.Once
	tasks  sync.WaitGroup
}

// newWSLink opens the WebSocket. ctx bounds that alone. owned is a link that
// serves one principal.
func (s *server) newWSLink(ctx context.Context, loose func(*gate.Message), owned bool) (link, error) {
	l, err := s.dialWS(ctx, loose, owned, keepAlive{pingEvery, pingWithin})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (s *server) dialWS(ctx context.Context, loose func(*gate.Message), owned bool, ka keepAlive) (*wsLink, error) {
	h, to, err := s.newHandshake()
	if err != nil {
		return nil, err
	}
	conn, _, err := websocket.Dial(ctx, to, &websocket.DialOptions{ //nolint:bodyclose // Dial says that it need not be
		HTTPClient:      &http.Client{Transport: h, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Subprotocols:    []string{subprotocol},
		CompressionMode: websocket.CompressionDisabled, // a small frame must not become a large message
	})
	if err != nil {
		return nil, h.why()
	}
	if !strings.EqualFold(conn.Subprotocol(), subprotocol) {
		_ = conn.CloseNow()
		return nil, fmt.Errorf("%w: its WebSocket does not speak the subprotocol %s", errProtocol, subprotocol)
	}
	conn.SetReadLimit(s.set.MaxResult)
	l := &wsLink{mux: s.newMux(loose, owned), conn: conn, raw: h.raw}
	l.life, l.end = context.WithCancelCause(context.Background())
	l.tasks.Go(l.read)
	l.tasks.Go(func() { l.ping(ka) })
	return l, nil
}

// handshake sends the request that asks for a WebSocket. It keeps what came of
// it, which Dial tells in words only, and with the URL.
type handshake struct {
	srv    *server
	basic  string
	result error
	raw    io.Closer // the connection, where there is one
}

// newHandshake is the handshake, and the URL without what may not be told.
func (s *server) newHandshake() (*handshake, string, error) {
	u, err := url.Parse(s.set.URL)
	if err != nil {
		return nil, "", fmt.Errorf("reading the URL of upstream %s: %w", s.set.Name, errors.Unwrap(err)) // without the URL
	}
	h := &handshake{srv: s, basic: basicAuth(u)}
	u.User = nil
	return h, u.String(), nil
}

// RoundTrip is what Dial calls, once.
func (h *handshake) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	if h.basic != "" {
		req.Header.Set("Authorization", h.basic)
	}
	resp, err := roundTrip(h.srv.wire, h.srv, req, gate.Secret{})
	switch {
	case err != nil:
		h.result = err
	case resp.StatusCode != http.StatusSwitchingProtocols:
		h.result = statusFault(h.srv.set.Name, h.srv.log, resp)
	default:
		h.raw = resp.Body
	}
	return resp, err
}

// why is the reason for a handshake that failed.
func (h *handshake) why() error {
	if h.result != nil {
		return h.result
	}
	return fmt.Errorf("%w: its answer does not open a WebSocket", errProtocol)
}

// read takes messages until the connection ends.
func (l *wsLink) read() {
	for {
		kind, raw, err := l.conn.Read(l.life)
		if err == nil && kind != websocket.MessageText {
			err = fmt.Errorf("%w: a WebSocket message that is no text", errProtocol)
		}
		if err != nil {
			cause := l.why(err)
			l.stop(cause)
			l.end(cause)
			return
		}
		l.receive(raw)
	}
}

// why is what the end of the connection means.
func (l *wsLink) why(err error) error {
	switch status := websocket.CloseStatus(err); {
	case errors.Is(err, errProtocol):
		return err
	case errors.Is(err, websocket.ErrMessageTooBig):
		return fmt.Errorf("%w: a message is too large", errProtocol)
	case l.life.Err() != nil:
		return context.Cause(l.life)
	case status != -1:
		return fmt.Errorf("%w: the upstream closed the WebSocket with status %d", errDown, status)
	}
	return fmt.Errorf("%w: the WebSocket broke off", errDown)
}

// ping ends the link when nobody answers at the other end.
func (l *wsLink) ping(ka keepAlive) {
	t := time.NewTicker(ka.every)
	defer t.Stop()
	for {
		select {
		case <-l.life.Done():
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(l.life, ka.within)
		err := l.conn.Ping(ctx)
		cancel()
		if err != nil {
			l.end(fmt.Errorf("%w: no answer to a ping within %s", errDown, ka.within))
			return
		}
	}
}

func (l *wsLink) exchange(ctx context.Context, o *outgoing, take func(*gate.Message) error) error {
	return l.mux.exchange(ctx, l, o, take)
}

// send writes one message. An upstream that does not read for writeTimeout has
// its connection ended: half a message cannot be taken back, so a caller that
// leaves meanwhile does not stop it.
func (l *wsLink) send(ctx context.Context, raw []byte) error {
	if err := l.turn(ctx); err != nil {
		return err
	}
	defer l.pass()
	ctx, cancel := context.WithTimeout(l.life, writeTimeout)
	defer cancel()
	if err := l.conn.Write(ctx, websocket.MessageText, raw); err != nil {
		l.end(fmt.Errorf("%w: writing to the WebSocket failed", errDown))
		<-l.over // the reader may know better
		return l.cause
	}
	return nil
}

// reply is send: a client's own key has no place in a WebSocket, and is refused
// with the configuration.
func (l *wsLink) reply(ctx context.Context, raw []byte, _ gate.Secret) error {
	return l.send(ctx, raw)
}

// close ends the connection: with the closing handshake, and where the upstream
// does not take part in it within closeGrace, without.
func (l *wsLink) close() {
	l.ending.Do(func() {
		late := time.AfterFunc(closeGrace, func() { l.end(errDown); l.raw.Close() })
		defer late.Stop()
		status := websocket.StatusNormalClosure
		select {
		case <-l.over:
			if errors.Is(l.cause, errProtocol) {
				status = websocket.StatusProtocolError
			}
		default:
		}
		_ = l.conn.Close(status, "")
		l.end(errDown)
		l.tasks.Wait()
	})
}
