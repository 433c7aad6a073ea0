package policy

import (
	"fmt"
	"time"

	"doorward/internal/policy/condition"
)

// rule is a compiled Rule, but for its patterns.
type rule struct {
	mode  Mode
	where *where             // nil: the types alone
	when  *condition.Program // nil: always
	terms *Terms             // of mode approve
}

// maxExpiry bounds how long a held call may wait for people.
const maxExpiry = 30 * 24 * time.Hour

// maxApprovers bounds how many people a rule may ask.
const maxApprovers = 10

// certain tells whether the rule does to everything that it matches what it says.
func (r *rule) certain() bool { return r.when == nil && r.mode == Enforce }

// asks is how strict an allow is: -1 without people, 0 where the caller alone
// confirms, or how many others must agree.
func (r *rule) asks() int {
	switch {
	case r.terms == nil:
		return -1
	case r.terms.Self:
		return 0
	}
	return r.terms.Count
}

// rule compiles what a rule says beside its patterns.
func (c *compiler) rule(at string, r *Rule, h half) *rule {
	out := &rule{mode: r.Mode}
	if r.Where != nil {
		switch {
		case h.deny:
			c.fault(at+".where", "narrows what a rule opens, and a deny opens nothing: use not: in the where of the allow, or when: here")
		case len(r.Tools) == 0 && len(r.Prompts) == 0:
			c.fault(at+".where", "judges arguments, and resources have none: write the pattern more narrowly")
		default:
			out.where = c.where(at+".where", r.Where)
		}
	}
	if r.When != "" {
		p, err := condition.Compile(r.When)
		if err != nil {
			c.fault(at+".when", "%v", err)
		}
		out.when = p
	}
	c.terms(at, r, h, out)
	return out
}

func (c *compiler) terms(at string, r *Rule, h half, out *rule) {
	t := r.Terms
	if r.Mode != Approve {
		if len(t.Roles) > 0 || t.Count != 0 || t.Self || t.Expires != 0 {
			c.fault(at+".approvers", "are for mode: approve")
		}
		return
	}
	if h.deny {
		c.fault(at+".mode", "approve is for what a rule opens: a deny refuses")
		return
	}
	switch {
	case t.Self && (len(t.Roles) > 0 || t.Count > 1):
		c.fault(at+".approvers", "self is the caller's own confirmation: it has no roles and no count")
	case !t.Self && len(t.Roles) == 0:
		c.fault(at+".approvers.roles", "name whose holders may approve, or write self: true for the caller's own confirmation")
	case !t.Self && c.unknown(t.Roles) != "":
		c.fault(at+".approvers.roles", "there is no role %q", shorten(c.unknown(t.Roles)))
	case t.Count < 0 || t.Count > maxApprovers:
		c.fault(at+".approvers.count", "must be between 1 and %d", maxApprovers)
	case t.Expires < 0 || t.Expires > maxExpiry:
		c.fault(at+".approvers.expires", "must be at most %v", maxExpiry)
	}
	t.Count = max(t.Count, 1)
	if t.Expires == 0 {
		t.Expires = DefaultExpiry
	}
	out.terms, c.policy.approves = &t, true
}

// holds evaluates the rule's condition.
func (r *rule) holds(q *Question) (condition.Result, error) {
	if r.when == nil {
		return condition.True, nil
	}
	res, err := r.when.Eval(&condition.Input{
		Principal: q.Who, Upstream: q.Upstream, Kind: q.Kind.String(), Name: q.Name,
		Args: q.Args, ArgsKnown: q.Called, Labels: q.Labels, Now: q.Now, Request: q.Request,
	})
	if err != nil {
		return condition.Failed, fmt.Errorf("the condition %s failed: %w", r.when, err)
	}
	return res, nil
}

// unknown is the first of some roles that the source does not have; empty: none.
func (c *compiler) unknown(roles []string) string {
	for _, name := range roles {
		if _, ok := c.roles[name]; !ok {
			return name
		}
	}
	return ""
}
