package listen

import (
	"strconv"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// lookAgainAfter is when a client whose call waits for people should send it
// again: people take longer than that, and a poll costs little.
const lookAgainAfter = 10 * time.Second

// holdKey is the key of the question that a stateless client is asked about a held
// call. The approve stage looks for its answer.
const holdKey = "doorward-approval"

// held is the answer to a stateless client whose call waits for people: one that
// asks for the call again (SEP-2322). A client that can ask its user is given a
// question, so that somebody says when.
func held(ex *gate.Exchange, id []byte, v *gate.Verdict) []byte {
	var ask []mcp.InputRequest
	if v.Question != nil && mcp.MayAsk(mcp.CapabilitiesOf(ex), mcp.MethodElicit, v.Question) {
		ask = append(ask, mcp.InputRequest{Key: holdKey, Method: mcp.MethodElicit, Params: v.Question})
	}
	m := mcp.NewInputRequired(id, ask, v.State, nil)
	data := appendData(nil, ex, v.Code)
	if v.Approval != nil {
		data = append(appendApproval(data[:len(data)-1], v.Approval), '}')
	}
	meta := append(append([]byte(`{"doorward/refusal":`), data...), '}')
	return jsonrpc.Splice(m.Raw, jsonrpc.Edit{
		At:  jsonrpc.Span(m.Result),
		New: jsonrpc.With(m.Bytes(m.Result), "_meta", meta),
	})
}

// appendApproval appends members that say how an approval stands to an object that
// has some.
func appendApproval(b []byte, a *gate.Approval) []byte {
	now := time.Now()
	state := a.State(now)
	b = append(b, `,"approval":{"id":`...)
	b = jsonrpc.AppendString(b, a.ID)
	b = append(b, `,"state":"`+state.String()+`","approved":`...)
	b = strconv.AppendInt(b, int64(len(a.Grants)), 10)
	b = append(b, `,"needed":`...)
	b = strconv.AppendInt(b, int64(a.Count), 10)
	b = append(b, `,"expires":"`...)
	b = a.Expires.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, '"')
	if state == gate.ApprovalWaiting {
		b = append(b, `,"retryAfter":`...)
		b = strconv.AppendInt(b, int64(lookAgainAfter/time.Second), 10)
	}
	return append(b, '}')
}
