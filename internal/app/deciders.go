package app

import (
	"context"
	"errors"
	"slices"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/store"
)

// deciders are the people who decide about calls over HTTP: identified by the stage
// that identifies every client, with the roles that the policy of now gives them.
type deciders struct{ *App }

var _ listen.Approvals = deciders{}

// Identify implements listen.Approvals.
func (d deciders) Identify(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	return d.current.Load().who.Judge(ctx, ex)
}

// List implements listen.Approvals. Of whoever approves nothing, nothing is looked
// up: a list opens every call that waits.
func (d deciders) List(ctx context.Context, ex *gate.Exchange) ([]gate.Approval, error) {
	if !d.approves(ex.Principal) {
		return nil, nil
	}
	s, err := d.opened(ctx)
	if err != nil {
		return nil, forPeople("listing approvals", err)
	}
	all, err := s.List(ctx)
	if err != nil {
		return nil, forPeople("listing approvals", err)
	}
	return slices.DeleteFunc(all, func(held gate.Approval) bool {
		return held.State(ex.Start) != gate.ApprovalWaiting || !d.mayDecide(ex.Principal, &held)
	}), nil
}

// Show implements listen.Approvals.
func (d deciders) Show(ctx context.Context, ex *gate.Exchange, id string) (gate.Approval, error) {
	s, err := d.opened(ctx)
	if err != nil {
		return gate.Approval{}, forPeople("showing an approval", err)
	}
	held, err := s.Get(ctx, id)
	if err == nil && !d.mayDecide(ex.Principal, &held) {
		err = errNotTheirs
	}
	if err != nil {
		return gate.Approval{}, forPeople("showing an approval", err)
	}
	return held, nil
}

// Decide implements listen.Approvals.
func (d deciders) Decide(ctx context.Context, ex *gate.Exchange, id string, grant bool) (gate.Approval, error) {
	now, err := d.decideCall(ctx, ex.Principal, id, grant)
	return now, forPeople("deciding about an approval", err)
}

// approves tells whether a rule of now puts calls before one of somebody's roles.
func (d deciders) approves(who *gate.Principal) bool {
	puts := func(r config.Rule) bool {
		return r.Approvers != nil && slices.ContainsFunc(who.Roles, func(role string) bool { return slices.Contains(r.Approvers.Roles, role) })
	}
	for _, role := range d.current.Load().cfg.Roles {
		if slices.ContainsFunc(role.Allow, puts) || slices.ContainsFunc(role.Deny, puts) {
			return true
		}
	}
	return putBefore(d.current.Load().cfg, who.Roles)
}

// forPeople is an error as it is answered over HTTP. What is not there and what is
// not theirs read alike.
func forPeople(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, is := range []struct {
		err  error
		code gate.Code
	}{
		{store.ErrNoApproval, gate.CodeApprovalUnknown},
		{errNotTheirs, gate.CodeApprovalUnknown},
		{store.ErrOwnApproval, gate.CodeApprovalUnknown},
		{store.ErrNotOwn, gate.CodeApprovalUnknown},
		{store.ErrApprovalEnded, gate.CodeApprovalSettled},
		{store.ErrApprovalGiven, gate.CodeApprovalSettled},
		{store.ErrTwice, gate.CodeApprovalSettled},
		{store.ErrApprovals, gate.CodeApprovalDown},
		{errNoMemory, gate.CodeApprovalDown},
	} {
		if errors.Is(err, is.err) {
			e := &gate.Error{Code: is.code, Op: op, Err: err}
			if is.code == gate.CodeApprovalSettled {
				e.Public = is.err.Error()
			}
			return e
		}
	}
	return err
}
