package limit

import (
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// The names of the limits, as the configuration, refusals and metrics have them. Of a
// limit with several rules the rule comes after a space: "per_tool github/create_*".
const (
	PerAddress   = "per_address"
	PerPrincipal = "per_principal"
	PerKey       = "per_key"
	PerTenant    = "per_tenant"
	PerTool      = "per_tool"
	PerUpstream  = "per_upstream"
	PerProfile   = "per_profile"
	QuotaCalls   = "quota.calls"
	QuotaBytes   = "quota.bytes"
	QuotaCost    = "quota.cost"
)

// Kinds are the names of all limits.
func Kinds() []string {
	return []string{PerAddress, PerPrincipal, PerKey, PerTenant, PerTool, PerUpstream, PerProfile, QuotaCalls, QuotaBytes, QuotaCost}
}

// Rate is so many within any span of a length. The zero value is no limit.
type Rate struct {
	Most int64
	Per  time.Duration
}

// For is a rate for what has a name: a tool as upstream/tool, in which * never crosses a
// slash; an upstream or a profile, in full.
type For struct {
	Name string
	Rate
}

// Cost is what a call of the tools that a pattern names costs.
type Cost struct {
	Tools string
	Units int64
}

// Rules are the limits that there are.
type Rules struct {
	Address   Rate // of each address, /64 for IPv6: every request
	Principal Rate // of each caller, whatever they prove themselves with
	Key       Rate // of each API key
	Tenant    Rate // of all callers of a tenant together
	Tools     []For
	Upstreams []For
	Profiles  []For

	// The quotas of each caller.
	Calls, Bytes, Costs []Rate
	Cost                []Cost // of a call that none names it is 1; of several the highest counts
}

// A call has so many units in the rates, and anything else that a client sends (a list, a
// ping, a notification, a handshake) one: it reaches no tool.
const callUnits = 10

// FailedSignIn is how many requests a sign-in that fails counts for in per_address.
const FailedSignIn = 20

// rule is a limit as the stage uses it.
type rule struct {
	kind  string // one of Kinds
	name  string // of the budget
	match string // what it is for; empty: everything
	Rate
	unit int64
}

func (r *Rate) on() bool { return r.Most > 0 && r.Per > 0 }

// rulesOf are the rates of a kind; those with a name have it in theirs.
func rulesOf(kind string, all []For) (out []rule) {
	for _, f := range all {
		if f.on() {
			out = append(out, rule{kind: kind, name: kind + " " + f.Name, match: f.Name, Rate: f.Rate, unit: callUnits})
		}
	}
	return out
}

// quotas are those of a kind. Of several, the length of the span tells them apart.
func quotas(kind string, all []Rate) (out []rule) {
	for _, r := range all {
		if r.on() {
			out = append(out, rule{kind: kind, name: kind, Rate: r, unit: 1})
		}
	}
	return out
}

// compiled are rules that cost no allocation to apply.
type compiled struct {
	address, principal, key, tenant *rule // nil: there is none
	tools, upstreams, profiles      []rule
	quotas                          []rule
	cost                            []Cost
	bytes                           bool // there is a quota of bytes
}

func one(kind string, r Rate) *rule {
	if !r.on() {
		return nil
	}
	return &rule{kind: kind, name: kind, Rate: r, unit: callUnits}
}

func compile(r *Rules) compiled {
	return compiled{
		address: one(PerAddress, r.Address), principal: one(PerPrincipal, r.Principal), key: one(PerKey, r.Key), tenant: one(PerTenant, r.Tenant),
		tools: rulesOf(PerTool, r.Tools), upstreams: rulesOf(PerUpstream, r.Upstreams), profiles: rulesOf(PerProfile, r.Profiles),
		quotas: slices.Concat(quotas(QuotaCalls, r.Calls), quotas(QuotaBytes, r.Bytes), quotas(QuotaCost, r.Costs)),
		cost:   r.Cost,
		bytes:  len(quotas(QuotaBytes, r.Bytes)) > 0,
	}
}

// price is what a call of a tool, as upstream/tool, costs of quota.cost.
func (c *compiled) price(tool string) int64 {
	highest := int64(0)
	for _, k := range c.cost {
		if k.Units > highest && doublestar.MatchUnvalidated(k.Tools, tool) {
			highest = k.Units
		}
	}
	return max(highest, 1)
}
