package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody bounds what is read of any answer, in bytes.
const maxBody = 64 << 10

// endpoint is the path of MCP on a gateway.
const endpoint = "/mcp"

// web is the HTTP client: like that of an MCP client, but it follows no
// redirect and asks no proxy.
type web struct {
	dialer net.Dialer
	tls    *tls.Config
	kept   *http.Transport // connections are used again
	fresh  *http.Transport // each request has one of its own
}

func newWeb(o Options) *web {
	w := &web{
		dialer: net.Dialer{Resolver: o.Resolver},
		tls:    &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
	}
	w.kept, w.fresh = w.transport(), w.transport()
	w.fresh.DisableKeepAlives = true
	return w
}

func (w *web) transport() *http.Transport {
	return &http.Transport{
		DialContext:            w.dialer.DialContext,
		TLSClientConfig:        w.tls.Clone(),
		ForceAttemptHTTP2:      true, // a custom DialContext turns it off otherwise
		DisableCompression:     true, // what is compressed on the way must be seen
		MaxResponseHeaderBytes: maxBody,
	}
}

func (w *web) close() {
	w.kept.CloseIdleConnections()
	w.fresh.CloseIdleConnections()
}

// era is which family of MCP a request belongs to.
type era string

const (
	noEra     era = ""
	stateful  era = "2025-11-25"
	stateless era = "2026-07-28"
)

// request is one probe.
type request struct {
	method  string   // of HTTP; empty: POST
	url     *url.URL // nil: the target
	era     era
	name    string // the JSON-RPC method that body has
	body    []byte // nil: none
	session string
	accept  string // empty: what an MCP client accepts of a POST
	bare    bool   // without the credential
	fresh   bool   // on a connection of its own
}

// answer is what came of a probe.
type answer struct {
	status  int
	header  http.Header
	body    []byte  // at most maxBody
	message message // the JSON-RPC answer in it; zero when there is none
	cut     bool    // there was more than maxBody
	at      time.Time
	err     error // no HTTP answer came; never nil together with status 0
}

func (a *answer) eventStream() bool {
	return strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream")
}

// doorward tells whether Doorward answered, and not something before it.
func (a *answer) doorward() bool { return a.header.Get("Doorward-Exchange") != "" }

// mcp tells whether somebody answered who speaks MCP. Doorward's own refusals of
// an HTTP request look like messages, and come before there is one.
func (a *answer) mcp() bool {
	return a.err == nil && a.message.present() && !strings.HasPrefix(a.message.code(), "http.")
}

// send makes one probe and reads its answer.
func (e *exam) send(ctx context.Context, r request) *answer {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	res, err := e.open(ctx, r)
	if err != nil {
		return &answer{err: err}
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, header: res.Header, at: time.Now()}
	body := &io.LimitedReader{R: res.Body, N: maxBody}
	if !a.eventStream() {
		a.body, _ = io.ReadAll(body) // what was cut short has no message
		a.message, a.cut = readMessage(a.body), body.N == 0
		return a
	}
	events := newEventReader(body)
	for {
		ev, err := events.next()
		if err != nil {
			a.cut = body.N == 0
			return a
		}
		if m := readMessage(ev.data); m.answers() || ev.name == "endpoint" {
			a.body, a.message = ev.data, m
			return a
		}
	}
}

// open makes one probe and returns its answer unread.
func (e *exam) open(ctx context.Context, r request) (*http.Response, error) {
	at := r.url
	if at == nil {
		at = e.target
	}
	method := r.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, plain(err)
	}
	e.dress(req, r)
	transport := e.web.kept
	if r.fresh {
		transport = e.web.fresh
	}
	res, err := transport.RoundTrip(req) // a Transport follows no redirect
	if err != nil {
		return nil, plain(err)
	}
	return res, nil
}

// dress sets the headers that an MCP client sends.
func (e *exam) dress(req *http.Request, r request) {
	h := req.Header
	h.Set("User-Agent", "doorward-doctor")
	h.Set("Accept", "application/json, text/event-stream")
	if r.accept != "" {
		h.Set("Accept", r.accept)
	}
	if r.body != nil {
		h.Set("Content-Type", "application/json")
	}
	if e.opts.Origin != "" {
		h.Set("Origin", e.opts.Origin)
	}
	if e.key.text != "" && !r.bare {
		h.Set("Authorization", "Bearer "+e.key.text)
	}
	if r.session != "" {
		h.Set("Mcp-Session-Id", r.session)
	}
	if r.era == stateless || r.session != "" {
		h.Set("Mcp-Protocol-Version", string(r.era))
	}
	if r.era == stateless && r.name != "" {
		h.Set("Mcp-Method", r.name)
	}
}

// plain takes the URL out of an error of net/http: its query may hold a secret.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// timedOut tells whether the error is that nothing came in time.
func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}
