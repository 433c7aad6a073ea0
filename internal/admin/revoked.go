package admin

import (
	"context"
	"net/http"
	"time"
)

// Revocation is a subject or a token of an issuer that is let in no more. Keys are
// revoked by their id or name (RevokeKey).
type Revocation struct {
	Kind   string    `json:"kind"`   // "subject" or "token"
	Issuer string    `json:"issuer"` // its URL, or "mtls"; empty: the only one that is configured
	Value  string    `json:"value"`  // the token's sub, or its jti; the certificate's name, or its SHA-256
	Until  time.Time `json:"until,omitzero"`
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
}

// Revocations is the care of those who come without a key of Doorward's own.
type Revocations interface {
	Revoke(ctx context.Context, actor string, r Revocation) error
	ListRevoked(ctx context.Context) ([]Revocation, error)
}

// Revoke implements Revocations.
func (c *Client) Revoke(ctx context.Context, _ string, r Revocation) error {
	_, err := do[struct{}](ctx, c, "/v1/revoked", r)
	return err
}

// ListRevoked implements Revocations.
func (c *Client) ListRevoked(ctx context.Context) ([]Revocation, error) {
	return do[[]Revocation](ctx, c, "/v1/revoked", nil)
}

func revokedRoutes() []Route {
	return []Route{
		{"GET /v1/revoked", KeysRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListRevoked(r.Context())
		}},
		{"POST /v1/revoked", KeysWrite, withBody(func(ctx context.Context, op Operator, actor string, r Revocation) (any, error) {
			return struct{}{}, op.Revoke(ctx, actor, r)
		})},
	}
}
