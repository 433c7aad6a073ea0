package app

import (
	"context"

	"doorward/internal/admin"
	"doorward/internal/gate"
)

// Checkpoint implements admin.Checkpoints: with the cosignatures that it gets at once.
func (a *App) Checkpoint(ctx context.Context) (admin.Checkpoint, error) {
	if k := a.anchors.Load(); k != nil {
		c, err := k.Now(ctx)
		return admin.Checkpoint{Note: c.Note, Size: c.Size}, operated("making a checkpoint", err)
	}
	c, err := a.audit.Checkpoint(ctx)
	return admin.Checkpoint{Note: c.Text(), Size: c.Size}, operated("making a checkpoint", err)
}

// ReplaceSigner implements admin.Checkpoints.
func (a *App) ReplaceSigner(ctx context.Context, actor string, req admin.SignerRequest) (made admin.Signer, err error) {
	err = a.act(ctx, []gate.Event{{Kind: "audit.key.replace", Actor: actor}}, func() (err error) {
		made.Public, err = a.audit.ReplaceKey(ctx, req.Compromised)
		return err
	})
	return made, operated("replacing the key that signs checkpoints", err)
}

// ReplaceRoot implements admin.Checkpoints.
func (a *App) ReplaceRoot(ctx context.Context, actor string) error {
	err := a.act(ctx, []gate.Event{{Kind: "audit.root.replace", Actor: actor}}, a.audit.ReplaceRoot)
	return operated("replacing the key that seals those of persons", err)
}
