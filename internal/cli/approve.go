package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/gate"
)

func (r *run) approveCommand() *cobra.Command {
	return group("approve", "See calls that wait for people, and let them pass or not",
		`  doorward approve list
  doorward approve show apr_…
  DOORWARD_KEY=dw_… doorward approve grant apr_…
  DOORWARD_KEY=dw_… doorward approve deny apr_…`,
		r.approveList(), r.approveShow(), r.approveDecide("grant", true), r.approveDecide("deny", false))
}

func (r *run) approveList() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "list", Short: "List the calls that wait; with --all those of the last day too", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				list, err := op.ListApprovals(ctx)
				if err != nil {
					return err
				}
				shown := []admin.Approval{}
				for _, a := range list {
					if all || a.State == gate.ApprovalWaiting.String() || a.State == gate.ApprovalGranted.String() {
						shown = append(shown, a)
					}
				}
				return r.put(shown, func(w io.Writer) error { return approvalTable(w, shown) })
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also those that were used, denied or have expired")
	return c
}

func approvalTable(w io.Writer, list []admin.Approval) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "Nothing waits for approval.")
		return err
	}
	return table(w, "ID\tSTATE\tYES\tWHO\tWHAT\tEXPIRES", list, func(a admin.Approval) string {
		return fmt.Sprintf("%s\t%s\t%d of %d\t%s\t%s\t%s", a.ID, a.State, len(a.Grants), a.Needed,
			gate.Visible(a.Subject), gate.Visible(a.Upstream+"/"+a.Name), day(a.Expires))
	})
}

func (r *run) approveShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one call whole: who, what, and its exact arguments", Args: cobra.ExactArgs(1),
		Long: `Show one call that waits for approval, whole. Nothing is cut. Characters that a terminal
would hide or obey are written as ⟨U+200B⟩; --format json has the exact bytes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				a, err := op.ShowApproval(ctx, args[0])
				if err != nil {
					return err
				}
				return r.put(a, func(w io.Writer) error { return approvalText(w, &a) })
			})
		},
	}
}

func approvalText(w io.Writer, a *admin.Approval) error {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, gate.Visible(text))
		}
	}
	line("id", a.ID)
	line("state", fmt.Sprintf("%s, %d of %d have agreed", a.State, len(a.Grants), a.Needed))
	line("who", a.Subject+" ("+a.Realm+")")
	line("tenant", a.Tenant)
	line("does", a.Method)
	line("what", a.Upstream+"/"+a.Name)
	line("definition", a.Pin)
	line("rule", a.Rule)
	line("why", a.Why)
	line("approvers", strings.Join(a.Roles, ", "))
	if a.Self {
		line("approvers", "the caller alone, when its client asks")
	}
	line("asked", a.Created.Local().Format(time.RFC3339))
	line("expires", a.Expires.Local().Format(time.RFC3339))
	for _, g := range a.Grants {
		line("yes", g.Subject+" ("+g.Realm+") at "+g.At.Local().Format(time.RFC3339))
	}
	if d := a.Denial; d != nil {
		line("no", d.Subject+" ("+d.Realm+") at "+d.At.Local().Format(time.RFC3339))
	}
	line("exchange", a.Exchange)
	b.WriteString("arguments\n")
	if a.Arguments == "" {
		b.WriteString("(none)\n")
	} else {
		b.WriteString(gate.Visible(a.Arguments) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *run) approveDecide(use string, grant bool) *cobra.Command {
	var keyEnv string
	c := &cobra.Command{
		Use: use + " ID", Args: cobra.ExactArgs(1),
		Short: map[bool]string{true: "Agree to one call, exactly as it is", false: "Refuse one call; it cannot be asked for again until it expires"}[grant],
		Long: `Decide about one call that waits, as the holder of the key or access token in
DOORWARD_KEY, who must have one of the roles that the rule names and is never the
caller. Look at it with "doorward approve show" first: an approval holds for exactly
these arguments, once.`,
		Example: "  DOORWARD_KEY=dw_… doorward approve " + use + " apr_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := r.clientKey(keyEnv, cmd.Flags().Changed("key-env"))
			if err != nil {
				return err
			}
			if key == "" {
				return errors.New("who decides? put your own key or access token into " + keyVariable + ", or name another variable with --key-env")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				a, err := op.DecideApproval(ctx, actor, admin.ApprovalDecision{ID: args[0], Grant: grant, Credential: key})
				if err != nil {
					return err
				}
				return r.put(a, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%s is %s: %d of %d have agreed.\n", a.ID, a.State, len(a.Grants), a.Needed)
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&keyEnv, "key-env", keyVariable, "name of the environment variable that holds the key or token, never the key itself")
	return c
}
