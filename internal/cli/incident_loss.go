package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) incidentAcceptLoss() *cobra.Command {
	var l admin.Loss
	c := &cobra.Command{
		Use: "accept-loss incidents|revocations", Short: "Begin a list that is lost anew, empty: nothing that was on it is suspended or revoked any more",
		Args: cobra.ExactArgs(1),
		Long: `A gateway does not start when incidents.json or revoked.json in data_dir is gone and the audit log says that it was
written: what was suspended or revoked would be let in. Put the file back if you can. This is for when you cannot: it
begins with an empty list, and is on record as state.accept_loss. Look first what there was, and suspend and revoke
it again afterwards: doorward audit search --event incident.contain, and --event identity.revoke.`,
		Example: `  doorward incident accept-loss incidents --reason "volume lost, no backup"
  doorward incident accept-loss revocations --reason "the state was in redis before"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l.List = args[0]
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				if err := op.AcceptLoss(ctx, actor, l); err != nil {
					return err
				}
				return r.put(l, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "The list of %s begins anew, empty\n", l.List)
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&l.Reason, "reason", "", "why; required")
	return c
}
