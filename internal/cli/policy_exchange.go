package cli

import (
	"context"
	"errors"
	"fmt"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/policy"
)

// calls opens calls of the past.
type calls interface {
	Calls(ctx context.Context, actor string, q admin.CallQuery) (admin.CallList, error)
}

// explainRecorded asks the policy of now about a call that is on record, by the
// caller, the arguments and the time that it had.
func (r *run) explainRecorded(ctx context.Context, exchange string) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	var call admin.Call
	if err := r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) (err error) {
		call, err = callOf(ctx, op, actor, exchange)
		return err
	}); err != nil {
		return err
	}
	q, err := questionOf(&call)
	if err != nil {
		return failed(err)
	}
	made, faults := policy.Compile(cfg.PolicySource())
	if len(faults) > 0 {
		return failed(fmt.Errorf("%s: %s", faults[0].Path, faults[0].Text)) // load has reported them
	}
	r.say("exchange %s of %s: it was %s then, %s", gate.Visible(call.Exchange), day(call.Time), ended(&call), was(call.Policy, made.Version()))
	return r.putExplanation(explained(made, q))
}

// callOf is one call of the record.
func callOf(ctx context.Context, op calls, actor, exchange string) (admin.Call, error) {
	list, err := op.Calls(ctx, actor, admin.CallQuery{Exchange: exchange, Limit: 1})
	switch {
	case err != nil:
		return admin.Call{}, err
	case len(list.Calls) == 0:
		return admin.Call{}, fmt.Errorf("there is no call of the exchange %q on record, or it was refused before it was known what it calls; see doorward audit search --exchange %s", exchange, gate.Visible(exchange))
	}
	return list.Calls[0], nil
}

// questionOf is the question that a recorded call was, or why it can no longer be
// asked.
func questionOf(c *admin.Call) (*policy.Question, error) {
	kinds := map[string]gate.ItemKind{}
	for _, k := range [...]gate.ItemKind{gate.Tool, gate.Prompt, gate.Resource} {
		kinds[k.String()] = k
	}
	switch {
	case !c.Kept:
		return nil, errors.New("the arguments of the call are not on record (audit.arguments), or were sealed with a key that is gone: name it with --call and --args")
	case !c.Principal.Whole:
		return nil, errors.New("the record does not say which roles the caller had: name them with --role")
	case c.Upstream == "" || kinds[c.Kind] == gate.NoItem:
		return nil, errors.New("policy was not asked about the call: it was refused before its upstream was known, or concerns no tool, prompt or resource")
	}
	p := &c.Principal
	q := &policy.Question{
		Who: &gate.Principal{
			Method: p.Method, Realm: p.Realm, Subject: p.Subject, Tenant: p.Tenant, Credential: p.Credential, Client: p.Client,
			Groups: p.Groups, Scopes: p.Scopes, Roles: p.Roles,
		},
		Kind: kinds[c.Kind], Upstream: c.Upstream, Name: c.Name, Called: true, Args: c.Arguments, Now: c.Time, Trace: &policy.Trace{},
	}
	q.Request.Method, q.Request.Transport, q.Request.Era = c.Method, c.Transport, c.Era
	q.Request.Profile, q.Request.Address, q.Request.Agent = c.Profile, c.Address, c.Agent
	return q, nil
}

func ended(c *admin.Call) string {
	switch {
	case c.Code != "":
		return c.Status + " (" + c.Code + ")"
	case c.Status != "":
		return c.Status
	}
	return "not seen to end"
}

func was(then, now string) string {
	if then == now {
		return "and the policy is still the same"
	}
	return "and the policy has changed since"
}
