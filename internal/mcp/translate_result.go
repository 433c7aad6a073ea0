package mcp

import (
	"fmt"
	"strconv"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// methodRead is the one method whose results are cached and whose errors have a
// code of their own in each era.
const methodRead = "resources/read"

// ForStateful is a stateless upstream's answer as a stateful client reads it:
// without what the stateless era adds to results, and with an error code that
// the client's era has. The id stays; m itself is returned when nothing changes.
//
// It fails on a resultType other than complete (an absent one is complete).
// One that asks for input is the caller's to answer before (InputRequests).
// The upstream adapter calls it.
func ForStateful(ex *gate.Exchange, m *gate.Message) (*gate.Message, error) {
	switch m.Kind {
	case gate.Failure:
		return recoded(m, statefulCode(ex, m))
	case gate.Result:
	default:
		return m, nil
	}
	if at, ok := m.Field(fieldResultType); ok {
		if kind, _ := unquote(m.Bytes(at)); kind != "complete" {
			return nil, fmt.Errorf("translating a result: its resultType is not complete but %.80q", m.Bytes(at))
		}
	}
	p, changed := codec(m).Patch(), false
	// Clients have been seen to act on inputRequests whatever the resultType is.
	for _, name := range [...]string{fieldResultType, "ttlMs", "cacheScope", fieldRequests, fieldState} {
		if _, ok := m.Field(name); ok {
			p.DropField(name)
			changed = true
		}
	}
	if _, ok := m.MetaField(MetaServerInfo); ok {
		p.DropMeta(MetaServerInfo)
		changed = true
	}
	if !changed {
		return m, nil
	}
	return reread(m, p)
}

// ForStateless is a stateful upstream's answer as a stateless client reads it:
// complete, and with an error code that the client's era has. serverInfo is a
// JSON object, nil for none, and never replaces the upstream's own. A resource
// is private to the principal and stale at once: nothing is known about either
// (2026-07-28, caching). The id stays.
//
// What the upstream says in the names of multi round-trip requests is dropped:
// it asked nothing that Doorward has judged. An error that asks for URL
// elicitation is the caller's to answer before (URLElicitations); here it
// becomes an internal error. The upstream adapter calls it.
func ForStateless(ex *gate.Exchange, m *gate.Message, serverInfo []byte) (*gate.Message, error) {
	switch m.Kind {
	case gate.Failure:
		return recoded(m, statelessCode(m))
	case gate.Result:
	default:
		return m, nil
	}
	if !isObject(m.Bytes(m.Result)) {
		return m, nil // which the reply stages refuse
	}
	if at, ok := m.Field(fieldResultType); ok { // which its era does not have
		if kind, _ := unquote(m.Bytes(at)); kind != "complete" {
			return nil, fmt.Errorf("translating a result: its resultType is not complete but %.80q", m.Bytes(at))
		}
	}
	p := codec(m).Patch()
	p.DropField(fieldRequests, fieldState)
	p.SetField(fieldResultType, []byte(`"complete"`))
	p.DropMeta(MetaRelatedTask) // of an era that the client does not speak
	if ex.Call.Route.Method == methodRead {
		p.SetField("ttlMs", []byte("0"))
		p.SetField(fieldScope, []byte(`"private"`))
	} else if _, ok := m.Field(fieldScope); ok { // of another era; and policy decides for each client
		p.SetField(fieldScope, []byte(`"private"`))
	}
	if _, ok := m.MetaField(MetaServerInfo); !ok && serverInfo != nil {
		p.SetMeta(MetaServerInfo, serverInfo)
	}
	return reread(m, p)
}

// Untagged is a stateless upstream's notification without the id of the listen
// that brought it, which is Doorward's own; m itself when it has none. The
// upstream adapter calls it.
func Untagged(m *gate.Message) *gate.Message {
	if _, ok := m.MetaField(MetaSubscription); !ok || m.Kind != gate.Notification {
		return m
	}
	p := codec(m).Patch()
	p.DropMeta(MetaSubscription)
	out, err := reread(m, p)
	if err != nil {
		// A member less breaks no message that was parsed; and if it did, the
		// bare notification says what matters.
		return NewNotification(m.Method, nil)
	}
	return out
}

// errorCode is the code of an error, 0 when there is none.
func errorCode(m *gate.Message) int64 {
	at, ok := m.Field("code")
	if !ok || m.Kind != gate.Failure {
		return 0
	}
	code, _ := safeInteger(string(m.Bytes(at)))
	return code
}

// statefulCode is the code for a stateful client of a stateless upstream's
// error. Codes about headers, capabilities and versions concern what Doorward
// sent, not the client.
func statefulCode(ex *gate.Exchange, m *gate.Message) int64 {
	switch code := errorCode(m); code {
	case CodeHeaderMismatch, CodeMissingCapability, CodeUnsupportedVersion, CodeURLElicitation:
		return CodeInternalError
	case CodeInvalidParams:
		if ex.Call.Route.Method == methodRead && isNotFound(ex, m) {
			return CodeResourceNotFound
		}
		return code
	default:
		return code
	}
}

// statelessCode is the code for a stateless client of a stateful upstream's
// error: 2026-07-28 never sends -32002 (SEP-2164) nor -32042 (SEP-2322).
func statelessCode(m *gate.Message) int64 {
	switch code := errorCode(m); code {
	case CodeResourceNotFound:
		return CodeInvalidParams
	case CodeURLElicitation:
		return CodeInternalError
	default:
		return code
	}
}

// isNotFound tells whether an error that says "invalid params" to a read means
// that there is no such resource. 2026-07-28 has one code for both; SEP-2164
// wants data.uri to be the URI that was read. Servers that leave it out say so
// in their message, in the words of the official SDKs.
func isNotFound(ex *gate.Exchange, m *gate.Message) bool {
	data, _ := m.Field("data")
	if uri, ok := memberText(m.Bytes(data), "uri"); ok && uri == ex.Call.Name && uri != "" {
		return true
	}
	at, _ := m.Field("message")
	text, _ := unquote(m.Bytes(at))
	text = strings.ToLower(text)
	for _, words := range [...]string{"not found", "does not exist", "no such resource", "unknown resource"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// recoded is the error with another code; m itself when it has that code. The
// data of an error that asks for URL elicitation goes: the URLs in it were not
// judged.
func recoded(m *gate.Message, code int64) (*gate.Message, error) {
	was := errorCode(m)
	if was == code {
		return m, nil
	}
	p := codec(m).Patch()
	p.SetField("code", strconv.AppendInt(nil, code, 10))
	if was == CodeURLElicitation {
		p.DropField("data")
	}
	return reread(m, p)
}

// reread is the message that a patch makes of m. It fails where m was as large
// as a message may be.
func reread(m *gate.Message, p *jsonrpc.Patch) (*gate.Message, error) {
	out, err := ParseUpstream(p.Bytes())
	if err != nil {
		return nil, fmt.Errorf("translating between eras: %w", err)
	}
	out.ShownID = m.ShownID
	return out, nil
}
