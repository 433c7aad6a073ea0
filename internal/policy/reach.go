package policy

import "doorward/internal/gate"

// Serves tells whether an upstream is for the tenant of who, whatever its rules. Somebody
// without a tenant is of none, and never of the first one.
func (p *Policy) Serves(who *gate.Principal, upstream string) bool {
	if p == nil || who == nil {
		return false
	}
	of, bound := p.tenants[upstream]
	return !bound || who.Tenant != "" && of[who.Tenant]
}

// tenants are those of a source, to be looked up.
func tenants(src map[string][]string) map[string]map[string]bool {
	out := make(map[string]map[string]bool, len(src))
	for upstream, all := range src {
		of := make(map[string]bool, len(all))
		for _, name := range all {
			of[name] = true
		}
		out[upstream] = of
	}
	return out
}

// Reaches tells whether the rules of p's roles could leave p something of the
// upstream: an allow that could match, of tools or of prompts where no deny
// covers all of them. Denies of less, and conditions, are not looked at: what this
// lets through is decided item by item. A rule on resources reaches every
// upstream, for a URI does not say whose it is. Authorize asks it before an
// upstream's session is opened.
func (p *Policy) Reaches(who *gate.Principal, upstream string) bool {
	if upstream == "" || !p.Serves(who, upstream) {
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
	if !p.Serves(who, upstream) {
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
