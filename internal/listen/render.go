package listen

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// maxPublic bounds the text of a refusal in bytes.
const maxPublic = 1024

// rendered is a refusal as the client reads it.
type rendered struct {
	status     int
	body       []byte // one line of JSON
	waits      bool   // the client waits for an answer to a request
	silent     bool   // JSON-RPC has no answer to the message
	code       gate.Code
	challenges []string // WWW-Authenticate; empty for none
	allowance  *gate.Allowance
	wait       time.Duration // after which to try again; 0: it is not known, or allowance says so
}

// hint sets the headers of an answer over HTTP.
func (r *rendered) hint(h http.Header) {
	hint(h, r.challenges, r.code)
	if r.allowance != nil {
		pace(h, r.allowance)
	} else if r.wait > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(gate.WholeSeconds(r.wait), 10)}
	}
}

// render turns the outcome of an exchange into what its client reads: the code,
// the exchange's id and the public text, and never the reason. A credential that
// is not accepted reads the same whatever is wrong with it.
func render(ex *gate.Exchange, out gate.Outcome, set *Settings) rendered {
	verdict := out.Verdict
	verdict.Code = shown(verdict.Code)
	row := rowOf(verdict.Code)
	text := public(verdict.Public)
	if text == "" || row.Code == gate.CodeBadCredential {
		text = row.Text
	}
	id, waits := requestID(ex)
	r := rendered{status: status(row, ex, waits), waits: waits, silent: !waits && ex.Call.Message != nil, code: row.Code, allowance: verdict.Allowance, wait: verdict.Wait}
	r.challenges = set.challenges(&ex.Inbound, verdict)
	if waits && row.Code == gate.CodeArguments && toolError(ex) {
		r.body = toolFault(ex, id, text)
		return r
	}
	if verdict.Effect == gate.Hold && verdict.State != "" && waits {
		r.status, r.body = http.StatusOK, held(ex, id, &verdict)
		return r
	}
	code := row.JSONRPC
	if rev, known := mcp.RevisionOf(ex.Call.Version); known && row.Code == gate.CodeUnknownResource {
		code = rev.ResourceNotFound
	}
	r.body = appendError(nil, id, code, text)
	r.body = append(r.body, `,"data":`...)
	r.body = appendData(r.body, ex, row.Code)
	if a := verdict.Approval; a != nil {
		r.body = append(appendApproval(r.body[:len(r.body)-1], a), '}')
	}
	if a := verdict.Allowance; a != nil {
		r.body = append(appendAllowance(r.body[:len(r.body)-1], a), '}')
	} else if r.wait > 0 {
		r.body = append(strconv.AppendInt(append(r.body[:len(r.body)-1], `,"retryAfter":`...), gate.WholeSeconds(r.wait), 10), '}')
	}
	r.body = append(r.body, `}}`...)
	return r
}

// requestID is the id token of the request that ex is about and whether its
// client waits for an answer with it. Without one it is null (JSON-RPC 2.0,
// section 5), or absent in the stateless era, whose schema has no null id.
func requestID(ex *gate.Exchange) (id []byte, waits bool) {
	m := ex.Call.Message
	// Of a message that could not be read, decode leaves the id and no kind.
	if m != nil && (m.Kind == gate.Request || m.Kind == gate.NoMessage) && ex.Inbound.Op == "" {
		if id = m.Bytes(m.ID); id != nil {
			return id, true
		}
	}
	if ex.Call.Era == gate.Stateless || ex.Inbound.Transport == transportHTTP && stateless(ex.Inbound.Header) {
		return nil, false
	}
	return []byte("null"), false
}

// status is the HTTP status of a refusal. Only a request that was understood
// can be answered with 200 and an error.
func status(row RefusalRow, ex *gate.Exchange, waits bool) int {
	code := row.HTTP
	if ex.Call.Era == gate.Stateless {
		code = row.Stateless
	}
	switch {
	case code != told || waits:
		return code
	case row.JSONRPC >= rpcInternal:
		return http.StatusInternalServerError
	case ex.Inbound.Op != "" || row.JSONRPC == rpcDenied:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// toolError tells whether the revision answers bad arguments of a tool with a
// tool result, which the model reads and can learn from (SEP-1303).
func toolError(ex *gate.Exchange) bool {
	rev, known := mcp.RevisionOf(ex.Call.Version)
	return known && rev.ToolErrorsForArguments && ex.Call.Item == gate.Tool
}

func toolFault(ex *gate.Exchange, id []byte, text string) []byte {
	b := append([]byte(`{"jsonrpc":"2.0","id":`), id...)
	b = append(b, `,"result":{"content":[{"type":"text","text":`...)
	b = jsonrpc.AppendString(b, text)
	b = append(b, `}],"isError":true,`...)
	if rev, known := mcp.RevisionOf(ex.Call.Version); known && rev.ResultType {
		b = append(b, `"resultType":"complete",`...)
	}
	b = append(b, `"_meta":{"doorward/refusal":`...)
	b = appendData(b, ex, gate.CodeArguments)
	return append(b, `}}}`...)
}

// appendError appends an error response up to its data.
func appendError(b, id []byte, code int, text string) []byte {
	b = append(b, `{"jsonrpc":"2.0",`...)
	if id != nil {
		b = append(append(append(b, `"id":`...), id...), ',')
	}
	b = append(b, `"error":{"code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"message":`...)
	return jsonrpc.AppendString(b, text)
}

// appendData appends what every refusal's data has, and what MCP asks of some.
func appendData(b []byte, ex *gate.Exchange, code gate.Code) []byte {
	b = append(b, `{"code":`...)
	b = jsonrpc.AppendString(b, string(code))
	b = append(b, `,"exchange":`...)
	b = jsonrpc.AppendString(b, ex.ID)
	if code == gate.CodeVersion {
		b = append(b, `,"supported":[`...)
		for i, v := range mcp.Versions(gate.NoEra) {
			if i > 0 {
				b = append(b, ',')
			}
			b = jsonrpc.AppendString(b, v)
		}
		b = append(b, `],"requested":`...)
		b = jsonrpc.AppendString(b, public(requested(ex)))
	}
	if code == gate.CodeUnknownResource || code == gate.CodeHeldResource || code == gate.CodeChangedResource {
		b = append(b, `,"uri":`...)
		b = jsonrpc.AppendString(b, public(ex.Call.Name))
	}
	if code == gate.CodeCapability { // tasks are the one capability that a request may be refused for
		b = append(b, `,"requiredCapabilities":{"extensions":{"`+mcp.ExtensionTasks+`":{}}}`...)
	}
	return append(b, '}')
}

// requested is the version that the client asked for.
func requested(ex *gate.Exchange) string {
	if ex.Call.Version != "" {
		return ex.Call.Version
	}
	return ex.Inbound.Header.Get(mcp.HeaderVersion)
}

// public makes text safe to show: bounded, and without control characters.
func public(text string) string {
	if len(text) > maxPublic {
		text = strings.ToValidUTF8(text[:maxPublic], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// replyStatus is the HTTP status of a final message that came from an upstream:
// the stateless era gives some errors a status of their own (2026-07-28,
// Streamable HTTP).
func replyStatus(ex *gate.Exchange, m *gate.Message) int {
	if ex.Call.Era != gate.Stateless || m.Kind != gate.Failure {
		return http.StatusOK
	}
	at, _ := m.Field("code")
	switch code, _ := strconv.Atoi(string(m.Bytes(at))); code {
	case mcp.CodeMethodNotFound:
		return http.StatusNotFound
	case mcp.CodeHeaderMismatch, mcp.CodeMissingCapability, mcp.CodeUnsupportedVersion:
		return http.StatusBadRequest
	}
	return http.StatusOK
}
