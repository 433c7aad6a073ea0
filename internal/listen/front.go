package listen

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
	"unicode"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

const (
	maxHeaders    = 100 // lines of a request's header; real clients send fewer than 30
	maxUserAgent  = 256 // bytes kept of a User-Agent
	maxNameLength = 64  // bytes of a profile's name
)

const transportHTTP = "http"

// visit is one HTTP request on its way through the front.
type visit struct {
	server   *Server
	settings *Settings
	out      wire
	r        *http.Request
	id       string
	start    time.Time
	remote   netip.Addr
	at       path
	profile  string
}

// ServeHTTP answers one HTTP request. What is no exchange is turned away here,
// in the order in which it costs least; the rest goes to Config.Serve.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	v := &visit{server: s, settings: s.cfg.Settings(), r: r, id: NewExchangeID(now), start: now}
	v.out = newWire(w, s.cfg.Limits.WriteStall)
	v.out.begin(r, s.cfg.Limits.BodyWait)
	v.out.set("Doorward-Exchange", v.id)
	v.out.set("X-Content-Type-Options", "nosniff")
	v.out.set("Vary", "Origin")
	defer v.rescue()

	if !v.admit() {
		return
	}
	s.calls.Add(1)
	defer s.calls.Add(-1)
	switch {
	case v.at == pathMessages:
		v.message()
	case v.at == pathSSE:
		v.open(gate.OpOpen, transportSSE)
	case v.at == pathSocket:
		v.open(gate.OpOpen, transportWebSocket)
	case r.Method == http.MethodPost:
		v.post()
	case r.Method == http.MethodGet:
		v.open(gate.OpStream, transportHTTP)
	case r.Method == http.MethodDelete:
		v.delete()
	}
}

// rescue answers a panic. The pipeline recovers its own; one here is a fault of
// this package.
func (v *visit) rescue() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
		panic(p)
	}
	v.server.cfg.Log.Error("panic while answering", "exchange", v.id, "panic", p, "stack", string(debug.Stack()))
	if v.out.started {
		panic(http.ErrAbortHandler) // the client must not take a cut answer for a whole one
	}
	v.turn(gate.CodeInternal, "")
}

// admit checks what can be known before anybody is asked who they are, and
// answers what does not pass.
func (v *visit) admit() bool {
	r := v.r
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	v.remote = addr.Addr().Unmap()
	origins := r.Header["Origin"]
	switch {
	case r.URL.Host != "" && r.Method != http.MethodConnect, len(r.Header["Host"]) > 0 && r.Header.Get("Host") != r.Host:
		return v.turn(codeTarget, "")
	case lines(r.Header) > maxHeaders:
		return v.turn(codeHeaders, "")
	case !v.settings.allowedHost(r):
		return v.turn(codeHost, "")
	case !v.settings.allowedAddress(v.remote):
		return v.turn(codeAddress, "")
	case len(origins) > 1, len(origins) == 1 && !v.settings.allowedOrigin(r, origins[0]):
		return v.turn(codeOrigin, "")
	}
	if len(origins) == 1 {
		share(v.out.w.Header(), origins[0])
	}
	var found bool
	if v.at, v.profile, found = pathOf(r.URL.EscapedPath()); !found {
		return v.turn(codePath, "there is nothing here: "+v.instead())
	}
	if why := v.settings.off(v.at); why != "" {
		return v.turn(codePath, why+v.instead())
	}
	return v.admitMethod(len(origins) == 1)
}

// lines counts header lines, a repeated name once per line.
func lines(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// instead says where to go. The Host has been checked, so it can be repeated.
func (v *visit) instead() string {
	if public := v.settings.PublicURL; public != nil {
		return "POST your MCP messages to " + public.Scheme + "://" + public.Host + string(pathMCP)
	}
	return "POST your MCP messages to " + scheme(v.r) + "://" + v.r.Host + string(pathMCP)
}

// admitSession checks a GET or DELETE. Without a session there is nothing to
// stream or to end; the stateless era has neither (2026-07-28, Streamable HTTP).
func (v *visit) admitSession() bool {
	r := v.r
	if r.Header.Get(mcp.HeaderSession) == "" || stateless(r.Header) {
		v.out.w.Header().Set("Allow", "POST")
		return v.turn(codeMethod, r.Method+" needs an Mcp-Session-Id of a stateful session: "+v.instead())
	}
	if r.Method == http.MethodGet && (len(r.Header["Accept"]) == 0 || !accepted(r.Header).sse) {
		return v.turn(codeAccept, "send Accept: text/event-stream")
	}
	return true
}

func (v *visit) admitPost() bool {
	if !v.admitBody() {
		return false
	}
	a := accepted(v.r.Header)
	return a.json || a.sse || v.turn(codeAccept, "")
}

// admitBody checks what the headers say of a message.
func (v *visit) admitBody() bool {
	switch h := v.r.Header; {
	case !jsonBody(h):
		return v.turn(codeContentType, "")
	case !plainBody(h):
		return v.turn(codeEncoding, "")
	}
	return true
}

// stateless tells whether the client says that its message is of the stateless
// era. decode refuses a body that says otherwise.
func stateless(h http.Header) bool { return h.Get(mcp.HeaderVersion) >= mcp.V20260728 }

// turn answers a request that becomes no exchange. It returns false.
func (v *visit) turn(code gate.Code, text string) bool {
	row := rowOf(code)
	if text == "" {
		text = row.Text
	}
	v.server.cfg.Meter.Turned(code)
	v.server.cfg.Log.Debug("request turned away", "exchange", v.id, "code", code, "remote", v.remote)
	// Nobody has signed in, and nothing is carried out: when the record cannot be
	// written, the refusal stands and the log has said why.
	if err := v.server.cfg.Record(v.r.Context(), gate.Event{
		Kind: "request.turned_away", Actor: v.remote.String(), Exchange: v.id, Status: "refused",
		Detail: fmt.Sprintf("%s: %.10q %.100q host %.100q origin %.100q", code, v.r.Method, v.r.URL.Path, v.r.Host, v.r.Header.Get("Origin")),
	}); err != nil {
		v.server.cfg.Log.Error("request turned away without a record", "exchange", v.id, "error", err)
	}
	ex := &gate.Exchange{ID: v.id, Inbound: gate.Inbound{Transport: transportHTTP, Header: v.r.Header}}
	id, _ := requestID(ex)
	body := appendError(nil, id, row.JSONRPC, text)
	body = append(body, `,"data":`...)
	body = append(appendData(body, ex, code), `}}`...)
	status := row.HTTP
	if code == gate.CodeInternal {
		status = http.StatusInternalServerError
	}
	_ = v.out.json(status, body) // a client that is gone has no use for the error
	return false
}

// exchange begins the exchange of the request.
func (v *visit) exchange(op string) gate.Exchange {
	return gate.Exchange{ID: v.id, Start: v.start, Inbound: gate.Inbound{
		Transport: transportHTTP,
		Profile:   v.profile,
		Op:        op,
		Header:    v.r.Header,
		Remote:    v.remote,
		UserAgent: printable(v.r.UserAgent()),
	}}
}

func printable(s string) string {
	if len(s) > maxUserAgent {
		s = s[:maxUserAgent]
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
