package policy

import "doorward/internal/gate"

// Decision is policy's answer about one thing. The zero value refuses.
type Decision struct {
	Allowed bool
	Role    string // the role whose rule decided; empty when none did
	Rule    string // that rule: "roles.reader.allow[0].tools[1]: files/read_*"
	Reason  string // one of the Reason constants, for the operator
}

// The reasons of a decision.
const (
	ReasonAllowed  = "allowed by rule"
	ReasonDenied   = "denied by rule"
	ReasonNoRule   = "no rule allows it"
	ReasonNoRole   = "the principal has no role"
	ReasonNoKind   = "policy has no rules for this kind of thing"
	ReasonNobody   = "nobody is acting"
	ReasonNoPolicy = "there is no policy"
	ReasonNothing  = "nothing is named"
)

// Decide tells whether p may reach the thing of kind that upstream calls name:
// a tool's or a prompt's name, a resource's URI, a template's text. Every
// deny of the principal's roles is asked before any allow. A role that the
// policy does not know grants nothing, and kinds other than tools, prompts,
// resources and templates are refused.
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
func (p *Policy) Decide(who *gate.Principal, kind gate.ItemKind, upstream, name string) Decision {
	switch {
	case p == nil:
		return Decision{Reason: ReasonNoPolicy}
	case who == nil:
		return Decision{Reason: ReasonNobody}
	case len(who.Roles) == 0:
		return Decision{Reason: ReasonNoRole}
	case upstream == "" || name == "":
		return Decision{Reason: ReasonNothing}
	}
	q := question{kind: kind, upstream: upstream, name: name}
	if !q.prepare() {
		return Decision{Reason: ReasonNoKind}
	}
	for _, r := range who.Roles {
		if known := p.roles[r]; known != nil {
			if rule, ok := q.denied(&known.deny); ok {
				return Decision{Role: r, Rule: rule, Reason: ReasonDenied}
			}
		}
	}
	for _, r := range who.Roles {
		if known := p.roles[r]; known != nil {
			if rule, ok := q.matched(&known.allow); ok {
				return Decision{Allowed: true, Role: r, Rule: rule, Reason: ReasonAllowed}
			}
		}
	}
	return Decision{Reason: ReasonNoRule}
}

// Reaches tells whether the rules of p's roles could leave p something of the
// upstream: an allow that could match, of tools or of prompts where no deny
// covers all of them. Denies of less are not looked at: what this lets through is
// decided item by item. A rule on resources reaches every upstream, for a URI
// does not say whose it is. Authorize asks it before an upstream's session is
// opened.
func (p *Policy) Reaches(who *gate.Principal, upstream string) bool {
	if p == nil || who == nil || upstream == "" {
		return false
	}
	for _, r := range who.Roles {
		if known := p.roles[r]; known != nil && !known.allow.resources.empty() {
			return true
		}
	}
	return p.Names(who, upstream)
}

// Names tells whether the rules of p's roles on tools or prompts could leave p
// something of the upstream. Unlike Reaches it leaves rules on resources out: a
// caller that knows the upstream's resources can ask about each.
func (p *Policy) Names(who *gate.Principal, upstream string) bool {
	if p == nil || who == nil {
		return false
	}
	var opens, shuts struct{ tools, prompts bool }
	for _, r := range who.Roles {
		known := p.roles[r]
		if known == nil {
			continue
		}
		opens.tools = opens.tools || known.allow.tools.reaches(upstream)
		opens.prompts = opens.prompts || known.allow.prompts.reaches(upstream)
		shuts.tools = shuts.tools || known.deny.tools.covers(upstream)
		shuts.prompts = shuts.prompts || known.deny.prompts.covers(upstream)
	}
	return opens.tools && !shuts.tools || opens.prompts && !shuts.prompts
}

// question is one thing that is asked about, in the forms that rules match.
type question struct {
	kind           gate.ItemKind
	upstream, name string
	forms          forms // of a resource, for denies
}

func (q *question) prepare() bool {
	switch q.kind {
	case gate.Tool, gate.Prompt:
		return true
	case gate.Template:
		q.kind, q.name = gate.Resource, withoutExpressions(q.name)
		q.forms = formsOf(q.name)
		return true
	case gate.Resource:
		q.forms = formsOf(q.name)
		return true
	case gate.NoItem, gate.Instructions, gate.Server, gate.Command:
	}
	return false
}

func (q *question) matched(s *side) (string, bool) {
	if q.kind == gate.Resource {
		return s.resources.find(q.name)
	}
	return q.named(s).find(q.upstream, q.name)
}

func (q *question) denied(s *side) (string, bool) {
	if q.kind != gate.Resource {
		rule, ok := q.named(s).find(q.upstream, q.name)
		if plain := flat(q.name); !ok && plain != q.name {
			rule, ok = q.named(s).find(q.upstream, plain)
		}
		return rule, ok
	}
	if s.resources.empty() {
		return "", false
	}
	for i := range q.forms.n {
		if rule, ok := s.resources.find(q.forms.all[i]); ok {
			return rule, true
		}
	}
	return "", false
}

func (q *question) named(s *side) *named {
	if q.kind == gate.Prompt {
		return &s.prompts
	}
	return &s.tools
}
