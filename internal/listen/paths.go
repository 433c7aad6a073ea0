package listen

import (
	"net/http"
	"strings"

	"doorward/internal/gate"
)

// path is where a transport is served: exactly there, and with a profile's name
// as one more segment.
type path string

const (
	pathMCP      path = "/mcp"      // Streamable HTTP
	pathSSE      path = "/sse"      // the stream of HTTP+SSE
	pathMessages path = "/messages" // the messages of HTTP+SSE
	pathSocket   path = "/ws"       // WebSocket
)

// pathOf reads PATH and PATH/NAME, exactly. Whether there is such a profile is
// for resolve to say, once it is known who asks.
func pathOf(escaped string) (at path, profile string, found bool) {
	for _, at := range [...]path{pathMCP, pathSSE, pathMessages, pathSocket} {
		rest, found := strings.CutPrefix(escaped, string(at))
		switch name, named := strings.CutPrefix(rest, "/"); {
		case !found:
		case rest == "":
			return at, "", true
		case named && len(name) <= maxNameLength && token(name):
			return at, name, true
		}
	}
	return "", "", false
}

// off says of a transport that is not served what to do about it; nothing of
// one that is.
func (s *Settings) off(at path) string {
	switch {
	case (at == pathSSE || at == pathMessages) && !s.LegacySSE:
		return "the HTTP+SSE transport is off (listen.legacy_sse: true turns it on): "
	case at == pathSocket && !s.WebSocket:
		return "WebSocket is off (listen.websocket: true turns it on): "
	}
	return ""
}

// admitMethod checks what depends on where the request goes.
func (v *visit) admitMethod(fromPage bool) bool {
	r, h := v.r, v.out.w.Header()
	select {
	case <-v.server.closing:
		h.Set("Connection", "close")
		return v.turn(gate.CodeShuttingDown, "")
	default:
	}
	if r.Method == http.MethodOptions && fromPage && r.Header.Get("Access-Control-Request-Method") != "" {
		v.out.arm()
		preflight(v.out.w, r)
		return false
	}
	switch {
	case v.at == pathMCP && r.Method == http.MethodPost:
		return v.admitPost()
	case v.at == pathMCP && (r.Method == http.MethodGet || r.Method == http.MethodDelete):
		return v.admitSession()
	case v.at == pathSSE && r.Method == http.MethodGet:
		return accepted(r.Header).sse || v.turn(codeAccept, "send Accept: text/event-stream")
	case v.at == pathMessages && r.Method == http.MethodPost:
		return v.admitBody()
	case v.at == pathSocket && r.Method == http.MethodGet:
		return v.admitSocket()
	}
	h.Set("Allow", v.at.allows())
	return v.turn(codeMethod, v.at.hint()+v.instead())
}

// allows are the HTTP methods that do something at the path.
func (at path) allows() string {
	switch at {
	case pathSSE, pathSocket:
		return "GET"
	case pathMessages:
		return "POST"
	case pathMCP:
	}
	return "GET, POST, DELETE"
}

// hint says what to do at the path instead.
func (at path) hint() string {
	switch at {
	case pathSSE:
		return "GET the stream here and POST messages to the endpoint that it names; or "
	case pathMessages:
		return "POST messages here that belong to a stream of GET /sse; or "
	case pathSocket:
		return "GET a WebSocket here; or "
	case pathMCP:
	}
	return "this HTTP method does nothing here: "
}
