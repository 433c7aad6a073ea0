package mcp

import (
	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// Wanted tells whether a subscriptions/listen request asked for the
// notification (2026-07-28: a server must not send what was not asked for).
// The acknowledgement and the end of a listen belong to every listen.
func Wanted(listen, m *gate.Message) bool {
	at, _ := listen.Field("notifications")
	filter := listen.Bytes(at)
	flag := func(name string) bool {
		v, _ := member(filter, name)
		return string(v) == "true"
	}
	switch m.Method {
	case "notifications/subscriptions/acknowledged", "notifications/cancelled":
		return true
	case "notifications/tools/list_changed":
		return flag("toolsListChanged")
	case "notifications/prompts/list_changed":
		return flag("promptsListChanged")
	case "notifications/resources/list_changed":
		return flag("resourcesListChanged")
	case methodUpdated:
		uri, ok := UpdatedResource(m)
		return ok && subscribed(filter, uri)
	}
	return false
}

const methodUpdated = "notifications/resources/updated"

// UpdatedResource is the URI of the resource that a notification says has changed;
// false for any other message. One without a URI is about the empty one.
func UpdatedResource(m *gate.Message) (uri string, ok bool) {
	if m.Method != methodUpdated {
		return "", false
	}
	at, _ := m.Field("uri")
	uri, _ = unquote(m.Bytes(at))
	return uri, true
}

// NamesTasks tells whether a subscriptions/listen request asks to hear of tasks
// (2026-07-28, extension tasks, taskIds).
func NamesTasks(listen *gate.Message) bool {
	at, _ := listen.Field("notifications")
	_, ok := member(listen.Bytes(at), "taskIds")
	return ok
}

func subscribed(filter []byte, uri string) bool {
	list, _ := member(filter, "resourceSubscriptions")
	found := false
	// A filter that is no list asks for nothing.
	_ = jsonrpc.Elements(list, func(at jsonrpc.Span) error {
		text, ok := unquote(list[at.Start:at.End])
		found = found || ok && text == uri
		return nil
	})
	return found
}

// MaxInputRequests is how many requests one input_required result may hold:
// each becomes a question to a person or a model (security case MHB-15).
const MaxInputRequests = 10

// CheckResult says what is wrong with a stateless result, nothing when empty: a
// resultType that the method may not have, or a question to the client that it
// did not declare it can answer or that MayAsk sends to nobody (2026-07-28,
// results and multi round-trip requests). An absent resultType is "complete";
// questions in such a result are refused, for there are clients that answer
// them without looking at resultType. decode calls it.
func CheckResult(r gate.Route, m *gate.Message, capabilities []byte) string {
	kind := "complete"
	if at, ok := m.Field(fieldResultType); ok {
		kind, _ = unquote(m.Bytes(at))
	}
	switch kind {
	case resultTask:
		return checkTask(r, m, capabilities)
	case "complete":
		if at, ok := m.Field(fieldRequests); ok && string(m.Bytes(at)) != "null" {
			if r.Method == methodTaskGet { // which tells of a task that waits for input
				return checkInput(m, capabilities)
			}
			return "inputRequests in a result that is complete"
		}
		return ""
	case "input_required":
	default:
		return "resultType is none that the protocol has"
	}
	// tools/call, prompts/get and resources/read, and no other, may ask for
	// input; they are the requests that Mcp-Name mirrors, beside those on tasks.
	if r.Mirror == "" || r.Task {
		return "input_required in answer to a method that has no such result"
	}
	return checkInput(m, capabilities)
}

func checkInput(m *gate.Message, capabilities []byte) string {
	requests, asked := m.Field(fieldRequests)
	state, resumed := m.Field(fieldState)
	if !asked && !resumed {
		return "input_required with neither inputRequests nor requestState"
	}
	if _, ok := unquote(m.Bytes(state)); resumed && !ok {
		return "requestState is not a string"
	}
	if !asked {
		return ""
	}
	raw, why, n := m.Bytes(requests), "", 0
	err := jsonrpc.Members(raw, func(_ string, _, at jsonrpc.Span) error {
		value := raw[at.Start:at.End]
		method, ok := memberText(value, "method")
		params, _ := member(value, "params")
		if n++; n > MaxInputRequests {
			why = "more input requests than are allowed"
		} else if !ok || method == "ping" || !MayAsk(capabilities, method, params) {
			why = "input request that the client did not declare, or that nobody may be sent"
		}
		return nil
	})
	if err != nil {
		return "inputRequests is not an object"
	}
	return why
}
