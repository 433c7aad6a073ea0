package bridge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Address reads the URL of a server: https, or http on this machine, without a
// user name, a query or a fragment. What is sent there includes a credential.
func Address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Opaque != "":
		return nil, errors.New("the URL of the server must be like https://mcp.example.com/mcp")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return nil, errors.New("the URL of the server must have no user name, query or fragment")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return nil, errors.New("the URL of the server must begin with https://")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.Unmap().IsLoopback() || strings.EqualFold(u.Hostname(), "localhost") {
		return u, nil
	}
	return nil, errors.New("the URL of the server is plain http, which is for this machine alone: use https")
}

// newWire makes the connections. It asks no proxy, and what it fetches has as
// much time as the server needs: a tool may work for long.
func newWire(roots *x509.CertPool) *http.Transport {
	dialer := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true, // a DialContext turns it off otherwise
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // an event must not wait for a compressor
	}
}

// send makes a request with the credential. A token that is refused is renewed,
// once.
func (b *bridge) send(ctx context.Context, method string, header http.Header, body []byte) (*http.Response, error) {
	token, err := b.opts.Credential.Token(ctx)
	if err != nil {
		return nil, refuse(faultSignIn, "%v", err)
	}
	res, err := b.once(ctx, method, header, body, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	res.Body.Close()
	next, err := b.opts.Credential.Renew(ctx, token)
	if err != nil {
		return nil, refuse(faultSignIn, "%v", err)
	}
	if res, err = b.once(ctx, method, header, body, next); err == nil && res.StatusCode == http.StatusUnauthorized {
		res.Body.Close()
		return nil, refuse(faultSignIn, "%s refuses the credential, and one that was just renewed: ask who runs it", b.url.Host)
	}
	return res, err
}

// once makes one request. A RoundTripper follows no redirect.
func (b *bridge) once(ctx context.Context, method string, header http.Header, body []byte, token string) (*http.Response, error) {
	var begun atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { begun.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, b.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, refuse(faultProtocol, "the message cannot be sent: %v", err)
	}
	if body == nil {
		req.Body = nil
	}
	req.Header = header.Clone()
	req.Header.Set("User-Agent", b.opts.Agent)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := b.wire.RoundTrip(req)
	if err == nil {
		return res, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if begun.Load() {
		return nil, refuse(faultCut, "the connection to %s broke: %v. Whether the request was carried out is not known", b.url.Host, err)
	}
	return nil, refuse(faultUnreachable, "%s cannot be reached: %v. See doorward doctor %s", b.url.Host, err, b.url)
}

// carry sends a call to the server and hands on what comes back.
func (b *bridge) carry(ctx context.Context, c *call) error {
	s := b.session.now()
	err := b.attempt(ctx, c, s)
	switch {
	case errors.Is(err, errGone) && c.deliver == nil:
		// The server has carried nothing out: it does not know the session.
		if s, err = b.session.again(ctx, s); err != nil {
			return err
		}
		err = b.attempt(ctx, c, s)
	case errors.Is(err, errHeaders) && c.method == methodCall:
		// Nor here: it wants headers that the tool's schema, once known, tells of.
		if err = b.relist(ctx, c); err != nil {
			return err
		}
		err = b.attempt(ctx, c, s)
	}
	if kept, ok := errors.AsType[*held](err); ok {
		return kept.hand(b, c)
	}
	return err
}

// errGone is that the server does not know the session (any more).
var errGone = errors.New("the session is unknown")

// errHeaders is that the headers do not agree with the body.
var errHeaders = errors.New("header mismatch")

// held is a refusal of the server's that another attempt may mend: the answer to
// hand on when it does not.
type held struct {
	why  error
	body []byte
	or   error // where the body is no answer
}

func (h *held) Error() string { return h.why.Error() }
func (h *held) Unwrap() error { return h.why }

func (h *held) hand(b *bridge, c *call) error {
	if len(c.waiting) > 0 && len(h.body) > 0 {
		if done, err := c.put(b, h.body); done || err != nil {
			return err
		}
	}
	return h.or
}

// attempt sends a call once.
func (b *bridge) attempt(ctx context.Context, c *call, s state) error {
	res, err := b.send(ctx, http.MethodPost, c.header(s, b.tools), c.raw)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return b.refused(c, s, res)
	}
	if err := b.opened(c, res); err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case len(c.waiting) == 0:
		return nil
	case kind == "text/event-stream":
		return b.stream(ctx, c, s, res.Body)
	case kind != "application/json":
		return refuse(faultProtocol, "%s answers with %q, which is not MCP: check the URL. See doorward doctor %s", b.url.Host, shown(kind), b.url)
	}
	body, err := readMessage(ctx, res.Body)
	if err != nil {
		return err
	}
	_, err = c.put(b, body)
	return err
}

// readMessage reads a body.
func readMessage(ctx context.Context, r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, refuse(faultCut, "the answer broke off: %v", err)
	case len(body) > maxMessage:
		return nil, refuse(faultTooLarge, "the answer is larger than %d bytes", maxMessage)
	}
	return body, nil
}

// maxRefusal bounds what is read of a refusal, in bytes.
const maxRefusal = 256 << 10

// refused reads an answer that is not 2xx. Where it holds a JSON-RPC error, the
// client gets that one.
func (b *bridge) refused(c *call, s state, res *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal)) // what is cut short is no message
	if res.StatusCode == http.StatusForbidden {
		if text := b.opts.Credential.Lacks(res.Header); text != "" {
			return refuse(faultScope, "%s", text)
		}
	}
	or := b.status(res)
	body = c.named(body)
	m, err := jsonrpc.Parse(body, jsonrpc.UpstreamLimits())
	isError := err == nil && m.Kind == jsonrpc.Failure
	if !isError {
		body = nil
	}
	switch {
	case res.StatusCode == http.StatusNotFound && c.version == "" && s.id != "" && c.method != methodInitialize:
		return &held{errGone, body, or}
	case isError && c.version != "" && codeOf(&m) == mcp.CodeHeaderMismatch:
		return &held{errHeaders, body, or}
	case isError:
		return (&held{nil, body, or}).hand(b, c)
	}
	return or
}

// codeOf is the code of an error.
func codeOf(m *jsonrpc.Message) int {
	at, _ := m.Field("code")
	n := 0
	if _, err := fmt.Sscan(string(m.Bytes(at)), &n); err != nil {
		return 0
	}
	return n
}

// status is an HTTP status in words.
func (b *bridge) status(res *http.Response) *fault {
	switch code := res.StatusCode; {
	case code >= 300 && code < 400:
		return refuse(faultStatus, "%s redirects, and redirects are not followed, or others could get the credential: give the URL that it leads to", b.url)
	case code == http.StatusForbidden:
		return refuse(faultDenied, "%s does not allow this", b.url.Host)
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return refuse(faultStatus, "%s cannot serve this now (HTTP %d): try again later", b.url.Host, code)
	default:
		return refuse(faultStatus, "%s answers with HTTP %d. See doorward doctor %s", b.url.Host, code, b.url)
	}
}
