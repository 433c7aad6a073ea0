// Package recorded is a call of the past as policy is asked about it once more.
// Learning and replay take such calls; the command line makes them of what the
// audit log kept, or of a file.
//
// It judges nothing, and opens nothing that was sealed.
package recorded

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/condition"
)

// Call is one recorded call. Its JSON is a line of a file of calls.
type Call struct {
	Exchange  string    `json:"exchange"`
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Era       string    `json:"era,omitempty"`
	Transport string    `json:"transport,omitempty"`
	Profile   string    `json:"profile,omitempty"`
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	Principal Principal `json:"principal"`
	Upstream  string    `json:"upstream,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	Name      string    `json:"name"`
	Pin       string    `json:"pin,omitempty"` // digest of the approved definition
	Labels    []string  `json:"labels,omitempty"`
	// Arguments as the client sent them; absent for a call without any.
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Kept      bool            `json:"kept"`             // name and arguments are all that was asked
	Status    string          `json:"status,omitempty"` // ok, error, refused, failed; empty: its end is not known
	Code      string          `json:"code,omitempty"`   // of the refusal
	Rule      string          `json:"rule,omitempty"`   // that let it pass
	Policy    string          `json:"policy,omitempty"` // version of the policy that decided
	Observed  []string        `json:"observed,omitempty"`
}

// Principal is who made a call.
type Principal struct {
	Method     string   `json:"method,omitempty"`
	Realm      string   `json:"realm,omitempty"`
	Subject    string   `json:"subject,omitempty"`
	Tenant     string   `json:"tenant,omitempty"`
	Client     string   `json:"client,omitempty"`
	Credential string   `json:"credential,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	Roles      []string `json:"roles,omitempty"`
	// Whole says that nothing of it is missing. Without that no policy can be held
	// against the call.
	Whole bool `json:"whole"`
}

// Who is the principal as policy knows it, with the roles that it had then.
func (c *Call) Who() *gate.Principal {
	p := &c.Principal
	return &gate.Principal{
		Method: p.Method, Realm: p.Realm, Subject: p.Subject, Tenant: p.Tenant, Client: p.Client, Credential: p.Credential,
		Groups: sorted(p.Groups), Scopes: sorted(p.Scopes), Roles: sorted(p.Roles),
	}
}

func sorted(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return out
}

// Passed tells whether the gateway let the call go on to its upstream, and the
// upstream answered, as far as the record says: one whose outcome is not known had
// an intent, which follows every stage. One that failed may have failed before.
func (c *Call) Passed() bool { return c.Status == "ok" || c.Status == "error" || c.Status == "" }

// Item is what the call named. A resource that was read through a template is
// judged on its own URI, as authorize does.
func (c *Call) Item() gate.ItemKind {
	switch c.Kind {
	case "tool":
		return gate.Tool
	case "prompt":
		return gate.Prompt
	case "resource":
		return gate.Resource
	case "template":
		if strings.HasPrefix(c.Method, "resources/") {
			return gate.Resource
		}
		return gate.Template
	}
	return gate.NoItem
}

// Judged tells whether a policy can be asked about the call at all: who made it
// and what it named are known.
func (c *Call) Judged() bool {
	return c.Principal.Whole && c.Upstream != "" && c.Name != "" && c.Item() != gate.NoItem
}

// Question is what policy is asked about the call, by somebody with these roles.
// Without its arguments it is asked about its name alone.
func (c *Call) Question(who *gate.Principal) *policy.Question {
	q := &policy.Question{
		Who: who, Kind: c.Item(), Upstream: c.Upstream, Name: c.Name,
		// A completion names what it is about and does not call it.
		Called: c.Kept && c.Method != "completion/complete",
		Labels: c.Labels, Now: c.Time,
		Request: condition.Request{
			Method: c.Method, Transport: c.Transport, Era: c.Era, Profile: c.Profile, Address: c.Address, Agent: c.Agent,
		},
	}
	if q.Called {
		q.Args = c.Arguments
	}
	return q
}

// Path names what was called, for people and as policy's patterns do.
func (c *Call) Path() string {
	if c.Item() == gate.Resource || c.Item() == gate.Template {
		return c.Name
	}
	return c.Upstream + "/" + c.Name
}
