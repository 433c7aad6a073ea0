package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// Ask implements approve.Approvals, and tells people of a call that is new.
func (s *shared) Ask(ctx context.Context, a gate.Approval) (gate.Approval, error) {
	m := s.now.Load()
	if m == nil {
		return gate.Approval{}, errNoMemory
	}
	asked, err := m.approvals.Ask(ctx, a)
	switch {
	case errors.Is(err, store.ErrApprovalLimit):
		return asked, &gate.Error{Code: gate.CodeApprovalLimit, Op: "asking for an approval", Err: err, Public: "Too many calls wait for approval already: wait until some are decided."}
	case errors.Is(err, store.ErrApprovalSize):
		return asked, &gate.Error{Code: gate.CodeApprovalLimit, Op: "asking for an approval", Err: err, Public: "The arguments are too large for a call that people must approve."}
	case err == nil && asked.Exchange == a.Exchange && s.waiting != nil:
		s.waiting(asked)
	}
	return asked, err
}

// Grant implements approve.Approvals.
func (s *shared) Grant(ctx context.Context, id string, who gate.Consent) (gate.Approval, error) {
	m := s.now.Load()
	if m == nil {
		return gate.Approval{}, errNoMemory
	}
	return m.approvals.Grant(ctx, id, who)
}

// Deny implements approve.Approvals.
func (s *shared) Deny(ctx context.Context, id string, who gate.Consent) (gate.Approval, error) {
	m := s.now.Load()
	if m == nil {
		return gate.Approval{}, errNoMemory
	}
	return m.approvals.Deny(ctx, id, who)
}

// UseApproval uses a granted approval up.
func (s *shared) UseApproval(ctx context.Context, binding [32]byte) (gate.Approval, bool, error) {
	m := s.now.Load()
	if m == nil {
		return gate.Approval{}, false, errNoMemory
	}
	return m.approvals.UseWhile(ctx, binding, s.stands)
}

// approvals lets the approve stage use what is shared: its Use is another than that
// of nonces.
type approvals struct{ *shared }

// Use implements approve.Approvals.
func (a approvals) Use(ctx context.Context, binding [32]byte) (gate.Approval, bool, error) {
	return a.UseApproval(ctx, binding)
}

// stands tells whether a yes still counts: not that of a key or subject that was
// revoked since, nor of a key that has lost its role. What cannot be told does not.
func (a *App) stands(held *gate.Approval, g gate.Consent) bool {
	if g.Realm != gate.RealmKeys {
		gone, err := a.shared.isRevoked(&gate.Principal{Realm: g.Realm, Subject: g.Subject})
		return err == nil && !gone || held.Self
	}
	keys, err := a.keys.List()
	return err == nil && slices.ContainsFunc(keys, func(k store.Key) bool {
		live := k.Name == g.Subject && k.Revoked.IsZero() && (k.Expires.IsZero() || time.Now().Before(k.Expires))
		return live && (held.Self || slices.ContainsFunc(k.Roles, func(role string) bool { return slices.Contains(held.Roles, role) }))
	})
}

// opened is the approvals of the state.
func (a *App) opened(ctx context.Context) (*store.Approvals, error) {
	m, err := a.memory(ctx)
	if err != nil {
		return nil, err
	}
	return m.approvals, nil
}

// ListApprovals implements admin.Approvals.
func (a *App) ListApprovals(ctx context.Context) ([]admin.Approval, error) {
	s, err := a.opened(ctx)
	if err != nil {
		return nil, operated("listing approvals", err)
	}
	list, err := s.List(ctx)
	out := make([]admin.Approval, 0, len(list))
	for i := range list {
		out = append(out, shownApproval(&list[i]))
	}
	return out, operated("listing approvals", err)
}

// ShowApproval implements admin.Approvals.
func (a *App) ShowApproval(ctx context.Context, id string) (admin.Approval, error) {
	s, err := a.opened(ctx)
	if err != nil {
		return admin.Approval{}, operated("showing an approval", err)
	}
	one, err := s.Get(ctx, id)
	return shownApproval(&one), operated("showing an approval", toldOf(id, err))
}

// toldOf is an error about an approval as its operator reads it.
func toldOf(id string, err error) error {
	if errors.Is(err, store.ErrNoApproval) {
		return fmt.Errorf("there is no approval %q; doorward approve list --all shows those that there are", id)
	}
	return err
}

// DecideApproval implements admin.Approvals. Who decides is whom the credential
// proves, never whoever asks the gateway to take it (actor).
func (a *App) DecideApproval(ctx context.Context, actor string, d admin.ApprovalDecision) (admin.Approval, error) {
	if _, err := a.opened(ctx); err != nil {
		return admin.Approval{}, operated("deciding about an approval", err)
	}
	ex := &gate.Exchange{Start: time.Now(), Inbound: gate.Inbound{
		Transport: "admin", Method: http.MethodPost, Header: http.Header{"Authorization": {"Bearer " + d.Credential}},
	}}
	v, err := a.current.Load().who.Judge(ctx, ex)
	if err == nil && v.Effect != gate.Continue {
		err = fmt.Errorf("the key or token is not accepted (%s)", v.Code)
	}
	if err != nil {
		e := gate.Event{Kind: "approval.decide", Actor: actor, Detail: d.ID + " by nobody known: " + err.Error(), Status: "refused"}
		return admin.Approval{}, operated("deciding about an approval", errors.Join(err, a.trail.Event(ctx, e)))
	}
	return a.decideApproval(ctx, ex.Principal, d.ID, d.Grant)
}

// decideApproval is decideCall for an operator, who may read what is wrong.
func (a *App) decideApproval(ctx context.Context, who *gate.Principal, id string, grant bool) (admin.Approval, error) {
	now, err := a.decideCall(ctx, who, id, grant)
	return shownApproval(&now), operated("deciding about an approval", toldOf(id, err))
}

// errNotTheirs is that of somebody whom an approval is not put before.
var errNotTheirs = errors.New("it takes another person than its caller, with one of the roles of its rule")

// decideCall carries one person's decision out: a holder of one of the roles that the
// rule names, as the policy of now gives them, and never the caller. What comes to
// nothing is on record too.
func (a *App) decideCall(ctx context.Context, who *gate.Principal, id string, grant bool) (gate.Approval, error) {
	s, err := a.opened(ctx)
	if err != nil {
		return gate.Approval{}, err
	}
	verb, do := "deny", s.Deny
	if grant {
		verb, do = "grant", s.Grant
	}
	e := gate.Event{Kind: "approval." + verb, Principal: who, Detail: id, Status: "refused"}
	was, err := s.Get(ctx, id)
	if err != nil {
		e.Detail += ": " + err.Error()
		return gate.Approval{}, errors.Join(err, a.trail.Event(ctx, e))
	}
	e.Upstream, e.Exchange, e.Detail = was.Upstream, was.Exchange, was.ID+" "+was.Name
	if !a.mayDecide(who, &was) {
		err := fmt.Errorf("%s may not decide about this call: %w, %v", who.Subject, errNotTheirs, was.Roles)
		return gate.Approval{}, errors.Join(err, a.trail.Event(ctx, e))
	}
	var now gate.Approval
	err = a.act(ctx, []gate.Event{e}, func() (err error) {
		now, err = do(ctx, id, gate.Consent{Approver: who.Key(), Realm: who.Realm, Subject: who.Subject, At: time.Now()})
		return err
	})
	if err == nil {
		a.decided(&now, who)
	}
	return now, err
}

// mayDecide tells whether somebody is one of those whom an approval is put before.
// A role that the configuration has no more gives nothing, whoever's key still
// names it; and whom the configuration lets in without a proof is nobody.
func (a *App) mayDecide(who *gate.Principal, held *gate.Approval) bool {
	if held.Self || who.HasKey(held.Requester) || who.Tenant != held.Tenant || who.Realm == gate.RealmAnonymous || who.Realm == gate.RealmLocal {
		return false
	}
	roles := a.current.Load().cfg.Roles
	return slices.ContainsFunc(who.Roles, func(role string) bool {
		_, known := roles[role]
		return known && slices.Contains(held.Roles, role)
	})
}

func shownApproval(a *gate.Approval) admin.Approval {
	if a.ID == "" {
		return admin.Approval{}
	}
	out := admin.Approval{
		ID: a.ID, State: a.State(time.Now()).String(), Subject: a.Subject, Realm: a.Realm, Tenant: a.Tenant,
		Exchange: a.Exchange, Method: a.Method, Upstream: a.Upstream, Name: a.Name, Pin: a.Pin.String(),
		Policy: a.Policy, Rule: a.Rule, Why: a.Why, Arguments: string(a.Arguments), Roles: a.Roles, Needed: a.Count, Self: a.Self,
		Created: a.Created, Expires: a.Expires, Used: a.Used,
	}
	for _, g := range a.Grants {
		out.Grants = append(out.Grants, admin.Consent{Realm: g.Realm, Subject: g.Subject, At: g.At})
	}
	if d := a.Denial; d != nil {
		out.Denial = &admin.Consent{Realm: d.Realm, Subject: d.Subject, At: d.At}
	}
	return out
}
