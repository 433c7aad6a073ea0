package admin

import (
	"context"
	"net/http"
)

// Checkpoint is a signed note about what the audit log holds (C2SP tlog-checkpoint).
type Checkpoint struct {
	Note string `json:"note"`
	Size uint64 `json:"size"` // records that it covers
}

// Signer is the public key that signs checkpoints: name+hash+base64.
type Signer struct {
	Public string `json:"public"`
}

// SignerRequest asks for a new key.
type SignerRequest struct {
	// Compromised says that somebody else may have the old one.
	Compromised bool `json:"compromised,omitempty"`
}

// Checkpoints is what proves the audit log to others.
type Checkpoints interface {
	// Checkpoint makes one now.
	Checkpoint(ctx context.Context) (Checkpoint, error)
	ReplaceSigner(ctx context.Context, actor string, req SignerRequest) (Signer, error)
	// ReplaceRoot replaces the key that seals those of persons.
	ReplaceRoot(ctx context.Context, actor string) error
}

// Evidence is the audit log: opened, proved, and made unreadable for good.
type Evidence interface {
	Records
	Checkpoints
	Privacy
	Retaining
	Indexing
}

// Checkpoint implements Checkpoints.
func (c *Client) Checkpoint(ctx context.Context) (Checkpoint, error) {
	return do[Checkpoint](ctx, c, "/v1/records/checkpoint", nil)
}

// ReplaceSigner implements Checkpoints.
func (c *Client) ReplaceSigner(ctx context.Context, _ string, req SignerRequest) (Signer, error) {
	return do[Signer](ctx, c, "/v1/records/signer", req)
}

// ReplaceRoot implements Checkpoints.
func (c *Client) ReplaceRoot(ctx context.Context, _ string) error {
	_, err := do[struct{}](ctx, c, "/v1/records/root", struct{}{})
	return err
}

func checkpointRoutes() []Route {
	return []Route{
		{"GET /v1/records/checkpoint", RecordsRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.Checkpoint(r.Context())
		}},
		{"POST /v1/records/signer", RecordsSign, withBody(func(ctx context.Context, op Operator, actor string, req SignerRequest) (any, error) {
			return op.ReplaceSigner(ctx, actor, req)
		})},
		{"POST /v1/records/root", RecordsSign, withBody(func(ctx context.Context, op Operator, actor string, _ struct{}) (any, error) {
			return struct{}{}, op.ReplaceRoot(ctx, actor)
		})},
	}
}
