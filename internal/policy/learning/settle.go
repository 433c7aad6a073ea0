package learning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"doorward/internal/policy"
)

// errUnsound says that what was learned does not compile, which no input should
// bring about.
var errUnsound = errors.New("what was learned is no sound policy")

// maxRounds bounds how often a draft is made anew. Each round frees at least one
// tool of what did not hold, so it ends before.
const maxRounds = 1000

// settle makes roles until each of the calls they come from is allowed by them.
func (l *learner) settle(ctx context.Context) (*Result, error) {
	for range maxRounds {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("learning: %w", err)
		}
		l.report.Left, l.report.left = nil, nil
		for _, c := range l.unnamed {
			l.report.leave(c)
		}
		res := l.draft()
		p, faults := policy.Compile(l.around(res.Roles))
		if len(faults) > 0 {
			return nil, fmt.Errorf("%w: %s: %s", errUnsound, faults[0].Path, faults[0].Text)
		}
		if l.holds(p) {
			l.report.Offers = l.offers.list()
			res.Report = l.report.whole()
			return res, nil
		}
	}
	return nil, errUnsound
}

// around is the learned roles with empty ones for those that approvers name.
func (l *learner) around(roles map[string]policy.Role) policy.Source {
	src := policy.Source{Roles: map[string]policy.Role{}, Arguments: l.options.Present.Arguments}
	for name := range l.options.Present.Roles {
		src.Roles[name] = policy.Role{}
	}
	maps.Copy(src.Roles, roles)
	return src
}

// holds asks a draft about the calls that it was made of, and frees the tools that
// it refuses some of.
func (l *learner) holds(p *policy.Policy) bool {
	fine := true
	l.report.Used = 0
	for _, r := range l.roles {
		for _, g := range r.grants {
			for _, u := range g.items {
				fine = u.hold(p, r, l) && fine
			}
		}
	}
	return fine
}

func (u *use) hold(p *policy.Policy, r *role, l *learner) bool {
	for i, c := range u.calls {
		if l.report.isLeft(c) {
			continue
		}
		who := *u.who[i]
		if l.options.BySubject {
			who.Roles = []string{r.name}
		} else if !slices.Contains(who.Roles, r.name) {
			who.Roles = append(slices.Clone(who.Roles), r.name)
		}
		if p.Judge(c.Question(&who)).Allowed {
			l.report.Used++
			continue
		}
		if u.loose {
			l.report.leave(c)
			continue
		}
		u.loose = true
		return false
	}
	return true
}
