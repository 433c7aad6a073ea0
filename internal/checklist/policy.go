package checklist

import (
	"fmt"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/policy"
)

func policyChecks() []check {
	const write, approve = "docs/how-to/write-a-policy.md", "docs/how-to/approve-calls.md"
	return []check{
		{Entry{
			"policy.built_in_role", "The file says who may do what",
			"write roles: whoever has a key has everything that is approved otherwise; doorward policy learn drafts them", write,
		}, (*subject).builtIn},
		{Entry{
			"policy.wide_patterns", "No rule opens everything of every upstream",
			"name the upstream, and of it the tools that the role needs", write,
		}, (*subject).wide},
		{Entry{
			"policy.members", "Every role has somebody, and every key's role exists",
			"give the role groups, scopes, subjects or a key, or take it out; make keys anew that name a role which is gone", write,
		}, (*subject).members},
		{Entry{
			"policy.observe", "Every rule is enforced",
			"look at what it would have refused (doorward audit search), and take mode: observe out", write,
		}, (*subject).observed},
		{Entry{
			"policy.where", "Typed arguments are narrowed where a rule opens their tools",
			"add where: to the rule: without it any unambiguous path, any public URL and any single SELECT will do", "docs/reference/rules.md",
		}, (*subject).where},
		{Entry{
			"policy.risky_tools", "Tools that destroy, run, write, send or pay need more than a role",
			"give the rule a where, a when or mode: approve, or deny the tool", approve,
		}, (*subject).risky},
		{Entry{
			"approvals.told", "People hear of calls that wait for them",
			"set approvals.webhook: until then only doorward approve list shows what waits", approve,
		}, (*subject).told},
	}
}

// rule is one rule of the file and where it stands.
type rule struct {
	*config.Rule
	role, path string
	deny       bool
}

// rules are those that the file writes; the built-in role's are nobody's choice.
func (s *subject) rules() []rule {
	var all []rule
	if s.cfg.BuiltInRole {
		return nil
	}
	for name, r := range ordered(s.cfg.Roles) {
		for i := range r.Allow {
			all = append(all, rule{&r.Allow[i], name, fmt.Sprintf("roles.%s.allow[%d]", name, i), false})
		}
		for i := range r.Deny {
			all = append(all, rule{&r.Deny[i], name, fmt.Sprintf("roles.%s.deny[%d]", name, i), true})
		}
	}
	return all
}

// unwritten says that there are no rules to look at.
func (s *subject) unwritten(a *answer) bool {
	if s.cfg.BuiltInRole {
		a.none("roles", "the file writes no roles: see policy.built_in_role")
	}
	return s.cfg.BuiltInRole
}

func (s *subject) builtIn(a *answer) {
	if s.cfg.BuiltInRole {
		a.warn("roles", "is not written: the built-in role opens everything that is approved to every key and token")
		return
	}
	a.pass("", "roles: %d", len(s.cfg.Roles))
}

// probe is a name that nobody gave to anything: a pattern that matches it was
// written for all names.
const probe = "zq7unheard-of"

func (s *subject) wide(a *answer) {
	if s.unwritten(a) {
		return
	}
	for _, r := range s.rules() {
		if r.deny {
			continue
		}
		for key, globs := range ordered(map[string][]string{"tools": r.Tools, "prompts": r.Prompts, "resources": r.Resources}) {
			for i, glob := range globs {
				if opensAll(key, glob) {
					a.warn(fmt.Sprintf("%s.%s[%d]", r.path, key, i), "%s opens all %s of every upstream to %s, and what comes later", glob, key, r.role)
				}
			}
		}
	}
	a.otherwise("roles", "every rule names what it opens")
}

// opensAll asks policy itself what one pattern matches.
func opensAll(key, glob string) bool {
	who := &gate.Principal{Roles: []string{"one"}}
	switch key {
	case "tools":
		return one(policy.Rule{Tools: []string{glob}}).Decide(who, gate.Tool, probe, probe).Allowed
	case "prompts":
		return one(policy.Rule{Prompts: []string{glob}}).Decide(who, gate.Prompt, probe, probe).Allowed
	}
	return one(policy.Rule{Resources: []string{glob}}).Decide(who, gate.Resource, probe, probe+"://"+probe+"/"+probe).Allowed
}

// one is a policy of one role, one, with one rule; nil, which allows nothing, for
// a rule that is at fault.
func one(r policy.Rule) *policy.Policy {
	made, _ := policy.Compile(policy.Source{Roles: map[string]policy.Role{"one": {Allow: []policy.Rule{r}}}})
	return made
}

// touches tells whether a rule could open tools of the upstream.
func (r *rule) touches(upstream string) bool {
	return one(policy.Rule{Tools: r.Tools}).Names(&gate.Principal{Roles: []string{"one"}}, upstream)
}

func (s *subject) members(a *answer) {
	if s.unwritten(a) {
		return
	}
	given := map[string]bool{}
	if who := s.cfg.Identity.Anonymous; who != nil {
		for _, r := range who.Roles {
			given[r] = true
		}
	}
	for i := range s.state.Keys {
		k := &s.state.Keys[i]
		if !s.keyed() || !k.live(s.state.Now) {
			continue
		}
		for _, r := range k.Roles {
			if _, ok := s.cfg.Roles[r]; !ok {
				a.warn("roles", "key %s (%s) has the role %s, which there is not", k.Name, k.ID, r)
			}
			given[r] = true
		}
	}
	for name, r := range ordered(s.cfg.Roles) {
		if given[name] || s.claimed(r) {
			continue
		}
		if s.state.Unread != "" && s.keyed() {
			a.warn("roles."+name, "not known whether a key has %s: %s", name, s.state.Unread)
			continue
		}
		a.warn("roles."+name, "nobody can have %s: no key has it, and no token or certificate that is accepted", name)
	}
	a.otherwise("", "roles: %d, each with somebody who can have it", len(s.cfg.Roles))
}

// claimed tells whether a token or a certificate can bring the role.
func (s *subject) claimed(r config.Role) bool {
	id := &s.cfg.Identity
	for i := range id.Issuers {
		if id.Issuers[i].Claims.Roles != "" {
			return true
		}
	}
	return len(id.Issuers) > 0 && len(r.Scopes)+len(r.Groups)+len(r.Subjects) > 0 || id.MTLS != nil && len(r.Subjects) > 0
}

func (s *subject) observed(a *answer) {
	if s.unwritten(a) {
		return
	}
	for _, r := range s.rules() {
		if r.Mode == "observe" {
			a.warn(r.path+".mode", "a rule of %s refuses nothing: it only observes", r.role)
		}
	}
	a.otherwise("roles", "no rule only observes")
}

// broad are the types whose own default is still wide.
func broad(kind string) bool {
	kind, _, _ = strings.Cut(kind, "/")
	return slices.Contains([]string{"path", "url", "host", "sql", "command", "email"}, kind)
}

func (s *subject) where(a *answer) {
	if s.unwritten(a) {
		return
	}
	types := map[string]string{} // of upstreams, a parameter with a wide one
	for name, u := range s.cfg.Upstreams {
		for parameter, kind := range ordered(u.Arguments) {
			if broad(kind) {
				types[name] = parameter + " is a " + kind
				break
			}
		}
	}
	if len(types) == 0 {
		a.none("upstreams", "no upstream has arguments that a where could narrow")
		return
	}
	for _, r := range s.rules() {
		if r.deny || r.Where != nil || r.Mode == "approve" || len(r.Tools) == 0 {
			continue
		}
		for name, why := range ordered(types) {
			if r.touches(name) {
				a.warn(r.path, "opens tools of %s to %s whatever their arguments say (%s)", name, r.role, why)
			}
		}
	}
	a.otherwise("roles", "every rule on tools with typed arguments narrows them")
}

func (s *subject) told(a *answer) {
	n := 0
	for _, r := range s.rules() {
		if r.Mode != "approve" || r.Approvers != nil && r.Approvers.Self {
			continue
		}
		n++
		if s.cfg.Approvals.Webhook == nil {
			a.warn(r.path+".mode", "calls wait for people, and nobody is told")
		}
	}
	if n == 0 {
		a.none("roles", "no rule waits for others than the caller")
	}
	a.otherwise("", "rules that wait for people, who are told: %d", n)
}
