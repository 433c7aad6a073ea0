package listen

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
	"unicode"

	"doorward/internal/ceiling"
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
	tls      *TLS // the listener's; nil without one
	out      wire
	r        *http.Request
	id       string
	start    time.Time
	conn     *slot          // that it came by; nil when somebody else listens
	local    netip.AddrPort // the listener's address
	remote   netip.Addr     // the client's
	request  string         // a trusted proxy's id for it
	keys     map[string]gate.Secret
	leaf     *x509.Certificate // the client's own, verified; nil without one
	at       path
	profile  string
	approval string // the id in the URL, at pathApproval
	held     ceiling.Holding
	early    []byte // the body, where there was no room for the message but for what ends others; else nil
	whole    bool   // the body was read to its end
}

// ServeHTTP answers one HTTP request of a listener without TLS of Doorward's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.visit(w, r, nil) }

// visit answers one HTTP request. What is no exchange is turned away here, in the
// order in which it costs least; the rest goes to Config.Serve.
func (s *Server) visit(w http.ResponseWriter, r *http.Request, t *TLS) {
	now := time.Now()
	v := &visit{server: s, settings: s.cfg.Settings(), tls: t, r: r, id: NewExchangeID(now), start: now}
	bad := v.takeKeys()
	v.arrive()
	v.out = newWire(w, s.cfg.Limits.WriteStall)
	v.out.begin(r, s.cfg.Limits.BodyWait)
	v.protect()
	defer v.rescue()

	if v.admit(bad) {
		v.dispatch()
	}
	v.linger()
}

// dispatch answers what was admitted.
func (v *visit) dispatch() {
	v.server.calls.Add(1)
	defer v.server.calls.Add(-1)
	switch {
	case v.at == pathMetadata:
		v.metadata()
	case v.at == pathApprovals || v.at == pathApproval:
		v.approvals()
	case v.at == pathMessages:
		v.message()
	case v.at == pathSSE:
		v.open(gate.OpOpen, transportSSE)
	case v.at == pathSocket:
		v.open(gate.OpOpen, transportWebSocket)
	case v.r.Method == http.MethodPost:
		v.post()
	case v.r.Method == http.MethodGet:
		v.open(gate.OpStream, transportHTTP)
	case v.r.Method == http.MethodDelete:
		v.delete()
	}
}

// arrive finds the connection that the request came by.
func (v *visit) arrive() {
	switch addr := v.r.Context().Value(http.LocalAddrContextKey).(type) {
	case *arrival:
		v.conn, v.local = addr.slot, addr.local
	case net.Addr:
		v.local = addressOf(addr)
	}
}

// protect sets the headers that every answer has. A page shows none of them as
// anything, and no cache keeps one.
func (v *visit) protect() {
	h := v.out.w.Header()
	v.out.set("Doorward-Exchange", v.id)
	h["X-Content-Type-Options"] = noSniff
	h["Vary"] = varyOrigin
	h["Cache-Control"] = noStore
	h["Content-Security-Policy"] = noContent
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	if v.server.announced.Load() {
		h.Set("Connection", "close") // with HTTP/2, net/http sends GOAWAY for it
	}
	if v.r.TLS != nil || v.settings.PublicURL != nil && v.settings.PublicURL.Scheme == "https" {
		h["Strict-Transport-Security"] = onlyTLS
	}
}

// The values of headers that every answer has. net/http reads them, and nothing
// adds to them.
//
//nolint:gochecknoglobals // a table; read-only
var (
	noSniff    = []string{"nosniff"}
	varyOrigin = []string{"Origin"}
	noStore    = []string{"no-store"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}      // for requests without CORS; those with it have their own answer
	onlyTLS    = []string{"max-age=31536000"} // a year (RFC 6797)
)

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
// answers what does not pass. badKey names a header that holds no key.
func (v *visit) admit(badKey string) bool {
	r := v.r
	n, said, framed := sift(r.Header)
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	peer := addr.Addr().Unmap()
	var told bool
	v.remote, told = v.settings.client(peer, said)
	v.request = v.settings.requestID(peer, said)
	switch {
	case v.conn != nil && v.conn.surplus:
		v.out.w.Header().Set("Connection", "close")
		return v.turn(codeAddressLimit, "")
	case !framed || !v.framed():
		v.out.w.Header().Set("Connection", "close")
		return v.turn(codeFraming, "")
	case r.URL.Host != "" && r.Method != http.MethodConnect, len(r.Header["Host"]) > 0 && r.Header.Get("Host") != r.Host:
		return v.turn(codeTarget, "")
	case n > maxHeaders:
		return v.turn(codeHeaders, "")
	case v.probe():
		return false // it is answered
	case !v.allowedHost():
		return v.turn(codeHost, "")
	case !told:
		return v.turn(codeForwarded, "")
	case !v.settings.allowedAddress(v.remote):
		return v.turn(codeAddress, "")
	case badKey != "":
		return v.turn(codeRequestKey, oneKey(badKey))
	}
	return v.admitOrigin() && v.admitCertificate() && v.admitPath()
}

// admitOrigin checks the page that the request came from, if it came from one.
func (v *visit) admitOrigin() bool {
	origins := v.r.Header["Origin"]
	if v.fromPage() {
		return v.turn(codeOrigin, noPages)
	}
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 || !v.allowedOrigin(origins[0]) {
		return v.turn(codeOrigin, "")
	}
	share(v.out.w.Header(), origins[0])
	return true
}

// admitCertificate checks the client's certificate once more: the connection may
// be older than its end. A bad one is not an absent one.
func (v *visit) admitCertificate() bool {
	if err := v.certified(); err != nil {
		v.server.cfg.Log.Debug("certificate not valid any more", "exchange", v.id, "error", err)
		v.out.w.Header().Set("Connection", "close")
		return v.turn(gate.CodeBadCredential, "")
	}
	if v.r.TLS != nil && len(v.r.TLS.PeerCertificates) > 0 {
		v.leaf = v.r.TLS.PeerCertificates[0]
	}
	return true
}

// certified tells why the certificate of the connection is not valid now; nil for
// a connection without one.
func (v *visit) certified() error {
	if v.r.TLS == nil || len(v.r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return v.tls.judge(v.r.TLS)
}

// admitPath checks where the request goes.
func (v *visit) admitPath() bool {
	var found bool
	if v.approval, found = v.approvalPath(); found {
		if v.at = pathApprovals; v.approval != "" {
			v.at = pathApproval
		}
		return v.admitMethod()
	}
	if v.at, v.profile, found = pathOf(v.r.URL.EscapedPath()); !found || v.at == pathMetadata && !v.settings.describes(v.profile) {
		return v.turn(codePath, "there is nothing here: "+v.instead())
	}
	if why := v.settings.off(v.at); why != "" {
		return v.turn(codePath, why+v.instead())
	}
	return v.admitMethod()
}

// instead says where to go. The Host has been checked, so it can be repeated.
func (v *visit) instead() string {
	if public := v.settings.PublicURL; public != nil {
		return "POST your MCP messages to " + public.Scheme + "://" + public.Host + string(pathMCP)
	}
	return "POST your MCP messages to " + scheme(v.r.TLS != nil) + "://" + v.r.Host + string(pathMCP)
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
	if err := v.server.cfg.Record(context.WithoutCancel(v.r.Context()), gate.Event{
		Kind: "request.turned_away", Remote: v.remote, Exchange: v.id, Status: "refused",
		Detail: fmt.Sprintf("%s: %.10q %.100q host %.100q origin %.100q", code, v.r.Method, shownPath(v.r.URL.Path), v.r.Host, v.r.Header.Get("Origin")),
	}); err != nil {
		v.server.cfg.Log.Error("request turned away without a record", "exchange", v.id, "error", err)
	}
	ex := &gate.Exchange{ID: v.id, Inbound: gate.Inbound{Transport: transportHTTP, Header: v.r.Header, Base: v.base(), Profile: v.profile}}
	id, _ := requestID(ex)
	body := appendError(nil, id, row.JSONRPC, text)
	body = append(body, `,"data":`...)
	body = append(appendData(body, ex, code), `}}`...)
	status := row.HTTP
	if code == gate.CodeInternal {
		status = http.StatusInternalServerError
	}
	hint(v.out.w.Header(), v.settings.challenges(&ex.Inbound, gate.Verdict{Code: code}), code)
	_ = v.out.json(status, body) // a client that is gone has no use for the error
	return false
}

// base is the scheme and authority by which clients know the gateway. The Host
// that a client sends is never part of it (AUT-62).
func (v *visit) base() string {
	if public := v.settings.PublicURL; public != nil {
		return public.Scheme + "://" + public.Host
	}
	if v.conn != nil {
		return v.conn.base
	}
	if !v.local.IsValid() {
		return ""
	}
	return scheme(v.r.TLS != nil) + "://" + v.local.String()
}

// exchange begins the exchange of the request.
func (v *visit) exchange(op string) gate.Exchange {
	return gate.Exchange{ID: v.id, Start: v.start, Inbound: gate.Inbound{
		Transport:   transportHTTP,
		Profile:     v.profile,
		Op:          op,
		Header:      v.r.Header,
		Method:      v.r.Method,
		Base:        v.base(),
		Target:      v.r.RequestURI,
		Remote:      v.remote,
		Request:     v.request,
		UserAgent:   printable(v.r.UserAgent()),
		Certificate: v.leaf,
		Keys:        v.keys,
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
