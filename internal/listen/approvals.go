package listen

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// Approvals are the calls that wait for people, for whoever may decide about them.
// The app implements it. What a person may not decide about is refused with
// CodeApprovalUnknown, and reads like what is not there (WEB-10).
type Approvals interface {
	// Identify makes the exchange's principal as it does for every message, or refuses.
	Identify(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error)
	// List is what waits and the principal may decide about.
	List(ctx context.Context, ex *gate.Exchange) ([]gate.Approval, error)
	// Show is one approval, whole, however it stands.
	Show(ctx context.Context, ex *gate.Exchange, id string) (gate.Approval, error)
	// Decide carries the principal's decision out, and puts it on record first.
	Decide(ctx context.Context, ex *gate.Exchange, id string, grant bool) (gate.Approval, error)
}

const (
	maxDecision   = 4 << 10 // bytes of a decision's body
	maxApprovalID = 64      // bytes; store's have 30
)

const (
	noPages      = "a page must not decide about calls: send this request from a program, without Origin and Sec-Fetch-Site"
	wantDecision = `send {"decision":"grant"} or {"decision":"deny"}, and nothing else`
)

// approvalPath tells whether the request goes to what waits for people, and the id
// of the one that it names. Where nothing can wait, nothing is there.
func (v *visit) approvalPath() (id string, found bool) {
	if v.server.cfg.Approvals == nil || !v.settings.Approvals {
		return "", false
	}
	rest, found := strings.CutPrefix(v.r.URL.EscapedPath(), string(pathApprovals))
	if !found || rest == "" {
		return "", found
	}
	id, found = strings.CutPrefix(rest, "/")
	return id, found && id != "" && len(id) <= maxApprovalID && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	})
}

// fromPage tells whether a browser's page asks for what only people with a program
// of their own may: no page decides, whatever its origin, and none reads what
// waits, also where the browser has the certificate that decides (WEB-04). GET has
// no Origin everywhere; browsers say Sec-Fetch-Site with every request.
func (v *visit) fromPage() bool {
	if len(v.r.Header["Origin"]) == 0 && len(v.r.Header["Sec-Fetch-Site"]) == 0 {
		return false
	}
	_, found := v.approvalPath()
	return found
}

// approvals serves what waits for people.
func (v *visit) approvals() {
	op := ""
	if v.r.Method == http.MethodGet {
		op = gate.OpApprovals
	}
	ex := v.exchange(op)
	// Whoever has decided and is gone has decided all the same.
	ctx := context.WithoutCancel(v.r.Context())
	body, err := v.answerApprovals(ctx, &ex)
	if err != nil {
		v.deny(ctx, &ex, err)
		return
	}
	_ = v.out.json(http.StatusOK, body) // a client that is gone has no use for the error
}

// answerApprovals is the answer. Who asks is known before anything else is read.
func (v *visit) answerApprovals(ctx context.Context, ex *gate.Exchange) ([]byte, error) {
	all := v.server.cfg.Approvals
	if err := v.decider(ctx, ex); err != nil {
		return nil, err
	}
	switch {
	case v.at == pathApprovals:
		list, err := all.List(ctx, ex)
		if err != nil {
			return nil, err
		}
		out := waitingApprovals{Approvals: make([]shownApproval, 0, len(list))}
		for i := range list {
			out.Approvals = append(out.Approvals, approvalShown(&list[i]))
		}
		return json.Marshal(out)
	case v.r.Method == http.MethodGet:
		return v.showApproval(ctx, ex)
	}
	grant, err := v.decision(ex)
	if err != nil {
		return nil, err
	}
	now, err := all.Decide(ctx, ex, v.approval, grant)
	if err != nil {
		return nil, err
	}
	return json.Marshal(approvalShown(&now))
}

// decider identifies who asks. Whom the configuration lets in without a proof is
// nobody here.
func (v *visit) decider(ctx context.Context, ex *gate.Exchange) error {
	verdict, err := v.server.cfg.Approvals.Identify(ctx, ex)
	switch {
	case err != nil:
		return err
	case verdict.Effect != gate.Continue:
		return &refusedError{verdict}
	case ex.Principal == nil, ex.Principal.Realm == gate.RealmAnonymous, ex.Principal.Realm == gate.RealmLocal:
		ex.Principal = nil
		return &refusedError{gate.Refuse(gate.CodeUnauthenticated, "nobody with a credential", "")}
	}
	return nil
}

// showApproval is one approval with its arguments: as they are, and as a person can
// read them. Who has seen them is on record.
func (v *visit) showApproval(ctx context.Context, ex *gate.Exchange) ([]byte, error) {
	a, err := v.server.cfg.Approvals.Show(ctx, ex, v.approval)
	if err != nil {
		return nil, err
	}
	if err := v.server.cfg.Record(ctx, gate.Event{
		Kind: "approval.show", Principal: ex.Principal, Upstream: a.Upstream, Exchange: ex.ID, Detail: a.ID, Status: "ok",
	}); err != nil {
		return nil, &gate.Error{Code: gate.CodeAudit, Op: "showing an approval", Err: err}
	}
	out := approvalShown(&a)
	text := string(a.Arguments)
	out.Arguments, out.Shown = &text, new(gate.Visible(text))
	return json.Marshal(out)
}

// decision reads what was decided: exactly one of two words, in the body that was
// signed where one was.
func (v *visit) decision(ex *gate.Exchange) (grant bool, err error) {
	raw, err := v.read(maxDecision)
	if err != nil {
		return false, err
	}
	if ex.Digest != nil && sha256.Sum256(raw) != *ex.Digest {
		return false, &refusedError{gate.Refuse(gate.CodeBadCredential, "the body is not the one that was signed", "")}
	}
	var d struct {
		Decision string `json:"decision"`
	}
	if err := json.Unmarshal(raw, &d, json.RejectUnknownMembers(true)); err != nil {
		return false, &refusedError{gate.Refuse(gate.CodeBadMessage, "the body is no decision", wantDecision)}
	}
	switch d.Decision {
	case "grant":
		return true, nil
	case "deny":
		return false, nil
	}
	return false, &refusedError{gate.Refuse(gate.CodeBadMessage, "the body decides nothing", wantDecision)}
}

// refusedError carries a verdict as an error.
type refusedError struct{ verdict gate.Verdict }

// Error is the operator's text.
func (e *refusedError) Error() string { return string(e.verdict.Code) + ": " + e.verdict.Reason }

// deny answers and puts on record what is not done.
func (v *visit) deny(ctx context.Context, ex *gate.Exchange, err error) {
	verdict := gate.Refuse(gate.CodeOf(err), err.Error(), "")
	if refused, ok := errors.AsType[*refusedError](err); ok {
		verdict = refused.verdict
	} else if failed, ok := errors.AsType[*gate.Error](err); ok {
		verdict.Public = failed.Public
	}
	actor := v.remote.String()
	if ex.Attempt.Subject != "" {
		actor = ex.Attempt.Subject
	}
	if err := v.server.cfg.Record(ctx, gate.Event{
		Kind: "approval.request", Actor: actor, Exchange: ex.ID, Status: "refused",
		Detail: fmt.Sprintf("%s %s%s from %s: %s: %s", v.r.Method, v.at, v.approval, v.remote, verdict.Code, verdict.Reason),
	}); err != nil { // nothing is carried out, and the log has said why
		v.server.cfg.Log.Error("approval refused without a record", "exchange", ex.ID, "error", err)
	}
	v.server.cfg.Log.Debug("approval refused", "exchange", ex.ID, "code", verdict.Code)
	r := render(ex, gate.Outcome{Verdict: verdict}, v.settings)
	r.hint(v.out.w.Header())
	_ = v.out.json(r.status, r.body) // a client that is gone has no use for the error
}

// waitingApprovals is the answer to GET /approvals.
type waitingApprovals struct {
	Approvals []shownApproval `json:"approvals"`
}

// shownApproval is an approval as it is answered. The arguments are there when one
// was asked for.
type shownApproval struct {
	ID        string    `json:"id"`
	State     string    `json:"state"` // waiting, granted, denied, expired, used
	Who       person    `json:"who"`
	Upstream  string    `json:"upstream"`
	Name      string    `json:"name"`
	Method    string    `json:"method"`
	Rule      string    `json:"rule"`
	Why       string    `json:"why,omitempty"` // which calls led to it, of a call that a flow holds
	Pin       string    `json:"pin"`           // of the definition, as in doorward.lock
	Exchange  string    `json:"exchange"`
	Needed    int       `json:"needed"`
	Approved  int       `json:"approved"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Grants    []person  `json:"grants,omitzero"`
	Denial    *person   `json:"denial,omitzero"`
	Arguments *string   `json:"arguments,omitzero"` // exactly the bytes that would be sent
	Shown     *string   `json:"shown,omitempty"`    // the same, with hidden characters made visible
}

// person is somebody in an approval.
type person struct {
	Subject string    `json:"subject"`
	Realm   string    `json:"realm"`
	At      time.Time `json:"at,omitzero"`
}

func approvalShown(a *gate.Approval) shownApproval {
	out := shownApproval{
		ID: a.ID, State: a.State(time.Now()).String(), Who: person{Subject: a.Subject, Realm: a.Realm},
		Upstream: a.Upstream, Name: a.Name, Method: a.Method, Rule: a.Rule, Why: a.Why, Pin: a.Pin.String(), Exchange: a.Exchange,
		Needed: a.Count, Approved: len(a.Grants), Created: a.Created, Expires: a.Expires,
	}
	for _, g := range a.Grants {
		out.Grants = append(out.Grants, person{g.Subject, g.Realm, g.At})
	}
	if d := a.Denial; d != nil {
		out.Denial = &person{d.Subject, d.Realm, d.At}
	}
	return out
}
