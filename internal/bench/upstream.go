package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// maxBody bounds what the upstream reads: the largest payload and its envelope.
const maxBody = 4 << 20

const tools = `[{"name":"echo","title":"Echo","description":"Returns the text that it is given.",` +
	`"inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false}}]`

// echo is an MCP server of both eras that costs as little as net/http allows.
// It finds what it needs by searching bytes, which is right only for what this
// program sends: its texts hold nothing that JSON escapes.
type echo struct {
	bodies sync.Pool // *[]byte
	server http.Server
}

// serveUpstream is the child process that every target talks to in the end.
func serveUpstream(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("upstream: want an address")
	}
	e := newEcho()
	return serveChild(ctx, args[0], &e.server)
}

func newEcho() *echo {
	e := &echo{bodies: sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}}
	e.server = http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	return e
}

// serveChild serves until stdin ends, which is when the parent goes away, or
// ctx does.
func serveChild(ctx context.Context, address string, srv *http.Server) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process when stdin outlives ctx
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", address, err)
	}
	return nil
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", "POST, DELETE")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	buf := e.bodies.Get().(*[]byte)
	defer e.bodies.Put(buf)
	body, err := readBody(r, *buf)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	*buf = e.answer(w, r, body)
}

// readBody reads the whole body into buf, which grows as it must.
func readBody(r *http.Request, buf []byte) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errors.New("body too long")
	}
	if r.ContentLength < 0 {
		return io.ReadAll(io.LimitReader(r.Body, maxBody))
	}
	n := int(r.ContentLength)
	if cap(buf) < n {
		buf = make([]byte, 0, 2*n+512) // room for the answer behind it
	}
	buf = buf[:n]
	_, err := io.ReadFull(r.Body, buf)
	return buf, err
}

// answer writes the answer to one message and returns the buffer to keep: the
// answer is built behind the message, in the same buffer.
func (e *echo) answer(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	id := valueOf(body, `"id":`)
	if len(id) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return body
	}
	at := len(body)
	out := append(body, `{"jsonrpc":"2.0","id":`...)
	out = append(out, id...)
	modern := r.Header.Get("Mcp-Protocol-Version") == statelessRevision
	method := string(valueOf(body, `"method":`))
	switch {
	case method == `"tools/call"`:
		out = append(out, `,"result":{"content":[{"type":"text","text":`...)
		out = append(out, valueOf(body, `"text":`)...)
		out = append(out, `}]`...)
		out = closeResult(out, modern, "")
	case method == `"tools/list"`:
		out = append(out, `,"result":{"tools":`+tools...)
		out = closeResult(out, modern, `,"ttlMs":60000,"cacheScope":"public"`)
	case method == `"server/discover"` && modern:
		out = append(out, `,"result":{"supportedVersions":["`+statelessRevision+`","`+statefulRevision+`"],"capabilities":{"tools":{}}`...)
		out = closeResult(out, modern, `,"ttlMs":60000,"cacheScope":"public"`)
	case method == `"initialize"` && !modern:
		w.Header().Set("Mcp-Session-Id", rand.Text())
		out = append(out, `,"result":{"protocolVersion":"`+statefulRevision+`","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}}`...)
	case method == `"ping"` && !modern:
		out = append(out, `,"result":{}}`...)
	default:
		out = append(out, `,"error":{"code":-32601,"message":"method not found"}}`...)
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(out) - at)}
	_, _ = w.Write(out[at:])
	return out[:0]
}

// closeResult ends a result; the stateless era wants its type and, for what
// may be cached, how long.
func closeResult(out []byte, modern bool, caching string) []byte {
	if modern {
		out = append(out, `,"resultType":"complete"`...)
		out = append(out, caching...)
	}
	return append(out, `}}`...)
}

// valueOf returns the number or string that follows the first key, quotes
// included.
func valueOf(body []byte, key string) []byte {
	i := bytes.Index(body, []byte(key))
	if i < 0 {
		return nil
	}
	rest := body[i+len(key):]
	if len(rest) > 0 && rest[0] == '"' {
		if end := bytes.IndexByte(rest[1:], '"'); end >= 0 {
			return rest[:end+2]
		}
		return nil
	}
	if end := bytes.IndexAny(rest, ",}"); end >= 0 {
		return rest[:end]
	}
	return nil
}
