package admin

import (
	"context"
	"net/http"
	"time"
)

// Secret is a secret of the configuration or of Doorward's own store, as people may see
// it: never its value, which nothing gives out again (security case ADM-08).
type Secret struct {
	Name    string        `json:"name"`
	From    string        `json:"from"` // as the configuration says it: env:NAME, file:PATH, store, …
	Since   time.Time     `json:"since,omitzero"`
	MaxAge  time.Duration `json:"max_age"`          // in nanoseconds; 0: nobody said
	Overlap time.Time     `json:"overlap,omitzero"` // until when the version before counts too
	Within  bool          `json:"within"`           // it can be had, and need not be replaced yet
	Unused  bool          `json:"unused,omitempty"` // it is in the store, and no entry of secrets is from there
	Fault   string        `json:"fault,omitempty"`  // why it cannot be had
}

// SecretValue is a value on its way into the store.
type SecretValue struct {
	Name    string        `json:"name"`
	Value   string        `json:"value"`
	Overlap time.Duration `json:"overlap"` // for how long the version before counts too; 0: not at all
}

// Secrets is the care of what Doorward proves with who it is, and signs with.
type Secrets interface {
	ListSecrets(ctx context.Context) ([]Secret, error)
	SetSecret(ctx context.Context, actor string, v SecretValue) (Secret, error)
	RemoveSecret(ctx context.Context, actor, name string) error
	// ReplaceSecretsRoot seals the store anew under another root key, while it is used.
	ReplaceSecretsRoot(ctx context.Context, actor string) (count int, err error)
}

// ListSecrets implements Secrets.
func (c *Client) ListSecrets(ctx context.Context) ([]Secret, error) {
	return do[[]Secret](ctx, c, "/v1/secrets", nil)
}

// SetSecret implements Secrets.
func (c *Client) SetSecret(ctx context.Context, _ string, v SecretValue) (Secret, error) {
	return do[Secret](ctx, c, "/v1/secrets", v)
}

// RemoveSecret implements Secrets.
func (c *Client) RemoveSecret(ctx context.Context, _, name string) error {
	_, err := do[struct{}](ctx, c, "/v1/secrets/remove", secretRef{name})
	return err
}

// ReplaceSecretsRoot implements Secrets.
func (c *Client) ReplaceSecretsRoot(ctx context.Context, _ string) (int, error) {
	n, err := do[count](ctx, c, "/v1/secrets/root", struct{}{})
	return n.Count, err
}

type secretRef struct {
	Name string `json:"name"`
}

func secretRoutes() []Route {
	return []Route{
		{"GET /v1/secrets", SecretsRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListSecrets(r.Context())
		}},
		{"POST /v1/secrets", SecretsWrite, withBody(func(ctx context.Context, op Operator, actor string, v SecretValue) (any, error) {
			return op.SetSecret(ctx, actor, v)
		})},
		{"POST /v1/secrets/remove", SecretsWrite, withBody(func(ctx context.Context, op Operator, actor string, ref secretRef) (any, error) {
			return struct{}{}, op.RemoveSecret(ctx, actor, ref.Name)
		})},
		{"POST /v1/secrets/root", SecretsWrite, withBody(func(ctx context.Context, op Operator, actor string, _ struct{}) (any, error) {
			n, err := op.ReplaceSecretsRoot(ctx, actor)
			return count{n}, err
		})},
	}
}
