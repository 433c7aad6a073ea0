package listen

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"doorward/internal/gate"
)

const (
	transportWebSocket = "websocket"

	// subprotocol is what the TypeScript SDK's WebSocket client offers.
	subprotocol = "mcp"

	// closeWait is how long a client has to take and to answer a close frame.
	closeWait = 5 * time.Second
)

// Why a WebSocket was closed for what its client sent.
var (
	errBinary  = errors.New("a binary frame")
	errNotUTF8 = errors.New("a text frame that is not UTF-8")
)

// admitSocket checks the opening handshake (RFC 6455, section 4.2.1) before
// anybody is asked who they are. The Origin has been checked like every other.
func (v *visit) admitSocket() bool {
	h := v.r.Header
	offers := tokens(h, "Sec-Websocket-Protocol")
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-Websocket-Key"))
	switch {
	case v.r.ProtoMajor != 1 || v.r.ProtoMinor < 1 || !fold(tokens(h, "Connection"), "upgrade") || !fold(tokens(h, "Upgrade"), "websocket"):
		if v.r.ProtoMajor == 1 {
			v.out.w.Header().Set("Connection", "Upgrade")
			v.out.w.Header().Set("Upgrade", "websocket")
		}
		return v.turn(codeUpgrade, "open a WebSocket here, over HTTP/1.1: "+v.instead())
	case !slices.Equal(h["Sec-Websocket-Version"], []string{"13"}):
		v.out.w.Header().Set("Sec-WebSocket-Version", "13")
		return v.turn(codeUpgrade, "send Sec-WebSocket-Version: 13")
	case len(h["Sec-Websocket-Key"]) != 1 || err != nil || len(key) != 16 || v.r.ContentLength != 0:
		return v.turn(codeHandshake, "")
	case len(offers) > 0 && !slices.Contains(offers, subprotocol):
		return v.turn(codeSubprotocol, "")
	}
	return true
}

// tokens are the elements of a header that is a list (RFC 9110, section 5.6.1).
func tokens(h http.Header, name string) []string {
	var all []string
	for _, value := range h[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

func fold(all []string, want string) bool {
	return slices.ContainsFunc(all, func(s string) bool { return strings.EqualFold(s, want) })
}

// socket is a WebSocket: a custom transport, not one of MCP's specification.
// Each text frame is one JSON-RPC message, of either era; _meta tells which, as
// on stdio. The connection is the session, and its end the end of its calls.
type socket struct {
	pipe   *pipe
	conn   *websocket.Conn
	raw    net.Conn // beneath conn: deadlines that bound what conn does not
	pings  sync.WaitGroup
	out    atomic.Bool  // a ping waits for its pong
	paused atomic.Bool  // nobody reads, because every place is taken
	heard  atomic.Int64 // Unix nanoseconds of the client's last sign of life
}

// webSocket upgrades the request and serves the client until the connection
// ends. It runs inside Forward, so whoever opened it has walked the line.
func (s *Server) webSocket(whole context.Context, ex *gate.Exchange, v *visit) error {
	// net/http cancels the request's context when the handler ends, no earlier:
	// a connection that was taken over tells its own end. Whoever cancels the
	// exchange ends it.
	ctx, cut := context.WithCancelCause(context.WithoutCancel(whole))
	defer cut(nil)
	defer context.AfterFunc(whole, func() { cut(errEnded) })()
	p, out, err := s.connection(ex, v, cut)
	if err != nil {
		return err
	}
	defer s.disconnect(p, out)
	k := &socket{pipe: p}
	if err := k.upgrade(v); err != nil {
		s.cfg.Log.Debug("websocket not opened", "exchange", ex.ID, "error", err)
		return nil // the client has its answer, or is gone
	}
	// From the cut on nothing may take longer than the close.
	defer context.AfterFunc(ctx, func() { _ = k.raw.SetDeadline(time.Now().Add(closeWait)) })()

	lines, stop := make(chan line), make(chan struct{})
	var reader, writer sync.WaitGroup
	reader.Go(func() { k.read(lines, stop) })
	writer.Go(func() {
		p.carry(ctx, ex.Principal, feed{
			out: out, write: k.write, beat: k.ping,
			on: func(set *Settings) bool { return set.WebSocket },
		})
	})
	err = p.converse(ctx, lines)
	close(stop)
	out.close()
	writer.Wait()
	k.close(context.Cause(ctx))
	reader.Wait()
	k.pings.Wait()
	return err
}

// taker takes the connection of a request over, and remembers it.
type taker struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (t *taker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(t.ResponseWriter).Hijack()
	t.conn = conn
	return conn, buf, err
}

// upgrade takes the connection over. The library's check of the Origin is off,
// for it allows what this package's own, which the request has passed, does
// not. Nothing is compressed: a small frame never unpacks to a large one.
func (k *socket) upgrade(v *visit) (err error) {
	v.out.started = true
	v.out.arm()
	t := &taker{ResponseWriter: v.out.w}
	k.hear()
	k.conn, err = websocket.Accept(t, v.r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
		OnPongReceived:     func(context.Context, []byte) { k.hear() },
	})
	k.raw = t.conn
	return err
}

func (k *socket) hear() { k.heard.Store(time.Now().UnixNano()) }

// read hands on what the client sends, until the connection ends.
func (k *socket) read(lines chan<- line, stop <-chan struct{}) {
	for {
		data, err := k.message()
		if errors.Is(err, websocket.ErrMessageTooBig) {
			select {
			case lines <- line{}:
			case <-stop:
				return
			}
		}
		if err != nil {
			k.pipe.cut(err)
			return
		}
		k.paused.Store(true)
		select {
		case lines <- line{data: data}:
		case <-stop:
			return
		}
		k.hear()
		k.paused.Store(false)
	}
}

// message reads one message, at most MaxBody bytes, which has to come as fast
// as a body over HTTP. A context that ends would close the connection without a
// close frame, so there is none but for a client that is too slow.
func (k *socket) message() ([]byte, error) {
	limit := k.pipe.server.cfg.Settings().maxBody()
	k.conn.SetReadLimit(limit)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	kind, r, err := k.conn.Reader(ctx)
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageText {
		return nil, errBinary
	}
	wait := k.pipe.server.cfg.Limits.BodyWait
	begun := time.Now()
	slow := time.AfterFunc(wait, cancel)
	defer slow.Stop()
	buf, armed := make([]byte, 0, 4<<10), 0
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, roomier(int64(cap(buf)-1), -1, limit)+1), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF) && !utf8.Valid(buf):
			return nil, errNotUTF8
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
		if len(buf)-armed >= 4*minRate {
			armed = len(buf)
			slow.Reset(time.Until(begun.Add(wait + time.Duration(armed/minRate)*time.Second)))
		}
	}
}

// write sends one message. A client that does not take it in time is cut off.
func (k *socket) write(data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), k.pipe.server.cfg.Limits.WriteStall)
	defer cancel()
	return k.conn.Write(ctx, websocket.MessageText, data)
}

// ping asks the client for a sign of life, without waiting for it here. One
// that gives none in time is cut off, unless it could not be heard.
func (k *socket) ping() error {
	if !k.out.CompareAndSwap(false, true) {
		return nil
	}
	k.pings.Go(func() {
		defer k.out.Store(false)
		limit := k.pipe.server.cfg.Limits.WriteStall
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		err := k.conn.Ping(ctx)
		if errors.Is(err, context.DeadlineExceeded) && (k.paused.Load() || time.Since(time.Unix(0, k.heard.Load())) < limit) {
			return
		}
		if err != nil {
			k.pipe.cut(errUnread)
		}
	})
	return nil
}

// close ends the connection, with a close frame where the client may still
// read one (RFC 6455, section 7.4.1).
func (k *socket) close(why error) {
	code, text := websocket.StatusGoingAway, "the gateway is stopping"
	switch {
	case why == nil:
	case errors.Is(why, errOff):
		text = errOff.Error()
	case errors.Is(why, errRevoked), errors.Is(why, errEnded):
		code, text = websocket.StatusPolicyViolation, why.Error()
	case errors.Is(why, errBinary):
		code, text = websocket.StatusUnsupportedData, "send text frames"
	case errors.Is(why, errNotUTF8):
		code, text = websocket.StatusInvalidFramePayloadData, "send UTF-8"
	case errors.Is(why, websocket.ErrMessageTooBig):
		code, text = websocket.StatusMessageTooBig, "the message is too large"
	default:
		_ = k.conn.CloseNow() // it is gone, or nobody waits for it
		return
	}
	_ = k.raw.SetDeadline(time.Now().Add(closeWait))
	_ = k.conn.Close(code, text) // a client that is gone has no use for the error
}
