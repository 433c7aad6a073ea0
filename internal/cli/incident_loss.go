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
		Use: "accept-loss incidents|revocations|keys|approvals", Short: "Go on without a list that is lost, or with an older copy of it: what it suspended or revoked is let in",
		Args: cobra.ExactArgs(1),
		Long: `A gateway does not start when incidents.json, revoked.json or keys.json in data_dir is gone, or older than the audit log
says that it was: what was suspended or revoked would be let in. So it is with the lists in PostgreSQL (state.kind), approvals
too: a yes that was used or taken back could be used again. And so it is with a gateway whose lists were in redis, and are to be
in PostgreSQL or in files. Put the newest copy back if you can. Where nothing is lost it does nothing. This is for when
you cannot: Doorward begins with an empty list, or goes on with the older one that is there, and has that on record as
state.accept_loss. Look first what there was, and suspend and revoke it again afterwards: doorward audit search --event
incident.contain, --event identity.revoke, and --event key.revoke.`,
		Example: `  doorward incident accept-loss incidents --reason "volume lost, no backup"
  doorward incident accept-loss revocations --reason "the state was in redis before"
  doorward incident accept-loss keys --reason "restored from the backup of 3 May"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l.List = args[0]
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				if err := op.AcceptLoss(ctx, actor, l); err != nil {
					return err
				}
				return r.put(l, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "Accepted: the list of %s goes on as it is, or begins anew, empty\n", l.List)
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&l.Reason, "reason", "", "why; required")
	return c
}
