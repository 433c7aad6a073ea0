// Package approve is the stage that waits for people. It comes last: a call that
// any other stage refuses is put before nobody. authorize has said on which terms
// (gate.Grant.Approval), or track (gate.Flow.Terms); the stage looks for an approval of exactly this call,
// uses it up, and otherwise answers that there is none yet.
//
// It never waits in memory, never takes an id for a proof, and never changes a
// request: the same call, sent again, finds its approval by what it is.
package approve

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Approvals keeps what waits for people's yes. The app hands over store's.
type Approvals interface {
	// Ask is the live approval of the same binding, or a as a new one.
	Ask(ctx context.Context, a gate.Approval) (gate.Approval, error)
	// Grant adds one person's yes, and Deny ends it by a no.
	Grant(ctx context.Context, id string, who gate.Consent) (gate.Approval, error)
	Deny(ctx context.Context, id string, who gate.Consent) (gate.Approval, error)
	// Use uses a granted approval up: of any number of callers one gets it.
	Use(ctx context.Context, binding [32]byte) (a gate.Approval, used bool, err error)
}

// Rounds seals what a stateless client brings back with the next try of a call.
// upstream.Pool implements it.
type Rounds interface {
	// SealHold is a requestState that stands for an approval, for this call alone.
	SealHold(ex *gate.Exchange, id string) (state string, err error)
	// OpenHold is the approval that the client's requestState stands for; false when
	// it stands for none.
	OpenHold(ex *gate.Exchange) (id string, ok bool)
	// Resumes tells whether the client answers what the upstream has asked during
	// this very call, with what that can be told apart from any other answer, and
	// when it was asked.
	Resumes(ex *gate.Exchange) (once string, made time.Time, ok bool)
}

// Once tells whether something is used for the first time.
type Once interface {
	Use(ctx context.Context, key string, made, until time.Time) (fresh bool, err error)
}

// Judge is asked about a call before people are.
type Judge interface {
	// Objects tells whether nobody should be asked, because the call must not be made.
	Objects(ctx context.Context, ex *gate.Exchange) (reason string, objects bool)
}

// Stage implements gate.Stage.
type Stage struct {
	approvals Approvals
	rounds    Rounds
	once      Once
	judge     Judge
}

// New makes the stage. One serves for many snapshots.
func New(a Approvals, r Rounds, o Once, j Judge) *Stage {
	return &Stage{approvals: a, rounds: r, once: o, judge: j}
}

// Name is "approve".
func (s *Stage) Name() string { return "approve" }

// Applies to whatever authorize judges: all of it can be held.
func (s *Stage) Applies(r gate.Route) bool { return r.Stages&gate.OnAuthorize != 0 }

// roundsTTL is how long after an upstream's question its answer is remembered as
// given: longer than a requestState lives (an hour).
const roundsTTL = 2 * time.Hour

// Judge lets a call pass that nobody need approve, or that an approval is there
// for, which it uses up.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if ex.Grant.Approval == nil && ex.Flow.Terms == nil {
		return gate.Pass(), nil
	}
	if ex.Principal == nil || ex.Call.Message == nil || ex.Target.Item == nil {
		return gate.Verdict{}, errors.New("approving: the call has no principal, message or definition")
	}
	ex.Bare = true
	if name := unknown(ex.Call.Message); name != "" {
		return gate.Refuse(gate.CodeArgumentsRefused, "params hold a member that nobody would be shown: "+name,
			"This call needs approval, and its params hold a member that MCP does not know: leave it out."), nil
	}
	if once, made, ok := s.rounds.Resumes(ex); ok {
		return s.resume(ctx, once, made)
	}
	terms, rule, ok := terms(ex)
	if !ok {
		return gate.Refuse(gate.CodeApproval, "no role may approve for both "+rule,
			"This call needs the approval of people whom two rules of this gateway name, and they have nobody in common."), nil
	}
	a := approvalOf(ex, terms, rule)
	used, done, err := s.approvals.Use(ctx, a.Binding)
	switch {
	case err != nil:
		return gate.Verdict{}, unavailable(err)
	case done:
		ex.Approved = used.ID
		return gate.Pass(), nil
	}
	if reason, objects := s.judge.Objects(ctx, ex); objects {
		return gate.Refuse(gate.CodeJudge, "the judge objects: "+reason, ""), nil
	}
	if a.Self {
		return s.confirm(ctx, ex, &a)
	}
	return s.wait(ctx, ex, &a)
}

// unknown is a member of the params that no revision gives a meaning to; empty for
// none. An upstream may have one for it, and people are not shown it.
func unknown(m *gate.Message) string {
	for _, f := range m.Fields {
		switch f.Name {
		case "name", "uri", "arguments", "_meta", "task", "requestState", "inputResponses":
		default:
			return f.Name
		}
	}
	return ""
}

// resume lets the next round of a call pass that was approved when it began. Each
// answer counts once, so that one approval stays one run. A memory that has begun
// since the question was asked cannot tell, and takes no answer.
func (s *Stage) resume(ctx context.Context, once string, made time.Time) (gate.Verdict, error) {
	fresh, err := s.once.Use(ctx, "round:"+once, made, made.Add(roundsTTL))
	switch {
	case err != nil:
		return gate.Verdict{}, unavailable(err)
	case !fresh:
		return gate.Refuse(gate.CodeApprovalDenied, "the answer to the upstream's question was used before",
			"This requestState was used: make the call again without it."), nil
	}
	return gate.Pass(), nil
}

// wait puts the call before people and says so.
func (s *Stage) wait(ctx context.Context, ex *gate.Exchange, a *gate.Approval) (gate.Verdict, error) {
	asked, err := s.approvals.Ask(ctx, *a)
	if err != nil {
		return gate.Verdict{}, unavailable(err)
	}
	switch asked.State(time.Now()) {
	case gate.ApprovalWaiting:
		return s.hold(ex, &asked)
	case gate.ApprovalGranted: // meanwhile
		used, done, err := s.approvals.Use(ctx, a.Binding)
		if err != nil {
			return gate.Verdict{}, unavailable(err)
		}
		if done {
			ex.Approved = used.ID
			return gate.Pass(), nil
		}
		return gate.Refuse(gate.CodeApprovalDenied, "another call used the approval up", "The approval was used by another call: send this one again to ask anew."), nil
	case gate.ApprovalDenied:
		v := gate.Refuse(gate.CodeApprovalDenied, "approval "+asked.ID+" was denied", "This call was not approved.")
		v.Approval = &asked
		return v, nil
	case gate.ApprovalExpired, gate.ApprovalUsed:
	}
	v := gate.Refuse(gate.CodeApprovalDenied, "approval "+asked.ID+" has ended", "The approval has ended: send the call again to ask anew.")
	v.Approval = &asked
	return v, nil
}

// hold is the answer that the call waits. To a stateless client it is one that
// asks for the call again (SEP-2322), with a state that stands for the approval.
func (s *Stage) hold(ex *gate.Exchange, a *gate.Approval) (gate.Verdict, error) {
	v := gate.Verdict{
		Effect: gate.Hold, Code: gate.CodeApproval, Approval: a,
		Reason: fmt.Sprintf("waits for approval %s: %d of %d", a.ID, len(a.Grants), a.Count),
		Public: waiting(a),
	}
	if ex.Call.Era != gate.Stateless {
		return v, nil
	}
	state, err := s.rounds.SealHold(ex, a.ID)
	if err != nil {
		return gate.Verdict{}, fmt.Errorf("sealing the state of a held call: %w", err)
	}
	v.State, v.Question = state, lookAgain(a)
	if a.Self {
		v.Question = question(a)
	}
	return v, nil
}

// unavailable is a store that does not answer, unless it says what is wrong.
func unavailable(err error) error {
	if _, ok := errors.AsType[*gate.Error](err); ok {
		return err
	}
	return &gate.Error{Code: gate.CodeApprovalDown, Op: "looking for an approval", Err: err}
}

// approvalOf is the approval that would let the exchange pass. It is bound to who
// calls (realm, tenant and subject), the upstream, the approved definition, the
// policy that holds it and the arguments, byte for byte, with all else that the
// params ask for but _meta, which clients fill anew for each try (security case
// POL-56).
func approvalOf(ex *gate.Exchange, t *gate.Terms, rule string) gate.Approval {
	it, m := ex.Target.Item, ex.Call.Message
	name := it.Name
	if it.Kind == gate.Template {
		name = ex.Call.Name // what is read through it
	}
	at, _ := m.Field("arguments")
	a := gate.Approval{
		Requester: ex.Principal.Key(), Realm: ex.Principal.Realm, Subject: ex.Principal.Subject, Tenant: ex.Principal.Tenant,
		Exchange: ex.ID, Method: methodOf(m), Upstream: it.Upstream, Name: name, Pin: it.Digest,
		Policy: ex.Grant.Policy, Rule: rule, Why: ex.Flow.Why, Arguments: m.Bytes(at),
		Roles: t.Roles, Count: t.Count, Self: t.Self,
	}
	a.Created = time.Now()
	a.Expires = a.Created.Add(t.Expires)
	sum, rest := sha256.Sum256(a.Arguments), mcp.ParamsDigest(m) // whatever else the params ask for, such as a task
	h := sha256.New()
	flow := "" // the policy's version says what its rules ask, and nothing of a flow's
	if ex.Flow.Terms != nil {
		flow = fmt.Sprintf("%q %d %v", t.Roles, t.Count, t.Self)
	}
	for _, part := range [...]string{
		"doorward approval 1", a.Requester, a.Method, a.Upstream, it.Kind.String(), a.Name, string(a.Pin[:]), a.Policy, a.Rule, string(sum[:]), string(rest[:]), flow,
	} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	h.Sum(a.Binding[:0])
	return a
}

// methodOf is what is called, as people see it.
func methodOf(m *gate.Message) string {
	if at, ok := m.Field("task"); ok {
		return m.Method + " as a task " + string(m.Bytes(at))
	}
	return m.Method
}

// elicits tells whether the client can be asked a question of Doorward's own.
func elicits(ex *gate.Exchange, params []byte) bool {
	return mcp.MayAsk(mcp.CapabilitiesOf(ex), mcp.MethodElicit, params)
}
