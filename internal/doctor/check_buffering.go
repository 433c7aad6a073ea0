package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// checkBuffering opens a stream, on which the server has something to send at
// once, and sees whether that arrives. No tool is called for it: a session's own
// stream begins with an event id since 2025-11-25, and subscriptions/listen with
// an acknowledgement in 2026-07-28.
func checkBuffering(ctx context.Context, e *exam) []Finding {
	if !e.admitted() {
		return skip("proxy.buffering", notAdmitted)
	}
	r := request{method: http.MethodGet, era: stateful, session: e.session, accept: "text/event-stream"}
	promised := e.contact.best().doorward()
	switch {
	case e.session != "":
	case e.speaks(stateless):
		r = e.ask(stateless, "subscriptions/listen", `"notifications":{"toolsListChanged":true}`)
		promised = true
	default:
		return skip("proxy.buffering", "the server has no stream that could be opened without a call")
	}
	s := e.listen(ctx, r)
	switch {
	case s.err != nil && !timedOut(s.err):
		return skip("proxy.buffering", "the stream could not be opened: "+e.quote(s.err.Error()))
	case s.status != 0 && !s.stream:
		return skip("proxy.buffering", fmt.Sprintf("the server opens no stream (HTTP %d)", s.status))
	case s.flows:
		return fine("proxy.buffering", "what the server sends on a stream arrives at once")
	case s.status != 0 && !promised:
		return skip("proxy.buffering", "the stream opened; the server sent nothing on it, so nothing can be told")
	}
	return []Finding{e.buffered(s)}
}

// streamed is what came of opening a stream.
type streamed struct {
	status int // zero: not even the headers came
	stream bool
	header http.Header
	flows  bool // something was sent and arrived
	err    error
}

// listen opens a stream and waits for the first that comes on it.
func (e *exam) listen(ctx context.Context, r request) streamed {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Patience)
	defer cancel()
	r.fresh = true
	res, err := e.open(ctx, r)
	if err != nil {
		return streamed{err: err}
	}
	defer res.Body.Close()
	s := streamed{status: res.StatusCode, header: res.Header}
	s.stream = res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream")
	if s.stream {
		_, err := newEventReader(io.LimitReader(res.Body, maxBody)).next()
		s.flows = err == nil
	}
	return s
}

func (e *exam) buffered(s streamed) Finding {
	f := Finding{
		ID: "proxy.buffering", Status: Problem, Cause: "body",
		Why: "progress, questions and changes reach clients late or never, and long calls look dead",
		Fix: "turn buffering off where the proxy passes MCP on. nginx, in location /mcp:\n" +
			"  proxy_buffering off;\n  proxy_cache off;\n  gzip off;\n  proxy_http_version 1.1;\n  proxy_read_timeout 1h;",
	}
	if s.status == 0 {
		f.Cause = "headers"
		f.Seen = fmt.Sprintf("a stream was asked for, and not even its headers came within %v, while other answers came at once", e.opts.Patience)
		return f
	}
	f.Seen = fmt.Sprintf("a stream opened, and its first event did not arrive within %v", e.opts.Patience)
	if enc := s.header.Get("Content-Encoding"); enc != "" {
		f.Cause = "compression"
		f.Seen += "; it is compressed on the way (" + e.quote(enc) + ")"
	}
	if strings.EqualFold(s.header.Get("X-Accel-Buffering"), "no") || s.header.Get("Via") != "" {
		f.Seen += "; something between ignores that the server asks for no buffering"
	}
	return f
}
