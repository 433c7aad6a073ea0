package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) auditCheckpoint() *cobra.Command {
	return &cobra.Command{
		Use: "checkpoint", Short: "Make and print a signed checkpoint: what to keep away from this machine", Args: cobra.NoArgs,
		Long: `Make a checkpoint of the running gateway's log, or of the log when no gateway runs,
and print it: a signed note as in C2SP tlog-checkpoint. Kept elsewhere, it shows later
that nothing before it was changed and nothing cut off (audit verify --checkpoint). A
running gateway asks its witnesses (audit.checkpoint.witness) first, and prints the
cosignatures that it gets.`,
		Example: `  doorward audit checkpoint > 2026-11-27.checkpoint
  doorward audit verify --checkpoint 2026-11-27.checkpoint`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				c, err := op.Checkpoint(ctx)
				if err != nil {
					return err
				}
				return r.put(c, func(w io.Writer) error {
					_, err := io.WriteString(w, c.Note)
					return err
				})
			})
		},
	}
}

func (r *run) auditReplaceKey() *cobra.Command {
	var req admin.SignerRequest
	var root bool
	c := &cobra.Command{
		Use: "replace-key", Short: "Make a new key sign checkpoints, certified by the old one; or replace the root key", Args: cobra.NoArgs,
		Long: `Make a new key that signs checkpoints from now on. The old one certifies it in the log
and is then deleted, so that whoever knows the old public key can go on verifying.
--compromised marks the old key: what it signs after this proves nothing.
--root replaces the key that seals those of persons instead: what is sealed stays
readable, and a copy of the old keys opens nothing with the new root.`,
		Example: `  doorward audit replace-key
  doorward audit replace-key --root`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if root && req.Compromised {
				return errors.New("--compromised is about the key that signs checkpoints, not about --root")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				if root {
					if err := op.ReplaceRoot(ctx, actor); err != nil {
						return err
					}
					return r.put(struct {
						Replaced string `json:"replaced"`
					}{"audit_root"}, func(w io.Writer) error {
						_, err := fmt.Fprintln(w, "The root key was replaced. Back it up apart from the log.")
						return err
					})
				}
				s, err := op.ReplaceSigner(ctx, actor, req)
				if err != nil {
					return err
				}
				return r.put(s, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, s.Public)
					return err
				})
			})
		},
	}
	c.Flags().BoolVar(&req.Compromised, "compromised", false, "somebody else may have the old key")
	c.Flags().BoolVar(&root, "root", false, "replace the key that seals those of persons")
	return c
}
