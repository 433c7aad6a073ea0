package telemetry

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// ended is what spans tell of an exchange: nothing that a client or an upstream wrote,
// but for a name that somebody has approved, and ids. It holds on to no message.
type ended struct {
	trace gate.Trace
	at    time.Time // the start
	took  time.Duration

	exchange, method, version, transport, era, upstream, identity string
	kind                                                          gate.ItemKind
	name                                                          string // of the approved tool or prompt
	session                                                       [sha256.Size]byte
	hasSession                                                    bool
	request                                                       string // the id of the JSON-RPC request, where it is a number

	status, code, stage  string
	sent                 bool          // it went to the one upstream
	forwarded, answering time.Duration // when it went there, from the start, and how long the answer took
	failure              int64
	toolError            bool
	bytesIn, bytesOut    int
	findings             int
	stages               [gate.MaxStages]gate.StageTime
	n                    int
}

// endedNow is called by the goroutine of the exchange.
func endedNow(ex *gate.Exchange, out gate.Outcome) ended {
	e := ended{
		trace: ex.Trace, at: ex.Start, took: time.Since(ex.Start),
		exchange: ex.ID, method: ex.Call.Route.Method, transport: ex.Inbound.Transport,
		era: ex.Call.Era.String(), upstream: ex.Target.Upstream,
		status: out.Status, stage: out.Stage,
		sent: out.Intent && ex.Target.Upstream != "" && ex.Cached == "", forwarded: ex.Tally.Sent + ex.Tally.Waited, answering: ex.Tally.Upstream,
		failure: ex.Tally.Failure, toolError: ex.Tally.ToolError,
		bytesIn: ex.Tally.RequestBytes, bytesOut: ex.Tally.ReplyBytes, findings: len(ex.Findings),
	}
	e.n = copy(e.stages[:], ex.Tally.Stages)
	if e.method == "" {
		e.method = unknown
	}
	if _, known := mcp.RevisionOf(ex.Call.Version); known {
		e.version = ex.Call.Version
	}
	if out.Verdict.Effect != gate.Continue {
		e.code = string(out.Verdict.Code)
	}
	if p := ex.Principal; p != nil {
		e.identity = p.Method
	}
	if it := ex.Target.Item; it != nil && (it.Kind == gate.Tool || it.Kind == gate.Prompt) {
		e.kind, e.name = it.Kind, shortened(it.Name)
	}
	if s := ex.Call.Session; s != nil {
		e.session, e.hasSession = sha256.Sum256([]byte(s.ID)), true
	}
	if m := ex.Call.Message; m != nil {
		e.request = number(m.Bytes(m.ID))
	}
	return e
}

// unknown stands for a method that is not in the method table.
const unknown = "unknown"

// maxSpanText bounds a text of a span, in bytes.
const maxSpanText = 256

func shortened(s string) string {
	s = gate.Visible(s)
	if len(s) <= maxSpanText {
		return s
	}
	cut := maxSpanText
	for cut > 0 && s[cut]&0xc0 == 0x80 { // not within a character
		cut--
	}
	return s[:cut]
}

// maxNumber is the longest id that is told: any int64.
const maxNumber = 20

// number is an id that is a plain integer; empty for a string, which could say anything.
func number(id []byte) string {
	if len(id) == 0 || len(id) > maxNumber {
		return ""
	}
	for i, c := range id {
		if (c < '0' || c > '9') && (c != '-' || i > 0) {
			return ""
		}
	}
	return string(id)
}

// sessionID is what the audit log has of the session: a digest.
func (e *ended) sessionID() string {
	if !e.hasSession {
		return ""
	}
	return hex.EncodeToString(e.session[:])
}
