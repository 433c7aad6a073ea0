package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"doorward/internal/drill"
)

func (r *run) incidentDrill() *cobra.Command {
	var keep string
	c := &cobra.Command{
		Use: "drill", Short: "Exercise the response to incidents on parts of its own; exit 1 when a step is late or fails", Args: cobra.NoArgs,
		Long: `Start two gateways that share their state, an upstream and a receiver of alerts, all on
loopback and in a temporary directory; attack them by guessing keys, with a stolen session,
with a planted value on its way out and with a flood of calls; and go the whole way each
time: alert within 10 s, containment on both gateways within 5 s, note, notice, release on
both, close, report, bundle, and the bundle checked by the public key. It leaves nothing
running, and keeps what --out names. No gateway of yours is touched.`,
		Example: `  doorward incident drill
  doorward incident drill --out drill-2026-11 --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keep != "" {
				if err := r.notOurs(keep); err != nil {
					return err
				}
			}
			o := drill.Options{Log: r.Stderr, Version: r.Version, Keep: keep}
			if r.format != "json" {
				o.Out = r.Stdout
			}
			res, err := drill.Run(cmd.Context(), o)
			if err != nil {
				return failed(err)
			}
			missed := 0
			for i := range res.Steps {
				if !res.Steps[i].OK {
					missed++
				}
			}
			if r.format == "json" {
				err = r.put(res, nil)
			} else {
				_, err = fmt.Fprintf(r.Stdout, "\n%d steps, %d late or failed.\n", len(res.Steps), missed)
			}
			if missed > 0 {
				return errors.Join(err, &exit{code: exitFailed})
			}
			return err
		},
	}
	c.Flags().StringVarP(&keep, "out", "o", "", "new directory for the reports and bundles (default: they go with the rest)")
	return c
}
