// Package decode is the stage that reads a client's message and the reply
// stage that judges an upstream's against what was asked.
//
// The pipeline calls it: second on the way in, once identify knows who the
// client is, and first on the way back. It tells the era, holds headers to the
// body, finds the session and the named thing, and fills Exchange.Call. It
// never changes a byte, never looks at policy, and keeps nothing.
package decode

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Sessions knows the clients' sessions of the stateful era. listen implements
// it.
type Sessions interface {
	// Find returns the session if it is the exchange's principal's and of its profile.
	// Somebody else's session is not found, like one that never was: nil without an
	// error. The error is a *gate.Error: it cannot be known now.
	Find(ctx context.Context, ex *gate.Exchange, id string) (*gate.Session, error)
	// Begin makes a pending session of what fields says beside ID, Owner and Principal.
	// It lives once the handshake has been answered. The error is a *gate.Error.
	Begin(ctx context.Context, ex *gate.Exchange, fields gate.Session) (*gate.Session, error)
	// Keep makes this gateway the only one to serve a session. The error is a *gate.Error.
	Keep(ctx context.Context, session *gate.Session) error
}

// Config is what a Stage is made of.
type Config struct {
	Sessions Sessions // required
	// Suspended tells whether an operator has suspended the session with an id. An
	// error is that it cannot be known, and refuses. Nil: none is.
	Suspended func(id string) (bool, error)
}

// Stage decodes. It is safe for concurrent use.
type Stage struct {
	sessions  Sessions
	suspended func(id string) (bool, error)
}

// New makes the stage.
func New(cfg Config) *Stage { return &Stage{sessions: cfg.Sessions, suspended: cfg.Suspended} }

// Name is "decode".
func (s *Stage) Name() string { return "decode" }

// Applies is true: every message is decoded.
func (s *Stage) Applies(gate.Route) bool { return true }

// Judge reads the message and fills ex.Call, or refuses. When all that could
// be read of a refused message is its id, ex.Call.Message has the id and the
// kind gate.NoMessage, so that the client learns which request was refused.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	v, err := s.judge(ctx, ex)
	if err == nil && v.Effect == gate.Continue && ex.Inbound.Decoded != nil {
		ex.Inbound.Decoded()
	}
	return v, err
}

func (s *Stage) judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if ex.Principal == nil {
		return gate.Refuse(gate.CodeUnauthenticated, "no principal before decode", ""), nil
	}
	if ex.Inbound.Op != "" {
		return s.operation(ctx, ex)
	}
	raw, err := ex.Inbound.Body(ctx)
	if err != nil {
		return gate.Verdict{}, fmt.Errorf("reading the message: %w", err)
	}
	if ex.Digest != nil && sha256.Sum256(raw) != *ex.Digest {
		return gate.Refuse(gate.CodeBadCredential, "the body is not the one that was signed", "the credential was not accepted"), nil
	}
	if mcp.IsBatch(raw) {
		return s.batch(ctx, ex, raw)
	}
	m, err := mcp.ParseClient(raw)
	if err != nil {
		return faulty(ex, err), nil
	}
	return s.message(ctx, ex, m)
}

// faulty refuses bytes that are no message.
func faulty(ex *gate.Exchange, err error) gate.Verdict {
	var f *mcp.Fault
	if !errors.As(err, &f) {
		return gate.Refuse(gate.CodeBadMessage, err.Error(), "")
	}
	if f.ID != nil {
		ex.Call.Message = &gate.Message{Raw: f.ID, ID: gate.Span{End: len(f.ID)}}
	}
	code := gate.CodeBadMessage
	if f.Code == mcp.CodeParseError {
		code = gate.CodeBadBody
	}
	return gate.Refuse(code, f.Error(), f.Reason)
}

// message decodes one JSON-RPC message.
func (s *Stage) message(ctx context.Context, ex *gate.Exchange, m *gate.Message) (gate.Verdict, error) {
	call := &ex.Call
	call.Message = m
	ex.Trace = ex.Trace.Of(m)
	var v gate.Verdict
	if call.Era, call.Version, v = mcp.Detect(header(ex), m); v.Effect != gate.Continue {
		return v, nil
	}
	if call.Era == gate.Stateless && ex.Inbound.Transport == transportSSE {
		return gate.Refuse(gate.CodeMethodEra, "stateless message on the HTTP+SSE transport",
			"the HTTP+SSE transport has protocol versions before "+mcp.V20260728+" only: send initialize first, or POST to /mcp"), nil
	}
	if m.Final() {
		return s.answer(ctx, ex, m)
	}
	var ok bool
	if call.Route, ok = clientRoute(m.Method); !ok {
		return unknown(), nil
	}
	if v := checkKind(call.Route, m); v.Effect != gate.Continue {
		return v, nil
	}
	if v, err := s.govern(ctx, ex, m); err != nil || v.Effect != gate.Continue {
		return v, err
	}
	if !mcp.Speaks(call.Route, call.Version) {
		return unknown(), nil
	}
	for _, v := range [...]gate.Verdict{mcp.CheckProgress(m), mcp.CheckLevel(call.Route, m)} {
		if v.Effect != gate.Continue {
			return v, nil
		}
	}
	named, err := mcp.Name(call.Route, m)
	if err != nil {
		return gate.Refuse(gate.CodeParams, err.Error(), err.Error()), nil
	}
	call.Item, call.Name, call.NameAt = named.Kind, named.Name, named.At
	if call.Era == gate.Stateless && isHTTP(ex) {
		return mcp.CheckHeaders(ex.Inbound.Header, call.Route, m, named.Name), nil
	}
	return s.keep(ctx, call)
}

// keep makes the session of a call this gateway's alone, where the call leaves something in it that
// another gateway would not know of: a subscription, a level, a task.
func (s *Stage) keep(ctx context.Context, call *gate.Call) (gate.Verdict, error) {
	_, task := call.Message.Field("task")
	if call.Session != nil && (call.Route.Keeps || task) {
		if err := s.sessions.Keep(ctx, call.Session); err != nil {
			return gate.Verdict{}, fmt.Errorf("keeping the session: %w", err)
		}
	}
	return gate.Pass(), nil
}

// clientRoute finds the row of a method that a client may send in a body. The
// operations that are no JSON-RPC messages cannot be had by writing their names there.
func clientRoute(method string) (gate.Route, bool) {
	r, ok := mcp.Lookup(method)
	if !ok || method == gate.OpStream || method == gate.OpClose || method == gate.OpOpen {
		return gate.Route{}, false
	}
	return r, r.Direction == gate.ToServer || r.Direction == gate.BothWays
}

func checkKind(r gate.Route, m *gate.Message) gate.Verdict {
	switch {
	case r.Kind == m.Kind:
		return gate.Pass()
	case m.Kind == gate.Notification:
		return gate.Refuse(gate.CodeBadMessage, "request without an id", "this method is a request: it needs an id")
	default:
		return gate.Refuse(gate.CodeBadMessage, "notification with an id", "this method is a notification: it has no id")
	}
}

// govern settles which version governs the message, and in the stateful era
// which session it belongs to.
func (s *Stage) govern(ctx context.Context, ex *gate.Exchange, m *gate.Message) (gate.Verdict, error) {
	call := &ex.Call
	if call.Era == gate.Stateless {
		return gate.Pass(), nil
	}
	if call.Route.Action == gate.Handshake {
		return s.begin(ctx, ex, m)
	}
	if !isHTTP(ex) && ex.Inbound.Transport != transportSSE && m.Kind == gate.Notification {
		// Without headers only _meta tells the era, and a notification has none: it
		// is the handshake's if there was one.
		session, err := s.sessions.Find(ctx, ex, ex.Inbound.Session)
		if err != nil {
			return gate.Verdict{}, fmt.Errorf("finding the session: %w", err)
		}
		if session == nil {
			call.Era, call.Version = gate.Stateless, mcp.V20260728
			return gate.Pass(), nil
		}
	}
	return s.find(ctx, ex)
}

// answer decodes a client's response to a server-to-client request. What it
// answers, if anything, resolve finds.
func (s *Stage) answer(ctx context.Context, ex *gate.Exchange, m *gate.Message) (gate.Verdict, error) {
	if ex.Call.Era != gate.Stateful {
		return gate.Refuse(gate.CodeBadMessage, "response from a client of the stateless era",
			"clients send no responses in this protocol version"), nil
	}
	if !m.ID.Present() {
		return gate.Refuse(gate.CodeBadMessage, "response without an id", "a response needs the id of its request"), nil
	}
	if v, err := s.find(ctx, ex); err != nil || v.Effect != gate.Continue {
		return v, err
	}
	ex.Call.Route = mcp.AnswerRoute(m.Kind)
	return gate.Pass(), nil
}

func unknown() gate.Verdict {
	return gate.Refuse(gate.CodeMethod, "unknown method", "no such method in this protocol version")
}

// The transports of gate.Inbound that decode tells apart.
const (
	transportHTTP = "http"
	transportSSE  = "sse"
)

// isHTTP tells whether MCP's own headers mean anything: they belong to
// Streamable HTTP. Elsewhere the connection is the session.
func isHTTP(ex *gate.Exchange) bool { return ex.Inbound.Transport == transportHTTP }

// header is the message's headers, never nil over HTTP and nil elsewhere.
func header(ex *gate.Exchange) http.Header {
	switch {
	case !isHTTP(ex):
		return nil
	case ex.Inbound.Header == nil:
		return http.Header{}
	}
	return ex.Inbound.Header
}
