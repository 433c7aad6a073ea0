// Package learning makes the smallest roles that would have allowed recorded
// calls. The command line calls it, and a person reads what it made.
//
// What it makes is never wider than the policy that the calls were allowed by: a
// learned rule comes of one present rule, keeps that rule's condition, approvers
// and narrowing, and names less. Denies are kept as they are.
package learning

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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
	types, faults := policy.Compile(typesAlone(o.Present))
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: %s: %s", errUnsound, faults[0].Path, faults[0].Text)
	}
	l := learner{types: types, options: o, present: present, roles: map[string]*role{}, usage: newUsage(o), enumerations: map[enumerations]map[string][]string{}}
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
	unnamed []*recorded.Call // that no pattern can name, or no rule allow
	types   *policy.Policy   // judges arguments by their types alone

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
	rule    *policy.Rule
	items   map[item]*use
	lenient bool // some of the calls passed because the rule is in mode observe
}

// kept is the present rule without what nobody kept to.
func (g *grant) kept() policy.Rule {
	r := *g.rule
	if g.lenient {
		r.Where, r.When = nil, ""
	}
	return r
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
	case !nameable(c), len(d.Observed) > 0 && !l.safe(c, who):
		l.unnamed = append(l.unnamed, c)
	default:
		l.use(c, who, from).spared(d)
	}
}

// nameable tells whether a pattern can name what was called: config takes none with
// control characters, and none that is long.
func nameable(c *recorded.Call) bool {
	return utf8.ValidString(c.Path()) && len(literal(c.Path())) <= maxPattern && !strings.ContainsFunc(c.Path(), unicode.IsControl)
}

// typesAlone is a policy with one role, that opens everything.
func typesAlone(present policy.Source) policy.Source {
	all := policy.Rule{Tools: []string{"*/**"}, Prompts: []string{"*/**"}, Resources: []string{"**"}}
	return policy.Source{Roles: map[string]policy.Role{typesRole: {Allow: []policy.Rule{all}}}, Arguments: present.Arguments}
}

const typesRole = "all"

// safe tells whether the arguments of a call keep to their types. Where they do not, no
// rule but one that observes lets the call pass: it must not stand in the way of what
// is learned from the others.
func (l *learner) safe(c *recorded.Call, who *gate.Principal) bool {
	by := *who
	by.Roles = []string{typesRole}
	return l.types.Judge(c.Question(&by)).Allowed
}

// maxPattern is the longest pattern that policy takes, in bytes.
const maxPattern = 1024

// origins reads the rule of a decision: "roles.reader.allow[0].tools[1]: files/*".
func origins(d policy.Decision) (origin, bool) {
	rest, ok := strings.CutPrefix(d.Rule, "roles."+d.Role+".allow[")
	digits, _, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(digits)
	return origin{d.Role, n}, ok && closed && err == nil
}

func (l *learner) use(c *recorded.Call, who *gate.Principal, from origin) *grant {
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
	return g
}

// spared notes that a call passed only because its rule is in mode observe: what
// the rule says about arguments and conditions is then nothing to keep to.
func (g *grant) spared(d policy.Decision) {
	g.lenient = g.lenient || slices.ContainsFunc(d.Observed, func(s string) bool { return strings.HasPrefix(s, d.Rule+" would have refused it") })
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
