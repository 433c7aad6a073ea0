package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/audit"
)

func (r *run) auditAcceptLoss() *cobra.Command {
	a := audit.Acceptance{Actor: "uid:" + strconv.Itoa(os.Getuid())}
	c := &cobra.Command{
		Use: "accept-loss WHAT...", Short: "Let a log go on without its checkpoint or a key that is lost, and put that on record",
		Args: cobra.MinimumNArgs(1),
		Long: `A gateway does not start when something is gone, or another, that its log needs beside the records:
checkpoint (without it nothing shows that the records are those that were written, and the gateway would sign whatever is
there), signer (the key that signs checkpoints), arguments (audit.key), persons (keys of people in audit.subjects: what they
seal is unreadable, and erasure and export would miss them). Somebody may have removed it to hide what they did: keep a
copy of data_dir, put back what is lost, and look at the log first (doorward audit verify --checkpoint, with one from
elsewhere). This is for when it cannot be put back. It is on record as audit.accept_loss. A log whose records contradict
its checkpoint is not accepted: move its directory away as evidence, and a new log begins.`,
		Example: `  doorward audit accept-loss checkpoint --reason "disk lost, restored from backup of 3 May"
  doorward audit accept-loss checkpoint persons --reason "disk lost, no backup"`,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			for _, what := range args {
				a.What = append(a.What, audit.Lost(what))
			}
			found, err := app.AcceptLoss(cfg, app.TextLog(r.errs(), slog.LevelWarn), a)
			if errors.Is(err, audit.ErrLocked) {
				err = errors.New("a gateway runs on this data directory: it has lost nothing that keeps it from starting")
			}
			if err != nil {
				return failed(err)
			}
			return r.put(struct {
				Accepted []string `json:"accepted"`
			}{found}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "On record as lost:\n  %s\n", strings.Join(found, "\n  "))
				return err
			})
		},
	}
	c.Flags().StringVar(&a.Reason, "reason", "", "why; required")
	return c
}
