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

	pathApprovals path = "/approvals"  // what waits for people
	pathApproval  path = "/approvals/" // one of them, with its id

	// pathMetadata says how to get an access token for /mcp, with a profile's name
	// after pathMCP for that profile, and without either for all (RFC 9728, section 3.1).
	pathMetadata path = "/.well-known/oauth-protected-resource"
)

// pathOf reads PATH and PATH/NAME, exactly. Whether there is such a profile is
// for resolve to say, once it is known who asks.
func pathOf(escaped string) (at path, profile string, found bool) {
	if rest, described := strings.CutPrefix(escaped, string(pathMetadata)); described {
		at, profile, found = pathOf(rest)
		return pathMetadata, profile, rest == "" || found && at == pathMCP
	}
	for _, at := range [...]path{pathMCP, pathSSE, pathMessages, pathSocket} {
		rest, found := strings.CutPrefix(escaped, string(at))
		switch name, named := strings.CutPrefix(rest, "/"); {
		case !found:
		case rest == "":
			return at, "", true
		case named && len(name) <= maxNameLength && profileName(name):
			return at, name, true
		}
	}
	return "", "", false
}

// profileName tells whether a profile may have the name (config). A key or a token
// that somebody takes for a part of the URL has other characters, and is not
// recorded as a profile (AUT-18).
func profileName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

// shownPath is a path for the record: what could be a key or a token in it is not
// repeated.
func shownPath(p string) string {
	const longest = 40 // of a segment; keys and tokens are longer
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if len(part) > longest || strings.ContainsFunc(part, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
		}) {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
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
func (v *visit) admitMethod() bool {
	r, h := v.r, v.out.w.Header()
	select {
	case <-v.server.closing:
		h.Set("Connection", "close")
		return v.turn(gate.CodeShuttingDown, "")
	default:
	}
	if r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != "" {
		v.preflight()
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
	case v.at == pathMetadata && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return true
	case (v.at == pathApprovals || v.at == pathApproval) && r.Method == http.MethodGet:
		return true
	case v.at == pathApproval && r.Method == http.MethodPost:
		return v.admitBody()
	}
	h.Set("Allow", v.at.allows())
	return v.turn(codeMethod, v.at.hint()+v.instead())
}

// allows are the HTTP methods that do something at the path.
func (at path) allows() string {
	switch at {
	case pathSSE, pathSocket, pathApprovals:
		return "GET"
	case pathApproval:
		return "GET, POST"
	case pathMessages:
		return "POST"
	case pathMetadata:
		return "GET, HEAD"
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
	case pathMetadata:
		return "GET what tokens are for here; or "
	case pathApprovals:
		return "GET what waits for you here; or "
	case pathApproval:
		return "GET an approval here and POST your decision; or "
	case pathMCP:
	}
	return "this HTTP method does nothing here: "
}
