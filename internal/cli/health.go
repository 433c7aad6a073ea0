package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Ask the running gateway whether it serves; exit 1 when it does not", Args: cobra.NoArgs,
		Long: `Ask the gateway that runs on the data directory whether it serves, and say why when it does
not. This is the check of a container or a supervisor on the same machine: it needs no listener
and no key, and what it prints is for the operator, with paths and addresses.`,
		Example: `  doorward health
  doorward health --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := r.status(cmd.Context())
			if err != nil {
				return err
			}
			if err := r.put(healthOf(st), func(w io.Writer) error { return printHealth(w, st) }); err != nil {
				return failed(err)
			}
			if !st.Ready {
				return failed(errors.New("the gateway does not serve"))
			}
			return nil
		},
	}
}

// health is what `doorward health --format json` prints.
type health struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"` // what is not ready, and why
}

func healthOf(st admin.Status) health {
	return health{Ready: st.Ready, Reasons: append([]string{}, st.Reasons...)}
}

func printHealth(w io.Writer, st admin.Status) error {
	if st.Ready {
		_, err := fmt.Fprintln(w, "ready")
		return err
	}
	if _, err := fmt.Fprintln(w, "not ready"); err != nil {
		return err
	}
	for _, reason := range st.Reasons {
		if _, err := fmt.Fprintf(w, "  %s\n", visible(reason)); err != nil {
			return err
		}
	}
	return nil
}

// status is what the gateway that runs on the data directory says of itself.
func (r *run) status(ctx context.Context) (admin.Status, error) {
	cfg, err := r.load()
	if err != nil {
		return admin.Status{}, err
	}
	gateway, err := admin.Dial(ctx, cfg.DataDir)
	if err != nil {
		return admin.Status{}, failed(err)
	}
	defer gateway.Close()
	st, err := gateway.Status(ctx)
	return st, failed(err)
}
