package decode

import (
	"context"
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// begin decodes initialize. A session id that comes with it means nothing: the
// session gets an id of its own (security case HTT-33).
func (s *Stage) begin(ctx context.Context, ex *gate.Exchange, m *gate.Message) (gate.Verdict, error) {
	hello, err := mcp.ReadHello(m)
	if err != nil {
		return gate.Refuse(gate.CodeParams, err.Error(), err.Error()), nil
	}
	ex.Call.Version = mcp.Negotiate(hello.Asked)
	session, err := s.sessions.Begin(ctx, ex, gate.Session{
		Profile:      ex.Inbound.Profile,
		Version:      ex.Call.Version,
		Capabilities: hello.Capabilities,
		ClientInfo:   hello.ClientInfo,
	})
	if err != nil {
		return gate.Verdict{}, fmt.Errorf("beginning a session: %w", err)
	}
	if session == nil {
		return gate.Refuse(gate.CodeInternal, "no session and no error", ""), nil
	}
	ex.Call.Session = session
	return gate.Pass(), nil
}

// find puts the session that the message belongs to into the call, and with it
// the version that governs.
func (s *Stage) find(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	id := ex.Inbound.Session
	if isHTTP(ex) {
		var v gate.Verdict
		if id, v = sessionID(ex); v.Effect != gate.Continue {
			return v, nil
		}
	}
	if v := s.contained(id); v.Effect != gate.Continue {
		return v, nil
	}
	session, err := s.sessions.Find(ctx, ex, id)
	switch {
	case err != nil:
		return gate.Verdict{}, fmt.Errorf("finding the session: %w", err)
	case session == nil && !isHTTP(ex):
		return notBegun(ex), nil
	case session == nil:
		return gate.Refuse(gate.CodeSession, "no such session of this principal", "no such session; send initialize to begin one"), nil
	case !ex.Principal.HasKey(session.Owner) || session.Profile != ex.Inbound.Profile:
		// The table has been asked for this principal's; it must not be trusted
		// with more than the answer.
		return gate.Refuse(gate.CodeSession, "session of another principal or profile", "no such session; send initialize to begin one"), nil
	}
	// The header must be a version of this era; which one changes nothing, for
	// the version that was negotiated governs (clients exist that keep sending
	// another). "" means that there was none, which every revision allows.
	if claimed := ex.Call.Version; claimed != "" && mcp.EraOf(claimed) != gate.Stateful {
		return gate.Refuse(gate.CodeHeaderMismatch,
			fmt.Sprintf("version header %.40q on a session of %s", claimed, session.Version),
			"the MCP-Protocol-Version header must be the negotiated version, "+session.Version), nil
	}
	ex.Call.Era, ex.Call.Session, ex.Call.Version = gate.Stateful, session, session.Version
	return gate.Pass(), nil
}

// contained refuses a session that an operator has suspended, whether it is there or
// not: an id of 256 random bits tells nobody more than it was told.
func (s *Stage) contained(id string) gate.Verdict {
	if s.suspended == nil {
		return gate.Pass()
	}
	is, err := s.suspended(id)
	switch {
	case err != nil:
		return gate.Refuse(gate.CodeContainedDown, err.Error(), "")
	case is:
		return gate.Refuse(gate.CodeContainedSession, "suspended by an operator", "")
	}
	return gate.Pass()
}

func missing() gate.Verdict {
	return gate.Refuse(gate.CodeSessionMissing, "request outside a session",
		"no session: send initialize first, then repeat its Mcp-Session-Id; or use protocol version "+mcp.V20260728+", which has no sessions")
}

// notBegun refuses a message on a connection that has had no handshake.
func notBegun(ex *gate.Exchange) gate.Verdict {
	text := "no session: send initialize first"
	if ex.Inbound.Transport != transportSSE {
		text += "; or use protocol version " + mcp.V20260728 + ", which has no sessions"
	}
	return gate.Refuse(gate.CodeSessionMissing, "request before the connection's handshake", text)
}

// sessionID reads the session's id from its header.
func sessionID(ex *gate.Exchange) (string, gate.Verdict) {
	values := ex.Inbound.Header.Values(mcp.HeaderSession)
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", missing()
	case len(values) > 1:
		return "", gate.Refuse(gate.CodeHeaderMismatch, "more than one session id", "more than one Mcp-Session-Id header")
	case len(values[0]) > gate.MaxSessionID:
		return "", gate.Refuse(gate.CodeSession, fmt.Sprintf("session id of more than %d bytes", gate.MaxSessionID), "no such session; send initialize to begin one")
	}
	return values[0], gate.Pass()
}

// operation decodes what has no body: GET and DELETE of a session, and the
// opening of a connection. The message stands for them on the rest of the line.
func (s *Stage) operation(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	r, ok := mcp.Lookup(ex.Inbound.Op)
	opens := ex.Inbound.Op == gate.OpOpen
	if !ok || !opens && ex.Inbound.Op != gate.OpStream && ex.Inbound.Op != gate.OpClose || opens == isHTTP(ex) {
		return gate.Refuse(gate.CodeMethodEra, "unknown operation", "use POST"), nil
	}
	ex.Call.Message = &gate.Message{Kind: gate.Request, Method: r.Method}
	ex.Call.Route = r
	if opens { // what the client will speak, its messages say
		return gate.Pass(), nil
	}
	version, v := mcp.VersionHeader(ex.Inbound.Header)
	if v.Effect != gate.Continue {
		return v, nil
	}
	if mcp.EraOf(version) == gate.Stateless || len(ex.Inbound.Header.Values(mcp.HeaderSession)) == 0 {
		return gate.Refuse(gate.CodeMethodEra, "operation outside a session of the stateful era",
			"GET and DELETE need the Mcp-Session-Id of a session; everything else is POST"), nil
	}
	ex.Call.Era, ex.Call.Version = gate.Stateful, version
	if v, err := s.find(ctx, ex); err != nil || v.Effect != gate.Continue {
		return v, err
	}
	if !mcp.Speaks(r, ex.Call.Version) {
		return gate.Refuse(gate.CodeMethodEra, "operation that the session's revision does not have", "use POST"), nil
	}
	return gate.Pass(), nil
}

// batch decodes an array of messages, which exists in 2025-03-26 alone: each
// item walks the line for itself, from decode on.
func (s *Stage) batch(ctx context.Context, ex *gate.Exchange, raw []byte) (gate.Verdict, error) {
	if isHTTP(ex) {
		version, v := mcp.VersionHeader(header(ex))
		if v.Effect != gate.Continue {
			return v, nil
		}
		if len(ex.Inbound.Header.Values(mcp.HeaderSession)) == 0 {
			return noBatch(), nil
		}
		ex.Call.Version = version
	}
	if v, err := s.find(ctx, ex); err != nil || v.Effect != gate.Continue {
		if err == nil && (v.Code == gate.CodeSessionMissing || v.Code == gate.CodeHeaderMismatch) {
			return noBatch(), nil
		}
		return v, err
	}
	if r, ok := mcp.RevisionOf(ex.Call.Version); !ok || !r.Batches {
		return noBatch(), nil
	}
	items, err := mcp.Split(raw)
	if err != nil {
		v := faulty(ex, err)
		if v.Code == gate.CodeBadMessage {
			v.Code = gate.CodeBatch
		}
		return v, nil
	}
	ex.Call.Batch = items
	return gate.Pass(), nil
}

func noBatch() gate.Verdict {
	return gate.Refuse(gate.CodeBatch, "batch outside a session of 2025-03-26", "batches exist in protocol version 2025-03-26 alone; send one message at a time")
}
