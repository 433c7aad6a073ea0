// Package admin is the gateway's local API: a Unix socket in the data
// directory through which the command line acts on a running gateway, and a
// loopback listener for health and metrics.
//
// Its routes are a table in which each names the permission it needs; a route
// without one does not exist. app satisfies the interfaces below; cli uses the
// same ones, directly or through Client.
package admin

import (
	"context"
	"time"
)

// Key is an API key as people may see it: never its text.
type Key struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Roles    []string  `json:"roles"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
	Signing  bool      `json:"signing,omitempty"` // requests can be signed with it
}

// NewKey is a key just made: the only moment at which its text exists.
type NewKey struct {
	Text  string   `json:"key"`
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	// Expires is zero for a key that does not expire.
	Expires time.Time `json:"expires,omitzero"`
	Signing bool      `json:"signing,omitempty"`
}

// KeyRequest asks for a new key. No roles means the configuration's built-in
// role, where there is one.
type KeyRequest struct {
	Name    string        `json:"name"`
	Roles   []string      `json:"roles"`
	Expires time.Duration `json:"expires"`
	Signing bool          `json:"signing,omitempty"` // make it one that requests can be signed with
}

// Entry is one definition under review: how it stands against its pin.
type Entry struct {
	Upstream string    `json:"upstream"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	State    string    `json:"state"`            // held, approved, changed, rejected, flagged
	Digest   string    `json:"digest,omitempty"` // observed
	Pinned   string    `json:"pinned,omitempty"` // approved or rejected
	SeenAt   time.Time `json:"seen_at,omitzero"`
	Severity string    `json:"severity,omitempty"` // of the worst that was found in it: high, medium, low
	Rules    []string  `json:"rules,omitempty"`    // of what was found in it, the worst first
	Blocks   []string  `json:"blocks,omitempty"`   // rules that withhold it until somebody accepts them
	Holds    bool      `json:"holds,omitempty"`    // somebody who has read it must decide, by its name
	Quick    bool      `json:"quick,omitempty"`    // of a change: only wording changed, and nothing speaks against it
	Reasons  []string  `json:"reasons,omitempty"`  // of a change that must be read: why
	Renamed  string    `json:"renamed,omitempty"`  // of one that is new: the approved one that is gone and that it seems to have been
	Weaker   []string  `json:"weaker,omitempty"`   // layers that its upstream's command may run without, as in records; "sandbox" for all of them
}

// Detail is an entry with both definitions and their difference.
type Detail struct {
	Entry
	Approved string   `json:"approved,omitempty"` // canonical JSON, hidden characters made visible
	Observed string   `json:"observed,omitempty"`
	Diff     []Change `json:"diff,omitempty"`
	// Findings are what was found in what it is now, and Readings every string of it.
	Findings []Finding `json:"findings,omitempty"`
	Readings []Reading `json:"readings,omitempty"`
}

// Finding is something that a detector saw in a definition.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`        // high, medium, low
	Where    string `json:"where"`           // RFC 6901
	Start    int    `json:"start,omitempty"` // bytes of the string there
	End      int    `json:"end,omitempty"`   // 0: it is about all of it
	Text     string `json:"text,omitempty"`  // what was seen, decoded, hidden characters marked
	Why      string `json:"why,omitempty"`
}

// Reading is one string of a definition as the two sides read it.
type Reading struct {
	Pointer string `json:"pointer"`          // RFC 6901
	Person  string `json:"person,omitempty"` // as a client draws it; empty for what clients do not show
	Model   string `json:"model"`            // all of it, hidden characters marked
}

// Change is one field that differs between two definitions.
type Change struct {
	Pointer string `json:"pointer"` // RFC 6901
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
}

// Review says which definitions Entries lists.
type Review struct {
	Upstream string // empty: of all
	Refresh  bool   // ask the upstreams anew before answering
	// Shown says that a person reads the answer: what is decided later must be
	// what was shown last, or the decision is refused as a conflict.
	Shown bool
}

// Ref names a definition by the digest that the reviewer saw.
type Ref struct {
	Upstream string `json:"upstream"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Digest   string `json:"digest"`
	// Accept are the rules whose findings in it are accepted; Approve looks at it.
	Accept []string `json:"accept,omitempty"`
}

// Status is what a running gateway says of itself.
type Status struct {
	Version   string           `json:"version"`
	Started   time.Time        `json:"started"`
	URL       string           `json:"url"`
	Ready     bool             `json:"ready"`
	Reasons   []string         `json:"reasons,omitempty"` // why not ready, or what is amiss
	Sessions  int              `json:"sessions"`
	Upstreams []UpstreamStatus `json:"upstreams"`
}

// UpstreamStatus is one upstream's part of Status.
type UpstreamStatus struct {
	Name      string   `json:"name"`
	Transport string   `json:"transport"`
	Eras      []string `json:"eras,omitempty"`
	Channels  int      `json:"channels"`
	Children  int      `json:"children"`
	Breaker   string   `json:"breaker"`             // "closed", "open" or "half-open": whether calls are kept from it
	HeldBack  int      `json:"held_back,omitempty"` // clients with processes of their own whose calls are kept from those
	Error     string   `json:"error,omitempty"`
	Answers   bool     `json:"answers,omitempty"` // although it has failed: the error is of what a builtin server needs
}

// Keys is the care of API keys. actor is who asks, for the audit log.
type Keys interface {
	CreateKey(ctx context.Context, actor string, req KeyRequest) (NewKey, error)
	ListKeys(ctx context.Context) ([]Key, error)
	RotateKey(ctx context.Context, actor, id string, overlap time.Duration) (NewKey, error)
	RevokeKey(ctx context.Context, actor, id string) error
}

// Trust is the review of what upstreams offer.
type Trust interface {
	Entries(ctx context.Context, q Review) ([]Entry, error)
	Detail(ctx context.Context, upstream, kind, name string) (Detail, error)
	Approve(ctx context.Context, actor string, refs []Ref) (int, error)
	Reject(ctx context.Context, actor string, refs []Ref) (int, error)
}

// Gateway is the running gateway as a whole.
type Gateway interface {
	Status(ctx context.Context) (Status, error)
	Reload(ctx context.Context, actor string) error
	Loudness
}

// Credentials is the care of what clients are let in with, and Doorward itself elsewhere.
type Credentials interface {
	Keys
	Revocations
	Secrets
}

// Operator is everything that the API serves.
type Operator interface {
	Credentials
	Oversight
	Approvals
	Evidence
	Gateway
}
