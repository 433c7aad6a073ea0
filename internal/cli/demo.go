package cli

import (
	"github.com/spf13/cobra"

	"doorward/internal/demo"
)

func (r *run) demoCommand() *cobra.Command {
	var once bool
	var address string
	c := &cobra.Command{
		Use: "demo", Short: "See what Doorward does, on parts of its own, without a network", Args: cobra.NoArgs,
		Long: `Start the gateway with three small MCP servers of its own, two of which misbehave; play a
client through allowed, denied, invalid, unapproved and changed calls; verify the audit
log; and leave the gateway up for a client of yours. It writes only to a temporary
directory, which it removes.`,
		Example: `  doorward demo
  doorward demo --once     # exit 0 when everything went as it must, else 1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return failed(demo.Run(cmd.Context(), demo.Options{
				Once: once, Colour: !r.noColor && isTerminal(r.Stdout), Out: r.Stdout, Log: r.Stderr,
				Version: r.Version, Address: address,
			}))
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end after the tour")
	c.Flags().StringVar(&address, "address", "", "where the gateway listens (default 127.0.0.1:8080, or a free port)")
	return c
}
