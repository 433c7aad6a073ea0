package admin

import (
	"context"
	"net/http"
	"time"
)

// Retention asks what of the audit log is due, by how long its class is kept.
type Retention struct {
	Now bool `json:"now,omitempty"` // prune it; else it is told alone
}

// DueClass is what is due of a class.
type DueClass struct {
	Class string `json:"class"`
	// State is due; held: a legal hold keeps it; waiting: a copy (audit.sinks) does not
	// have it yet.
	State   string    `json:"state"`
	Records uint64    `json:"records"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest"`
	Newest  time.Time `json:"newest"`
}

// DueRange is what is due of a segment.
type DueRange struct {
	Segment string     `json:"segment"`
	First   uint64     `json:"first,omitempty"` // of the records that are due; those between may stay
	Last    uint64     `json:"last,omitempty"`
	Open    bool       `json:"open,omitempty"` // it is the last one, and is closed first
	Classes []DueClass `json:"classes"`
}

// DueLog is what is due of a log on data_dir, or was pruned.
type DueLog struct {
	Log    string     `json:"log"`
	Ranges []DueRange `json:"ranges"`
	// Busy says that it is being pruned already, or that another process writes it, which
	// prunes it by itself.
	Busy bool `json:"busy,omitempty"`
}

// Retained is what came of a Retention.
type Retained struct {
	Keep   map[string]string `json:"keep"` // how long each class is kept
	Pruned bool              `json:"pruned"`
	Logs   []DueLog          `json:"logs"`
	// More says that time was up before everything was looked at, or pruned.
	More bool `json:"more,omitempty"`
}

// HoldRequest asks for a legal hold: of a person, or of a time.
type HoldRequest struct {
	Subject string    `json:"subject,omitempty"`
	Since   time.Time `json:"since,omitzero"` // inclusive
	Until   time.Time `json:"until,omitzero"` // exclusive
	Reason  string    `json:"reason"`
}

// Hold is a legal hold. What is under it is neither pruned nor made unreadable.
type Hold struct {
	ID      string    `json:"id"`
	Keys    []string  `json:"keys,omitempty"`    // of the person, as records name them
	Subject string    `json:"subject,omitempty"` // where the log has names in clear
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	Created time.Time `json:"created"`
}

// Release ends a hold.
type Release struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Refusal is a part of an erasure that was not done, because a hold is on it.
type Refusal struct {
	Key    string `json:"key"` // empty where the log has the name in clear
	Hold   string `json:"hold"`
	Reason string `json:"reason"`
}

// Retaining is how long the record is kept. What is done is on record; actor is who does
// it.
type Retaining interface {
	Retain(ctx context.Context, actor string, r Retention) (Retained, error)
	AddHold(ctx context.Context, actor string, h HoldRequest) (Hold, error)
	ListHolds(ctx context.Context) ([]Hold, error)
	ReleaseHold(ctx context.Context, actor string, r Release) error
}

// Retain implements Retaining.
func (c *Client) Retain(ctx context.Context, _ string, r Retention) (Retained, error) {
	return do[Retained](ctx, c, "/v1/privacy/retain", r)
}

// AddHold implements Retaining.
func (c *Client) AddHold(ctx context.Context, _ string, h HoldRequest) (Hold, error) {
	return do[Hold](ctx, c, "/v1/privacy/holds", h)
}

// ListHolds implements Retaining.
func (c *Client) ListHolds(ctx context.Context) ([]Hold, error) {
	return do[[]Hold](ctx, c, "/v1/privacy/holds", nil)
}

// ReleaseHold implements Retaining.
func (c *Client) ReleaseHold(ctx context.Context, _ string, r Release) error {
	_, err := do[struct{}](ctx, c, "/v1/privacy/holds/release", r)
	return err
}

func retentionRoutes() []Route {
	return []Route{
		{"POST /v1/privacy/retain", PrivacyRetain, withBody(func(ctx context.Context, op Operator, actor string, r Retention) (any, error) {
			return op.Retain(ctx, actor, r)
		})},
		{"POST /v1/privacy/holds", PrivacyHold, withBody(func(ctx context.Context, op Operator, actor string, h HoldRequest) (any, error) {
			return op.AddHold(ctx, actor, h)
		})},
		{"GET /v1/privacy/holds", PrivacyHold, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListHolds(r.Context())
		}},
		{"POST /v1/privacy/holds/release", PrivacyHold, withBody(func(ctx context.Context, op Operator, actor string, r Release) (any, error) {
			return struct{}{}, op.ReleaseHold(ctx, actor, r)
		})},
	}
}
