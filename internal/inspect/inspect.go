// Package inspect is the stage that puts arguments and results before the
// detectors. Of arguments it asks whether a credential, personal data or one of
// the operator's canaries is about to leave; of results whether they speak to
// the model, hide text, or hold what should not be read. The pipeline calls it
// after validate, and again for every message that comes back.
//
// It changes no message: arguments are passed or refused, and of a reply it
// says what redact has to rewrite (gate.Mark). What was found goes on record by
// rule and place; the text never does.
package inspect

import (
	"context"
	"fmt"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
	"doorward/internal/mcp"
)

// Results says what happens to what is found in a result (trust.results).
type Results struct {
	Injection gate.Act // text that speaks to the model, or that people do not see
	Secrets   gate.Act
	Personal  gate.Act
}

// Arguments says what happens to what is found in arguments (trust.arguments):
// Block, Warn or Allow. Canaries always block.
type Arguments struct {
	Secrets  gate.Act
	Personal gate.Act
}

// Config is what the stage of one snapshot is made of.
type Config struct {
	Results   Results
	Arguments Arguments
	// Except tells whether a tool may be given such a class ("secret", "personal").
	Except   func(upstream, tool, class string) bool
	Canaries func() *secrets.Canaries // nil: none are planted
	// Seen is told of a canary on its way out, before the call is refused.
	Seen func(context.Context, *gate.Exchange, gate.Finding) error
	// Markers are texts that are one tenant's alone; nil: none are known. Foreign is told of
	// one in what goes to anybody else, before that is refused.
	Markers *Markers
	Foreign func(ctx context.Context, ex *gate.Exchange, tenant string, f gate.Finding) error
	// Memory joins what one conversation sends over several calls; app has one for
	// all snapshots.
	Memory *Memory
}

// Stage implements gate.Stage and gate.ReplyStage.
type Stage struct{ Config }

// New makes the stage. Every field is required, but Foreign without Markers.
func New(cfg Config) *Stage { return &Stage{cfg} }

// Name is "inspect".
func (s *Stage) Name() string { return "inspect" }

// Applies tells whether a client sends strings with the method: what a row of the
// table does not say is looked at too, so that a notification's reason or a member
// beside the protocol's carries nothing out. A stream that is opened or closed has
// no message, and a filter names what resolve must know.
func (s *Stage) Applies(r gate.Route) bool {
	if r.Action == gate.Stream || r.Action == gate.Close || r.Action == gate.Listen {
		return false
	}
	return r.Action == gate.Answer || r.Direction != gate.ToClient
}

// note keeps findings for the record.
func note(ex *gate.Exchange, where string, found []gate.Finding) {
	for i := range found {
		if len(ex.Findings) >= gate.MaxFindings {
			return
		}
		f := found[i]
		f.Where = where
		ex.Findings = append(ex.Findings, f)
	}
}

// opaque are members whose value no model reads: handles of the protocol, which
// Doorward seals or the client only hands back.
func opaque(t *mcp.Text) bool {
	switch t.Key {
	case "id", "jsonrpc", "method":
		return t.Depth() == 1 // of the envelope

	case "requestState", "progressToken", "nextCursor", "cursor", "taskId":
		return !t.Name

	case "traceparent":
		return !t.Name && gate.IsTraceparent(t.Value)
	}
	return false
}

// walk yields every string of a message: what stands beside params, result and error goes
// on like what stands in them.
func walk(m *gate.Message, yield func(*mcp.Text) error) error {
	return mcp.Strings(m.Raw, gate.Span{End: len(m.Raw)}, yield)
}

// described are the findings as the operator reads them in a reason.
func described(found []gate.Finding) string {
	var b strings.Builder
	const most = 4
	for i := range found[:min(len(found), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s at %s", found[i].Rule, found[i].Where)
	}
	if n := len(found) - most; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}
