package cli

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/gate"
	"doorward/internal/sandbox"
)

func (r *run) sandboxTest() *cobra.Command {
	return &cobra.Command{
		Use: "test [UPSTREAM]", Short: "Try from inside what confines a command, and show what holds", Args: cobra.MaximumNArgs(1),
		Long: `Start Doorward's own program in the sandbox that the command of an upstream would get, have it
try the walls, and show each property, what was tried and what came of it. Without a name it
does so for a command that is given nothing, and for each command of the configuration. No
command of an upstream is started.

The gateway does the same before it first starts a command. It does so as its own user: run
this as that user, in the same surroundings (unit, container).

Exit 3 when a property does not hold, or a sandbox cannot be made.`,
		Example: `  doorward sandbox test
  doorward sandbox test files --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			proofs, err := app.Proofs(cmd.Context(), cfg, r.config, name, r.Environ)
			if err != nil {
				return failed(err)
			}
			if err := r.put(proofs, func(w io.Writer) error { return writeProofs(w, proofs) }); err != nil {
				return failed(err)
			}
			for i := range proofs {
				if proofs[i].Error != "" {
					return &exit{code: exitFindings}
				}
			}
			return nil
		},
	}
}

// writeProofs is what probes found, for people.
func writeProofs(w io.Writer, proofs []app.SandboxProof) error {
	for i := range proofs {
		p := &proofs[i]
		verdict := "holds"
		switch {
		case p.Kind == "none":
			verdict = "not confined (sandbox: {kind: none})"
		case p.Kind != "process" && p.Kind != sandbox.Runsc:
			verdict = "in " + p.Kind + ", which is asked at each start what it made"
		case p.Error != "":
			verdict = "would not be started: " + gate.Visible(p.Error)
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", cmp.Or(gate.Visible(p.Upstream), "a command that is given nothing"), verdict); err != nil {
			return err
		}
		if len(p.Properties) == 0 {
			continue
		}
		err := table(w, "  STATE\tPROPERTY\tWHAT HOLDS\tFOUND", p.Properties, func(is sandbox.Property) string {
			return fmt.Sprintf("  %s\t%s\t%s\t%s", is.State, is.Name, is.Says, gate.Visible(is.Found))
		})
		if err != nil {
			return err
		}
	}
	return nil
}
