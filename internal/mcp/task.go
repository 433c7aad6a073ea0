package mcp

import (
	"strconv"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// ExtensionTasks is the extension by which 2026-07-28 has tasks (SEP-2663).
const ExtensionTasks = "io.modelcontextprotocol/tasks"

// What tasks add to messages: a resultType (2026-07-28, extension tasks), and
// members of params and results (2025-11-25, tasks).
const (
	resultTask   = "task"
	fieldTask    = "task"
	fieldTaskID  = "taskId"
	fieldContent = "content"
	fieldStruct  = "structuredContent"
)

// The methods on tasks whose results hold more than the state of a task.
const (
	methodTaskGet    = "tasks/get"
	methodTaskResult = "tasks/result"
)

// TaskSupport is what a tool's definition, as the upstream sent it, says about
// being called as a task (2025-11-25, tasks, execution.taskSupport):
// "forbidden", "optional" or "required", and empty when it says nothing, which
// means forbidden, or nothing known. The upstream adapter calls it.
func TaskSupport(raw []byte) string {
	execution, _ := object(raw, "execution")
	switch support, _ := memberText(execution, "taskSupport"); support {
	case "forbidden", "optional", "required":
		return support
	}
	return ""
}

// DeclaresTasks tells whether capabilities of the stateless era, a client's or
// a server's, have the extension for tasks.
func DeclaresTasks(capabilities []byte) bool {
	extensions, _ := object(capabilities, "extensions")
	_, ok := object(extensions, ExtensionTasks)
	return ok
}

// OffersTasks tells whether a server that said these capabilities in an era runs
// calls of tools as tasks, and whether it ends them when asked to. The upstream
// adapter calls it.
func OffersTasks(era gate.Era, capabilities []byte) (calls, cancels bool) {
	if era == gate.Stateless {
		calls = DeclaresTasks(capabilities)
		return calls, calls
	}
	tasks, _ := object(capabilities, "tasks")
	requests, _ := object(tasks, "requests")
	tools, _ := object(requests, "tools")
	_, calls = object(tools, "call")
	_, cancels = object(tasks, "cancel")
	return calls, calls && cancels
}

// WithTasks are the capabilities of a server that offers tasks in an era; with
// cancels, also to end them.
func WithTasks(era gate.Era, capabilities []byte, cancels bool) []byte {
	if era == gate.Stateless {
		extensions, _ := object(capabilities, "extensions")
		return jsonrpc.With(capabilities, "extensions", jsonrpc.With(extensions, ExtensionTasks, []byte("{}")))
	}
	tasks := []byte{'{'}
	if cancels {
		tasks = appendMember(tasks, "cancel", []byte("{}"))
	}
	tasks = appendMember(tasks, "requests", []byte(`{"tools":{"call":{}}}`))
	return jsonrpc.With(capabilities, "tasks", append(tasks, '}'))
}

// ForwardedWithTasks is ForwardedCapabilities for an upstream of the stateless
// era that has the extension for tasks: it hears of the client's.
func ForwardedWithTasks(client []byte) []byte {
	forwarded := ForwardedCapabilities(client)
	if !DeclaresTasks(client) {
		return forwarded
	}
	return WithTasks(gate.Stateless, forwarded, true)
}

// AsksTask tells whether a client's tools/call wants to be run as a task
// (2025-11-25, tasks, params.task).
func AsksTask(ex *gate.Exchange) bool {
	m := ex.Call.Message
	if m == nil || !callsTool(&ex.Call.Route) {
		return false
	}
	at, ok := m.Field(fieldTask)
	return ok && string(m.Bytes(at)) != "null"
}

// callsTool tells whether the row is that of tools/call.
func callsTool(r *gate.Route) bool {
	return r.Action == gate.Relay && r.Item == gate.Tool && !r.Task
}

// MakesTask tells whether a message is the answer that, in place of a tool's
// result, says that a task was made. CheckTask says what is wrong with it.
func MakesTask(ex *gate.Exchange, m *gate.Message) bool {
	_, ok := madeTask(ex, m)
	return ok
}

// madeTask is where in an answer the state of the task that it tells of stands.
func madeTask(ex *gate.Exchange, m *gate.Message) (gate.Span, bool) {
	if m.Kind != gate.Result || !callsTool(&ex.Call.Route) {
		return gate.Span{}, false
	}
	if ex.Call.Era == gate.Stateless {
		at, ok := m.Field(fieldResultType)
		kind, _ := unquote(m.Bytes(at))
		return m.Result, ok && kind == resultTask
	}
	at, ok := m.Field(fieldTask)
	return at, ok && clientVersion(ex) == V20251125 && AsksTask(ex)
}

// CheckTask says what is wrong with the answer to a call in 2025-11-25 that was
// to run as a task, nothing when empty. decode calls it. For the stateless era
// CheckResult does it.
func CheckTask(ex *gate.Exchange, m *gate.Message) string {
	at, ok := madeTask(ex, m)
	if !ok {
		return ""
	}
	return taskFault(m, m.Bytes(at))
}

// checkTask is CheckResult for a result that is a task.
func checkTask(r gate.Route, m *gate.Message, capabilities []byte) string {
	switch _, asks := m.Field(fieldRequests); {
	case !callsTool(&r):
		return "a task in answer to a method that makes none"
	case !DeclaresTasks(capabilities):
		return "a task for a client that did not declare tasks"
	case asks:
		return "inputRequests in a result that is a task"
	}
	return taskFault(m, m.Bytes(m.Result))
}

// taskFault says what is wrong with the state of a new task. Content beside it
// would be a tool's result that nobody has held to its schema.
func taskFault(m *gate.Message, task []byte) string {
	if id, ok := memberText(task, fieldTaskID); !ok || id == "" {
		return "a task without a taskId that is a string"
	}
	for _, name := range [...]string{fieldContent, fieldStruct} {
		if _, ok := m.Field(name); ok {
			return name + " in a result that is a task"
		}
	}
	return ""
}

// TaskTTL is how long the upstream keeps the task that an answer made (ttl in
// 2025-11-25, ttlMs in the extension); false when it does not say, or for ever.
func TaskTTL(ex *gate.Exchange, m *gate.Message) (time.Duration, bool) {
	at, ok := madeTask(ex, m)
	if !ok {
		return 0, false
	}
	name := "ttl"
	if ex.Call.Era == gate.Stateless {
		name = "ttlMs"
	}
	value, ok := member(m.Bytes(at), name)
	if !ok || !isNumber(string(value)) {
		return 0, false
	}
	ms, err := strconv.ParseFloat(string(value), 64)
	if err != nil || ms > float64(1<<53)/float64(time.Millisecond) {
		return 0, false
	}
	return time.Duration(max(0, ms) * float64(time.Millisecond)), true
}

// ToolResult is what an answer brings of a tool's result.
type ToolResult struct {
	Content []byte // structuredContent; nil for none
	Failed  bool   // isError is true
}

// ToolResultOf is the tool's result that an answer brings: its own, or that of a
// task which has ended. It is false for an answer that brings none, as one that
// asks for input, makes a task or tells of one that goes on. validate calls it.
func ToolResultOf(ex *gate.Exchange, m *gate.Message) (ToolResult, bool) {
	r := &ex.Call.Route
	switch {
	case m.Kind != gate.Result || r.Action != gate.Relay || r.Item != gate.Tool:
		return ToolResult{}, false
	case r.Task && r.Method != methodTaskResult:
		at, ok := m.Field("result")
		return inlined(m.Bytes(at)), ok
	case MakesTask(ex, m):
		return ToolResult{}, false
	}
	at, _ := m.Field(fieldResultType)
	kind, _ := unquote(m.Bytes(at))
	content, _ := m.Field(fieldStruct)
	failed, _ := m.Field("isError")
	return ToolResult{Content: m.Bytes(content), Failed: string(m.Bytes(failed)) == "true"}, kind != "input_required"
}

// inlined is a tool's result in the state of a task.
func inlined(result []byte) (r ToolResult) {
	// What is no object has neither.
	_ = jsonrpc.Members(result, func(name string, _, at jsonrpc.Span) error {
		switch value := result[at.Start:at.End:at.End]; name {
		case fieldStruct:
			r.Content = value
		case "isError":
			r.Failed = string(value) == "true"
		}
		return nil
	})
	return r
}
