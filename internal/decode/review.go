package decode

import (
	"context"
	"fmt"
	"strconv"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Review judges an upstream's message, already parsed, against the exchange:
// what a server may not send in the client's revision, and what this client
// did not ask for or cannot answer, is refused. It keeps the message as it is.
func (s *Stage) Review(_ context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	why := ""
	switch {
	case m == nil || m.Kind == gate.NoMessage:
		why = "no message"
	case m.Final():
		why = reviewFinal(ex, m)
	default:
		why = reviewOwn(ex, m)
	}
	if why != "" {
		return nil, gate.Refuse(gate.CodeReply, why, "the upstream's answer breaks the protocol"), nil
	}
	return nil, gate.Pass(), nil
}

// reviewFinal says what is wrong with an answer; nothing when empty.
func reviewFinal(ex *gate.Exchange, m *gate.Message) string {
	request := ex.Call.Message
	if request == nil || request.Kind != gate.Request || ex.Call.Route.Kind != gate.Request {
		return "answer to what is no request"
	}
	if m.Kind == gate.Failure {
		return reviewFailure(ex, m)
	}
	if raw := m.Bytes(m.Result); len(raw) == 0 || raw[0] != '{' {
		return "result is not an object"
	}
	if ex.Call.Era != gate.Stateless {
		return mcp.CheckTask(ex, m)
	}
	return mcp.CheckResult(ex.Call.Route, m, mcp.CapabilitiesOf(ex))
}

// reviewFailure says what is wrong with an error: one that wants URLs visited is
// a question to the client like any other (2025-11-25, -32042).
func reviewFailure(ex *gate.Exchange, m *gate.Message) string {
	list, ok := mcp.URLElicitations(m)
	if at, _ := m.Field("code"); !ok && string(m.Bytes(at)) != strconv.Itoa(mcp.CodeURLElicitation) {
		return ""
	}
	if !ok {
		return "error that wants URLs visited and does not say which, or too many"
	}
	for _, r := range list {
		if !mcp.MayAsk(mcp.CapabilitiesOf(ex), r.Method, r.Params) {
			return "error that wants a URL visited which the client did not declare it can, or may not be sent to"
		}
	}
	return ""
}

// reviewOwn says what is wrong with a notification or request of the
// upstream's own; nothing when empty.
func reviewOwn(ex *gate.Exchange, m *gate.Message) string {
	r, ok := mcp.Lookup(m.Method)
	if !ok || (r.Direction != gate.ToClient && r.Direction != gate.BothWays) {
		return fmt.Sprintf("server sent %.80q, which it may not", m.Method)
	}
	if r.Kind != m.Kind {
		return fmt.Sprintf("server sent %s with an id or without where it must not", m.Method)
	}
	if !mcp.Speaks(r, version(ex)) {
		return fmt.Sprintf("server sent %s, which the client's revision does not have", m.Method)
	}
	if m.Kind == gate.Request {
		at := m.Params
		if ex.Call.Era == gate.Stateless || !mcp.MayAsk(mcp.CapabilitiesOf(ex), m.Method, m.Bytes(at)) {
			return fmt.Sprintf("server sent %s, which the client did not declare", m.Method)
		}
		return ""
	}
	return reviewNotification(ex, r, m)
}

// reviewNotification says whether the client asked for the notification.
func reviewNotification(ex *gate.Exchange, r gate.Route, m *gate.Message) string {
	listen := ex.Call.Route.Action == gate.Listen && ex.Call.Message != nil
	switch {
	case listen:
		if !mcp.Wanted(ex.Call.Message, m) {
			return fmt.Sprintf("server sent %s, which the listen did not ask for", m.Method)
		}
	case r.Action == gate.Notify: // progress
		if !asked(ex, mcp.MetaProgress) {
			return "progress on a request that asked for none"
		}
		if _, ok := m.Field(mcp.MetaProgress); !ok {
			return "progress without a token"
		}
	case r.Action == gate.Cancel:
		if m.ShownID == nil {
			return "cancellation of a request that the client does not have"
		}
	case ex.Call.Era == gate.Stateless:
		// Outside a listen a stateless request brings progress and, where it
		// asked for a level, log messages; nothing else belongs to it.
		if m.Method != "notifications/message" || !asked(ex, mcp.MetaLogLevel) {
			return fmt.Sprintf("server sent %s, which the request did not ask for", m.Method)
		}
	}
	return ""
}

// asked tells whether the client's message has the key in its _meta.
func asked(ex *gate.Exchange, key string) bool {
	if ex.Call.Message == nil {
		return false
	}
	_, ok := ex.Call.Message.MetaField(key)
	return ok
}

// version is the one that governs the exchange, also where an upstream's
// message came outside a call.
func version(ex *gate.Exchange) string {
	if ex.Call.Version == "" && ex.Call.Session != nil {
		return ex.Call.Session.Version
	}
	return ex.Call.Version
}
