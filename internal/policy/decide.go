package policy

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"doorward/internal/gate"
	"doorward/internal/policy/condition"
)

// Decision is policy's answer about one thing. The zero value refuses.
type Decision struct {
	Allowed bool
	Role    string // the role whose rule decided; empty when none did
	Rule    string // that rule: "roles.reader.allow[0].tools[1]: files/read_*"
	Reason  string // one of the Reason constants, for the operator
	Detail  string // what the reason does not say, for the operator; may be empty
	// Public says what of the arguments stood in the way, and names no value of
	// theirs; empty when it was not the arguments.
	Public   string
	Judged   bool     // a rule looked into the arguments
	Observed []string // what rules in observe mode would have refused
	Terms    *Terms   // people must agree first; nil when nobody need. Not to be changed
}

// The reasons of a decision.
const (
	ReasonAllowed   = "allowed by rule"
	ReasonDenied    = "denied by rule"
	ReasonNoRule    = "no rule allows it"
	ReasonNoRole    = "the principal has no role"
	ReasonNoKind    = "policy has no rules for this kind of thing"
	ReasonNobody    = "nobody is acting"
	ReasonNoPolicy  = "there is no policy"
	ReasonNothing   = "nothing is named"
	ReasonTenant    = "the upstream is for other tenants"
	ReasonArguments = "no rule allows it with these arguments"
	ReasonCondition = "no rule allows it now: a condition does not hold"
)

// Question is what policy is asked about one call, or, where Called is false,
// about whether there could be one.
type Question struct {
	Who      *gate.Principal
	Kind     gate.ItemKind
	Upstream string
	Name     string // a tool's or a prompt's name, a resource's URI, a template's text
	Called   bool   // the arguments are known
	Partial  bool   // but not all of them yet: none is missing
	Args     []byte // of the call: a JSON object, nil for none
	Labels   []string
	Now      time.Time
	Request  condition.Request
	Trace    *Trace // filled unless nil
}

// Decide tells whether p could reach the thing of kind that upstream calls name,
// with some arguments: what guards a list. What is judged with the arguments is
// left open.
func (p *Policy) Decide(who *gate.Principal, kind gate.ItemKind, upstream, name string) Decision {
	return p.Judge(&Question{Who: who, Kind: kind, Upstream: upstream, Name: name, Now: time.Now()})
}

// Judge answers a question. Every deny of the principal's roles is asked before
// any allow; a deny whose condition fails denies, an allow whose condition fails
// allows nothing. Of several allows that match, one in mode approve wins, for it
// is there to be narrower than the others, and one whose condition fails, or whose
// where is in doubt, asks people for what the others allow; so does one that matches the name in a form
// that a deny would be asked about. A role that the policy does not know
// grants nothing, and kinds other than tools, prompts, resources and templates
// are refused.
//
// A template is judged as a resource with every {expression} replaced by one
// "x": it is shown when such a URI would be allowed. What is read through it is
// judged again, on the URI itself.
//
// A deny on tools or prompts is asked a second time with slashes in the name that
// "*" and "?" match: the name is the upstream's choice. A deny on resources is
// asked about the URI as written and about what an
// upstream may make of it: percent-encoding decoded, scheme and host in lower
// case, repeated slashes as one, without query and fragment.
func (p *Policy) Judge(q *Question) Decision {
	switch {
	case p == nil:
		return Decision{Reason: ReasonNoPolicy}
	case q.Who == nil:
		return Decision{Reason: ReasonNobody}
	case !p.Serves(q.Who, q.Upstream):
		return Decision{Reason: ReasonTenant}
	case len(q.Who.Roles) == 0:
		return Decision{Reason: ReasonNoRole}
	case q.Upstream == "" || q.Name == "":
		return Decision{Reason: ReasonNothing}
	case strings.ContainsFunc(q.Name, unicode.IsControl): // a star crosses no line
		return Decision{Reason: ReasonNoRule, Detail: "the name holds a control character"}
	}
	a := answer{policy: p, q: q, name: name{kind: q.Kind, upstream: q.Upstream, name: q.Name}}
	if !a.name.prepare() {
		return Decision{Reason: ReasonNoKind}
	}
	if !a.name.denied(&p.deny, a.deny) {
		return a.out
	}
	a.name.matched(&p.allow, a.allow)
	if p.approves && (a.found != nil || a.lenient != nil) {
		a.name.denied(&p.allow, a.suspect)
	}
	return a.decide()
}

// answer is a decision in the making.
type answer struct {
	policy *Policy
	q      *Question
	name   name
	out    Decision
	read   bool   // the arguments have been read
	args   leaves // once they have
	broken string // why they could not be read
	found  *hit   // the allow that decides
	// lenient is the first allow in mode observe that did not match, and spared what
	// it would have said.
	lenient *hit
	spared  string
	why     Decision // why no allow matched
	// doubt is the allow in mode approve whose condition failed, or that another form
	// of the name matches; of several the strictest.
	doubt  *hit
	looked bool // a condition that reads the arguments was asked
	judged int  // values that were judged, over all rules
}

// has tells whether the principal has a role.
func (a *answer) has(role string) bool {
	roles := a.q.Who.Roles
	if len(roles) < 8 {
		return slices.Contains(roles, role)
	}
	_, ok := slices.BinarySearch(roles, role) // identify sorts them
	return ok
}

// deny asks one deny that matches by name. It reports whether to go on.
func (a *answer) deny(h *hit) bool {
	if !a.has(h.role) {
		return true
	}
	res, err := a.holds(h)
	a.q.Trace.note(h, true, res, err, "")
	if res == condition.False || res == condition.Unknown {
		return true
	}
	if h.rule.mode == Observe {
		a.observe(h.text + " would have denied it")
		return true
	}
	d := Decision{Role: h.role, Rule: h.text, Reason: ReasonDenied, Observed: a.out.Observed}
	if err != nil {
		d.Detail = err.Error()
	}
	a.out = d
	return false
}

// holds evaluates the condition of a rule that matches by name.
func (a *answer) holds(h *hit) (condition.Result, error) {
	a.looked = a.looked || h.rule.when.ReadsArgs()
	return h.rule.holds(a.q)
}

// suspect asks one allow that matches one of the forms that denies are asked about:
// in mode approve it narrows as a deny does, and must be as hard to get past.
func (a *answer) suspect(h *hit) bool {
	if h.rule.mode != Approve || !a.has(h.role) {
		return true
	}
	res, _ := a.holds(h) // what fails asks people too
	if res != condition.False && (!a.q.Called || res == condition.Failed || a.judge(h.rule.where) == "" || a.unsure(h.rule.where)) {
		a.doubt = stricter(a.doubt, h)
	}
	return true
}

// maxObserved bounds what a decision tells of rules in observe mode.
const maxObserved = 8

func (a *answer) observe(text string) {
	if len(a.out.Observed) < maxObserved {
		a.out.Observed = append(a.out.Observed, text)
	}
}

// allow asks one allow that matches by name. It reports whether to go on.
func (a *answer) allow(h *hit) bool {
	if !a.has(h.role) {
		return true
	}
	res, err := a.holds(h)
	why := ""
	if res == condition.True && a.q.Called {
		why = a.judge(h.rule.where)
	}
	a.q.Trace.note(h, false, res, err, why)
	ok := why == "" && (res == condition.True || res == condition.Unknown)
	switch {
	case ok:
		a.take(h)
		// Only an allow that asks people could still change anything.
		return a.policy.approves || a.q.Trace != nil
	case h.rule.mode == Approve && (err != nil || why != "" && a.unsure(h.rule.where)):
		a.doubt = stricter(a.doubt, h)
	case h.rule.mode == Observe && a.lenient == nil:
		a.lenient, a.spared = h, h.text+" would have refused it: "+failure(err, why)
	}
	a.fail(h, err, why)
	return true
}

// failure is why an allow did not match.
func failure(err error, why string) string {
	switch {
	case err != nil:
		return err.Error()
	case why != "":
		return why
	}
	return "its condition does not hold"
}

// take keeps the allow that decides: the strictest, and of those alike the first.
func (a *answer) take(h *hit) { a.found = stricter(a.found, h) }

// stricter is the allow that asks most people; was, which may be nil, where both
// ask as many. The caller's own confirmation asks nobody else.
func stricter(was, h *hit) *hit {
	if was == nil || h.rule.asks() > was.rule.asks() {
		return h
	}
	return was
}

// fail keeps why an allow did not match, the arguments before the condition: that
// is what the caller can change.
func (a *answer) fail(h *hit, err error, why string) {
	if a.why.Public != "" || a.why.Reason != "" && why == "" {
		return
	}
	a.why = Decision{Role: h.role, Rule: h.text, Reason: ReasonCondition, Public: why}
	if why != "" {
		a.why.Reason, a.why.Judged = ReasonArguments, true
	}
	if err != nil {
		a.why.Detail = err.Error()
	}
}

func (a *answer) decide() Decision {
	if a.found == nil && a.lenient != nil {
		a.observe(a.spared)
		a.found = a.lenient
	}
	switch {
	case a.found != nil:
		d := Decision{Allowed: true, Role: a.found.role, Rule: a.found.text, Reason: ReasonAllowed, Observed: a.out.Observed, Terms: a.found.rule.terms}
		d.Judged = a.q.Called && (a.looked || a.policy.types[a.q.Upstream] != nil || a.found.rule.where != nil)
		if h := a.doubt; h != nil && stricter(a.found, h) == h {
			d.Role, d.Rule, d.Terms = h.role, h.text, h.rule.terms
			d.Detail = "it may be meant, so it asks people for what " + a.found.text + " allows"
		}
		return d
	case a.why.Reason != "":
		a.why.Observed = a.out.Observed
		return a.why
	}
	return Decision{Reason: ReasonNoRule, Observed: a.out.Observed}
}

// judge judges the arguments by a where, or by their types alone.
func (a *answer) judge(w *where) (why string) {
	if a.name.kind == gate.Resource {
		return ""
	}
	t := a.policy.types[a.q.Upstream]
	if w == nil && t == nil {
		return ""
	}
	every := w != nil && len(w.values) > 0
	if !a.read || every && !a.args.every {
		a.read, a.args = true, leaves{types: t, every: every}
		a.broken = ""
		if err := a.args.read(a.q.Args); err != nil {
			a.broken = "The arguments cannot be judged: " + err.Error() + "."
		}
	}
	if a.broken != "" {
		return a.broken
	}
	if a.judged += len(a.args.all); a.judged > maxWork {
		return "The arguments cannot be judged: " + errTooMuch.Error() + "."
	}
	return w.judge(&a.args, a.policy.safe, a.q.Partial)
}

// maxWork bounds the values that are judged for one decision, over all rules.
const maxWork = 10 * maxLeaves

// unsure tells whether arguments that a where has refused may be meant by it all the
// same: some value keeps to it, or one is of another kind than it speaks of, so that
// an upstream could read it as one that does.
func (a *answer) unsure(w *where) bool {
	if w == nil || a.broken != "" {
		return true
	}
	a.judged += len(a.args.all)
	return a.judged > maxWork || w.unsure(&a.args)
}

// name is one thing that is asked about, in the forms that rules match.
type name struct {
	kind           gate.ItemKind
	upstream, name string
	forms          forms // of a resource, for denies
}

func (n *name) prepare() bool {
	switch n.kind {
	case gate.Tool, gate.Prompt:
		return true
	case gate.Template:
		n.kind, n.name = gate.Resource, withoutExpressions(n.name)
		n.forms = formsOf(n.name)
		return true
	case gate.Resource:
		n.forms = formsOf(n.name)
		return true
	case gate.NoItem, gate.Instructions, gate.Server, gate.Command:
	}
	return false
}

// matched yields the rules that match, until yield says stop, which it returns.
func (n *name) matched(s *side, yield func(*hit) bool) bool {
	if n.kind == gate.Resource {
		return s.resources.each(n.name, yield)
	}
	return n.named(s).each(n.upstream, n.name, yield)
}

// denied is matched for denies.
func (n *name) denied(s *side, yield func(*hit) bool) bool {
	if n.kind != gate.Resource {
		if !n.named(s).each(n.upstream, n.name, yield) {
			return false
		}
		plain := flat(n.name)
		return plain == n.name || n.named(s).each(n.upstream, plain, yield)
	}
	if s.resources.empty() {
		return true
	}
	for i := range n.forms.n {
		if !s.resources.each(n.forms.all[i], yield) {
			return false
		}
	}
	return true
}

func (n *name) named(s *side) *named {
	if n.kind == gate.Prompt {
		return &s.prompts
	}
	return &s.tools
}
