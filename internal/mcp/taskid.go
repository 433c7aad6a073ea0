package mcp

import (
	"errors"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// errOtherTask is an answer about another task than was asked about.
var errOtherTask = errors.New("the answer is about a task that was not asked about")

// ShowTasks is an upstream's message with the ids of tasks as the client knows
// them. show gives the id, a JSON string, for the upstream's own, which it gets
// as the JSON string that it is; nil when the client has nothing to do with that
// task. made is true for the one task that the message makes.
//
// A notification or request about an unknown task becomes nil. From a result
// such a mention goes, and an answer that is itself about an unknown task fails.
// ex is nil for what came outside any call. m itself is returned when it
// mentions no task; every byte but the ids stays. The upstream adapter calls it.
func ShowTasks(ex *gate.Exchange, m *gate.Message, show func(id []byte, made bool) []byte) (*gate.Message, error) {
	own, made, about := taskAt(ex, m)
	related, mentions := m.MetaField(MetaRelatedTask)
	if !about && !mentions || m.Kind == gate.Failure {
		return m, nil
	}
	p := codec(m).Patch()
	if about {
		id := shownTask(m, own, func(id []byte) []byte { return show(id, made) })
		switch {
		case id == nil && m.Kind == gate.Result:
			return nil, errOtherTask
		case id == nil:
			return nil, nil //nolint:nilnil // a message that is dropped
		}
		p.Replace(jsonrpc.Span(own), id)
	}
	if mentions {
		at := idWithin(m, related)
		id := shownTask(m, at, func(id []byte) []byte { return show(id, false) })
		switch {
		case id != nil:
			p.Replace(jsonrpc.Span(at), id)
		case m.Kind == gate.Result:
			p.DropMeta(MetaRelatedTask)
		default:
			return nil, nil //nolint:nilnil // a message that is dropped
		}
	}
	return reread(m, p)
}

// shownTask is what show makes of the id at a place, nil where there is none.
func shownTask(m *gate.Message, at gate.Span, show func([]byte) []byte) []byte {
	id := m.Bytes(at)
	if _, ok := unquote(id); !ok {
		return nil
	}
	return show(id)
}

// taskAt is where the id of the task stands that a message is about, made when
// the message makes it. The span is absent where there should be one.
func taskAt(ex *gate.Exchange, m *gate.Message) (at gate.Span, made, about bool) {
	switch {
	case m.Kind == gate.Notification && m.Method == "notifications/tasks/status":
		at, _ = m.Field(fieldTaskID)
		return at, false, true
	case m.Kind != gate.Result || ex == nil:
		return gate.Span{}, false, false
	case ex.Call.Route.Task:
		// Only the states of tasks name one; an acknowledgement need not.
		at, about = m.Field(fieldTaskID)
		return at, false, about
	}
	if at, made = madeTask(ex, m); made {
		at = idWithin(m, at)
	}
	return at, made, made
}

// idWithin is where the taskId of an object inside a message stands; absent when
// it has none.
func idWithin(m *gate.Message, object gate.Span) gate.Span {
	at, ok := memberSpan(m.Bytes(object), fieldTaskID)
	if !ok {
		return gate.Span{}
	}
	return gate.Span{Start: object.Start + at.Start, End: object.Start + at.End}
}

// RelatedTask is the id, a JSON string, of the task that a message says it
// belongs to (2025-11-25, tasks, related-task); nil for none.
func RelatedTask(m *gate.Message) []byte {
	related, ok := m.MetaField(MetaRelatedTask)
	id := m.Bytes(idWithin(m, related))
	if _, text := unquote(id); !ok || !text {
		return nil
	}
	return id
}

// AnswerFor is a client's answer as the upstream that asked reads it: with the
// upstream's own id, and with the task that its question belonged to, a JSON
// string; a mention of any other task goes, as it does where that is nil. The
// upstream adapter calls it.
func AnswerFor(m *gate.Message, id, shown, task []byte) []byte {
	p := codec(m).Patch()
	p.ID(id)
	if related, ok := m.MetaField(MetaRelatedTask); ok {
		if task != nil && SameText(RelatedTask(m), shown) {
			p.Replace(jsonrpc.Span(idWithin(m, related)), task)
		} else {
			p.DropMeta(MetaRelatedTask)
		}
	}
	return p.Bytes()
}

// SameText tells whether two JSON strings have the same text, however spelled.
func SameText(a, b []byte) bool {
	x, ok := unquote(a)
	y, same := unquote(b)
	return ok && same && x == y
}
