package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// The types of an upstream's answer (Streamable HTTP).
const (
	typeJSON   = "application/json"
	typeStream = "text/event-stream"
)

// userAgent is how Doorward names itself in HTTP.
const userAgent = "doorward"

// HeaderRoles is the header in which a server of Doorward's own reads the roles of a call's
// principal, a value for each. No client's header reaches an upstream under this name.
const HeaderRoles = "Doorward-Roles"

// HeaderCaller is the header in which a server of Doorward's own that runs commands reads a mark of
// a call's principal: the same for the calls of one, and nothing else. No client's header reaches an
// upstream under this name.
const HeaderCaller = "Doorward-Caller"

// fixedValues are the header values that every request of a link has.
type fixedValues struct{ agent, json, accept [1]string }

// mediaType is the type that an answer says it has, without parameters.
func mediaType(h http.Header) string {
	switch text := h.Get("Content-Type"); text {
	case typeJSON, typeStream: // as nearly all write it
		return text
	default:
		kind, _, _ := mime.ParseMediaType(text)
		return kind
	}
}

// post sends raw, or the pieces of o, with the headers of the era and nothing
// of the client's but the key that it brought for this very message.
func (l *httpLink) post(ctx context.Context, raw []byte, o *outgoing, own gate.Secret) (*http.Response, error) {
	req := l.blank.WithContext(ctx)
	req.Header = l.postHeader(o)
	if o != nil && (len(o.roles) > 0 || o.caller != "") {
		req.Header = maps.Clone(req.Header) // which may be that of all requests of a session
		if len(o.roles) > 0 {
			req.Header[HeaderRoles] = o.roles
		}
		if o.caller != "" {
			req.Header.Set(HeaderCaller, o.caller)
		}
	}
	if o != nil && o.pieces != nil {
		setPieces(req, o.pieces)
	} else {
		setBody(req, raw)
	}
	return l.do(req, own)
}

// setBody makes raw the body of a request. What net/http knows to be in memory
// it sends together with the headers.
func setBody(req *http.Request, raw []byte) {
	req.ContentLength = int64(len(raw))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	req.Body = io.NopCloser(bytes.NewReader(raw))
}

// postHeader is the header of a POST: one for all of a session, which nobody
// changes, or made for the request.
func (l *httpLink) postHeader(o *outgoing) http.Header {
	h, version := http.Header(nil), l.version
	if o != nil && (o.header != nil || o.version != "") {
		h = o.header
		if o.version != "" {
			version = o.version
		}
	} else if l.common != nil {
		return l.common
	}
	if h == nil {
		h = make(http.Header, 8)
	}
	h["Content-Type"], h["Accept"] = l.values.json[:], l.values.accept[:]
	return l.dress(h, version)
}

// dress adds what every request of the link has.
func (l *httpLink) dress(h http.Header, version string) http.Header {
	h["User-Agent"] = l.values.agent[:]
	if basic := basicAuth(l.blank.URL); basic != "" {
		h.Set("Authorization", basic)
	}
	if version != "" {
		h.Set(mcp.HeaderVersion, version)
	}
	if l.session != "" {
		h.Set(mcp.HeaderSession, l.session)
	}
	return h
}

// setPieces makes pieces the body of a request. GetBody is what net/http asks
// when the connection that it kept was closed before anything was sent on it.
func setPieces(req *http.Request, pieces [][]byte) {
	for _, p := range pieces {
		req.ContentLength += int64(len(p))
	}
	req.GetBody = func() (io.ReadCloser, error) {
		left := net.Buffers(slices.Clone(pieces)) // which reading uses up
		return io.NopCloser(&left), nil
	}
	req.Body, _ = req.GetBody()
}

// basicAuth is the Authorization header of a URL with a user; empty without one.
func basicAuth(u *url.URL) string {
	if u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
}

// do sends a request of this link.
func (l *httpLink) do(req *http.Request, own gate.Secret) (*http.Response, error) {
	return roundTrip(l.wire, l.credential, req, own)
}

// credential is how Doorward proves to an upstream who it is, or who its client is
// by a key of the client's own; no headers where it does not. It is asked for with
// every request.
type credential interface {
	credential(own gate.Secret) (http.Header, error)
	instead(refused http.Header) http.Header
}

// with returns the headers with the credential, which stands in place of any of
// the same name. Without it nothing is sent. It changes no map: h may be that
// of all requests of a session.
func with(c credential, h http.Header, own gate.Secret) (http.Header, error) {
	proof, err := c.credential(own)
	if err != nil {
		return nil, withheld{err}
	}
	if len(proof) == 0 {
		return h, nil
	}
	h = maps.Clone(h)
	maps.Copy(h, proof)
	return h, nil
}

// roundTrip sends a request with the upstream's credential and turns a failure
// to reach the upstream into errDown. The URL stays out of the error: it may
// hold a credential. Redirects are not followed: an upstream must not choose
// where a call goes. own is the key that the client brought for the message in
// the request; zero for none.
func roundTrip(wire http.RoundTripper, proof credential, req *http.Request, own gate.Secret) (*http.Response, error) {
	var err error
	if req.Header, err = with(proof, req.Header, own); err != nil {
		return nil, err
	}
	resp, err := wire.RoundTrip(req)
	// Twice: the upstream may change what it takes between the first and the second.
	for n := 0; n < 2 && err == nil && own == (gate.Secret{}) && turnedAway(resp); n++ {
		again := anew(req, proof)
		if again == nil {
			break
		}
		_ = resp.Body.Close() // nothing of the refusal is needed
		req = again
		resp, err = wire.RoundTrip(req)
	}
	if err == nil {
		return resp, nil
	}
	if undialled(err) {
		err = fmt.Errorf("%w: %w", errUnsent, err)
	}
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && late.Timeout() {
		return nil, fmt.Errorf("%w: %w", errTimeout, err)
	}
	return nil, fmt.Errorf("%w: %w", errDown, err)
}

// undialled tells whether there was no connection, so that nothing was sent: the name was
// not found, nobody took the connection, or the server is not the right one. What else goes
// wrong before anything is sent cannot be told from what goes wrong after.
func undialled(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, stranger := errors.AsType[*tls.CertificateVerificationError](err)
	return stranger || errors.Is(err, errKey) || errors.Is(err, errCertificate)
}

// The length of an answer is a claim. As much as believed is set aside on its
// word, and then this many times what has come.
const (
	believed = 64 << 10
	growth   = 8
)

// readBounded reads to the end. size is what the sender says that there is, −1
// when it does not say. held is what the answer's exchange holds; nil where that is not counted.
// The buffer has a byte more than is counted, in which the end shows.
func readBounded(r io.Reader, limit, size int64, held *ceiling.Holding) ([]byte, error) {
	if size > limit {
		return nil, errTooLarge
	}
	counted := min(int64(4<<10), limit)
	if size >= 0 {
		counted = min(size, believed)
	}
	if held != nil && !held.Grow(counted) {
		return nil, errNoRoom
	}
	raw := make([]byte, 0, counted+1)
	for {
		if len(raw) == cap(raw) {
			room := min(2*counted+1, limit)
			if size >= int64(len(raw)) {
				room = min(growth*(counted+1), size)
			}
			if room = max(room, int64(len(raw))); held != nil && !held.Grow(room-counted) {
				return nil, errNoRoom
			}
			counted = room
			raw = append(make([]byte, 0, counted+1), raw...)
		}
		n, err := r.Read(raw[len(raw):cap(raw)])
		raw = raw[:len(raw)+n]
		switch {
		case int64(len(raw)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return raw, nil
		case err != nil:
			return nil, err
		}
	}
}
