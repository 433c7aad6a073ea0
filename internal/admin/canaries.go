package admin

import (
	"context"
	"net/http"
	"time"
)

// Canary is a planted value as people may see it: the value itself only in the
// answer to the one who plants it.
type Canary struct {
	Name    string    `json:"name"`
	Value   string    `json:"value,omitempty"`
	Created time.Time `json:"created,omitzero"`
}

// Canaries is the care of values that nobody has a reason to send anywhere.
type Canaries interface {
	PlantCanary(ctx context.Context, actor string, c Canary) (Canary, error)
	ListCanaries(ctx context.Context) ([]Canary, error)
	RemoveCanary(ctx context.Context, actor, name string) error
}

// Oversight is what a person looks at and what Doorward looks out for.
type Oversight interface {
	Trust
	Documents
	Canaries
	Monitoring
	Response
}

// PlantCanary implements Canaries.
func (c *Client) PlantCanary(ctx context.Context, _ string, one Canary) (Canary, error) {
	return do[Canary](ctx, c, "/v1/canaries", one)
}

// ListCanaries implements Canaries.
func (c *Client) ListCanaries(ctx context.Context) ([]Canary, error) {
	return do[[]Canary](ctx, c, "/v1/canaries", nil)
}

// RemoveCanary implements Canaries.
func (c *Client) RemoveCanary(ctx context.Context, _, name string) error {
	_, err := do[struct{}](ctx, c, "/v1/canaries/remove", Canary{Name: name})
	return err
}

func canaryRoutes() []Route {
	return []Route{
		{"GET /v1/canaries", TrustRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListCanaries(r.Context())
		}},
		{"POST /v1/canaries", TrustWrite, withBody(func(ctx context.Context, op Operator, actor string, c Canary) (any, error) {
			return op.PlantCanary(ctx, actor, c)
		})},
		{"POST /v1/canaries/remove", TrustWrite, withBody(func(ctx context.Context, op Operator, actor string, c Canary) (any, error) {
			return struct{}{}, op.RemoveCanary(ctx, actor, c.Name)
		})},
	}
}
