// Package learning makes the smallest roles that would have allowed recorded
// calls. The command line calls it, and a person reads what it made.
//
// What it makes is never wider than the policy that the calls were allowed by: a
// learned rule comes of one present rule, keeps that rule's condition, approvers
// and narrowing, and names less. Denies are kept as they are.
package learning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/recorded"
)

// Options says how to learn.
type Options struct {
	Present policy.Source // the policy that the calls are judged under; its types of arguments too
	Pins    []Pin         // what is approved, for globs; empty: not known, and no glob is made
	// BySubject makes a role for each principal; otherwise each present role is made
	// anew.
	BySubject bool
	// Observe learns as well from calls that rules in mode observe would have refused.
	Observe bool
}

// Pin is an approved definition.
type Pin struct {
	Kind           gate.ItemKind
	Upstream, Name string
}

// Result is what was learned.
type Result struct {
	Roles  map[string]policy.Role
	Report Report
	notes  map[string]note // by role
}

// note is what the YAML says about a role beside its rules.
type note struct {
	about []string
	rules []remark // of its allow rules
}

// Learn learns from calls. An error is that of ctx, or says that the present policy
// is unsound.
func Learn(ctx context.Context, calls []recorded.Call, o Options) (*Result, error) {
	present, faults := policy.Compile(o.Present)
	if len(faults) > 0 {
		return nil, fmt.Errorf("the present policy: %s: %s", faults[0].Path, faults[0].Text)
	}
	l := learner{options: o, present: present, roles: map[string]*role{}, usage: newUsage(o), enumerations: map[enumerations]map[string][]string{}}
	l.report.Calls = len(calls)
	for i := range calls {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("learning: %w", err)
		}
		l.take(&calls[i])
	}
	l.name()
	res, err := l.settle(ctx)
	if err != nil {
		return nil, err
	}
	l.usage.report(&res.Report)
	return res, nil
}

// learner is one run.
type learner struct {
	options Options
	present *policy.Policy
	roles   map[string]*role // by name, or by principal
	usage   *usage
	offers  offers
	report  Report

	enumerations map[enumerations]map[string][]string // found so far
}

// role is a role in the making.
type role struct {
	name    string
	members policy.Role // without its rules
	about   []string
	denies  map[string]bool // names of the present roles whose denies it keeps
	grants  map[origin]*grant
}

// origin is the present allow rule that let a call pass.
type origin struct {
	role  string
	index int
}

// grant is what was used of one present rule.
type grant struct {
	rule  *policy.Rule
	items map[item]*use
}

type item struct {
	kind           gate.ItemKind
	upstream, name string
}

// use is what was seen of one tool, prompt or resource under one rule.
type use struct {
	item
	calls []*recorded.Call
	who   []*gate.Principal // of each call, with its present roles
	loose bool              // what was learned of its arguments did not hold: the present rule's where is kept
}

// take sorts one call.
func (l *learner) take(c *recorded.Call) {
	l.report.span(c.Time)
	switch {
	case !c.Passed():
		l.report.Refused++
		return
	case !c.Judged():
		l.report.Unjudged++
		return
	case !c.Kept:
		l.report.unkept(c.Path())
		return
	}
	who := c.Under(l.present, l.present)
	q := c.Question(who)
	q.Trace = &policy.Trace{}
	d := l.present.Judge(q)
	l.usage.note(q.Trace, c.Path())
	from, ok := origins(d)
	switch {
	case !d.Allowed || !ok:
		l.report.NowRefused++
	case len(d.Observed) > 0 && !l.options.Observe:
		l.report.Observed++
	default:
		l.use(c, who, from)
	}
}

// origins reads the rule of a decision: "roles.reader.allow[0].tools[1]: files/*".
func origins(d policy.Decision) (origin, bool) {
	rest, ok := strings.CutPrefix(d.Rule, "roles."+d.Role+".allow[")
	digits, _, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(digits)
	return origin{d.Role, n}, ok && closed && err == nil
}

func (l *learner) use(c *recorded.Call, who *gate.Principal, from origin) {
	r := l.role(who, from.role)
	g := r.grants[from]
	if g == nil {
		g = &grant{rule: &l.options.Present.Roles[from.role].Allow[from.index], items: map[item]*use{}}
		r.grants[from] = g
	}
	it := item{c.Item(), c.Upstream, c.Name}
	u := g.items[it]
	if u == nil {
		u = &use{item: it}
		g.items[it] = u
	}
	u.calls, u.who = append(u.calls, c), append(u.who, who)
	l.offers.take(c, l.options.Present.Arguments[c.Upstream])
}

// role is the role that a call goes into.
func (l *learner) role(who *gate.Principal, name string) *role {
	key := name
	if l.options.BySubject {
		key = who.Realm + "\x00" + who.Subject
	}
	r := l.roles[key]
	if r == nil {
		r = &role{name: name, denies: map[string]bool{name: true}, grants: map[origin]*grant{}}
		src := l.options.Present.Roles[name]
		r.members = policy.Role{Scopes: src.Scopes, Groups: src.Groups, Subjects: src.Subjects, Issuers: src.Issuers}
		if l.options.BySubject {
			r.members, r.about = membership(who)
			r.name = "learned-" + slug(who.Subject)
		}
		l.roles[key] = r
	}
	if l.options.BySubject {
		for _, has := range who.Roles {
			r.denies[has] = true
		}
	}
	return r
}

// membership makes a role one of a single principal. No policy gives roles to keys,
// to the anonymous and to the local user.
func membership(who *gate.Principal) (policy.Role, []string) {
	switch who.Method {
	case gate.MethodJWT, gate.MethodIntrospection, gate.MethodMTLS:
		return policy.Role{Subjects: []string{literal(who.Subject)}, Issuers: []string{who.Realm}}, nil
	case gate.MethodAnonymous, gate.MethodLocal:
		return policy.Role{}, []string{"of the " + who.Method + " principal: name this role where the configuration gives it roles"}
	}
	return policy.Role{}, []string{"of the key " + gate.Visible(who.Subject) + ": make a key with this role, doorward key create --role"}
}

// slug is a subject as part of a role's name.
func slug(subject string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(subject) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxSlug {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "principal"
}

// maxSlug keeps the names of roles short: config takes 64 bytes.
const maxSlug = 40

// name makes the names of roles unique, in an order that does not change.
func (l *learner) name() {
	taken := map[string]bool{}
	if l.options.BySubject { // never one that the file has
		for name := range l.options.Present.Roles {
			taken[name] = true
		}
	}
	for _, key := range sortedKeys(l.roles) {
		r := l.roles[key]
		base := r.name
		for n := 2; taken[r.name]; n++ {
			r.name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[r.name] = true
	}
}

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
	for name, r := range roles {
		src.Roles[name] = r
	}
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
