package approve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// confirmKey is the key of the confirmation among a stateless client's answers.
const confirmKey = "doorward-approval"

// maxShownArguments bounds the arguments, in bytes, that a caller is asked to
// confirm: a person must be able to read them whole, and they are never cut.
const maxShownArguments = 16 << 10

// confirm asks the caller itself. A stateful client is asked during the call, by
// whoever forwards it (Exchange.Confirm); a stateless one by an answer that it
// brings back.
func (s *Stage) confirm(ctx context.Context, ex *gate.Exchange, a *gate.Approval) (gate.Verdict, error) {
	ask := question(a)
	switch {
	case len(a.Arguments) > maxShownArguments:
		return gate.Refuse(gate.CodeApprovalLimit, "the arguments are too long to be confirmed",
			fmt.Sprintf("This call needs your confirmation, and its arguments are longer than %d bytes, which is more than can be shown.", maxShownArguments)), nil
	case !elicits(ex, ask):
		return gate.Refuse(gate.CodeApproval, "the client cannot ask its user", unasked(ex, a)), nil
	case ex.Call.Era != gate.Stateless:
		ex.Confirm = ask
		return gate.Pass(), nil
	}
	asked, err := s.approvals.Ask(ctx, *a)
	if err != nil {
		return gate.Verdict{}, unavailable(err)
	}
	answer, answered := mcp.InputResponse(ex.Call.Message, confirmKey)
	if id, ours := s.rounds.OpenHold(ex); !ours || id != asked.ID || !answered {
		return s.wait(ctx, ex, a)
	}
	who := gate.Consent{Approver: a.Requester, Realm: a.Realm, Subject: a.Subject, At: time.Now()}
	switch actionOf(answer) {
	case "accept":
		_, err = s.approvals.Grant(ctx, asked.ID, who)
	case "decline": // a no is a no until it would have expired, also to whoever said it
		_, err = s.approvals.Deny(ctx, asked.ID, who)
	}
	if err != nil {
		return gate.Verdict{}, unavailable(err)
	}
	return s.wait(ctx, ex, a)
}

// actionOf is what an elicitation was answered with: accept, decline, or cancel by
// who dismissed it, who is asked again.
func actionOf(result []byte) string {
	var r struct {
		Action string `json:"action"`
	}
	if json.Unmarshal(result, &r) != nil {
		return ""
	}
	return r.Action
}

// question is the elicitation that asks the caller to confirm the call: what it
// is, whole, with hidden characters made visible.
func question(a *gate.Approval) []byte {
	text := fmt.Sprintf("Confirm this call before it is made.\n%s %s/%s", a.Method, gate.Visible(a.Upstream), gate.Visible(a.Name))
	if a.Why != "" {
		text += "\nWhy you are asked: " + gate.Visible(a.Why)
	}
	if len(a.Arguments) > 0 {
		text += "\nArguments: " + gate.Visible(string(a.Arguments))
	}
	return form(text)
}

// lookAgain is the elicitation that paces a stateless client whose call waits for
// others: its user says when to look again.
func lookAgain(a *gate.Approval) []byte {
	return form(waiting(a) + " Accept to look again.")
}

// waiting says what a held call waits for, and how to see it through. The roles are
// those of the configuration: the caller is told whom to ask.
func waiting(a *gate.Approval) string {
	text := fmt.Sprintf("%s waits for the approval of people (%s, %d of %d so far, until %s). Send the same call again, unchanged, once they have approved it.",
		called(a), a.ID, len(a.Grants), a.Count, a.Expires.UTC().Format("2006-01-02 15:04 UTC"))
	if a.Why != "" {
		text += " Why: " + gate.Visible(a.Why)
	}
	if len(a.Roles) > 0 {
		text += fmt.Sprintf(" Who can approve: people with the role %s, and not the caller, by: doorward approve grant %s", strings.Join(a.Roles, " or "), a.ID)
	}
	return text
}

// called is the call that an approval is for, for people.
func called(a *gate.Approval) string {
	return fmt.Sprintf("This call (%s %s/%s)", a.Method, gate.Visible(a.Upstream), gate.Visible(a.Name))
}

// unasked says why a call is not made that its caller alone could confirm, with a
// client that cannot ask it, and what can be done. How to turn a rule off is no
// part of it: a model reads it that may be able to write files.
func unasked(ex *gate.Exchange, a *gate.Approval) string {
	text := called(a) + " is not made: it needs the confirmation of the person who makes it, and the client has not declared elicitation, by which it could be asked."
	rule, also := "the rule", ""
	if ex.Flow.Terms != nil {
		rule, _, _ = strings.Cut(ex.Flow.Rule, ":")
		also = fmt.Sprintf(", or correct the labels of the tool in upstreams.%s.labels", a.Upstream)
		text += fmt.Sprintf(" Why: %s The rule is %s.", gate.Visible(a.Why), ex.Flow.Rule)
	}
	return text + fmt.Sprintf(" Nobody else can approve it as it stands. Use a client with elicitation; or let this gateway's operator name people in the approvers of %s, who agree with doorward approve grant%s.",
		rule, also)
}

// form is an elicitation without fields: the answer is its action.
func form(text string) []byte {
	b, err := jsontext.AppendQuote([]byte(`{"message":`), text)
	if err != nil {
		return nil // not reached: the text is UTF-8, made by Visible; a nil question is asked of nobody
	}
	return append(b, `,"requestedSchema":{"type":"object","properties":{}}}`...)
}
