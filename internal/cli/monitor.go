package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) monitorCommand() *cobra.Command {
	return group("monitor", "Try alerts out, and see what the monitor counts",
		`  doorward monitor test
  doorward monitor list
  doorward monitor list --format json`,
		r.monitorTest(), r.monitorList())
}

func (r *run) monitorTest() *cobra.Command {
	return &cobra.Command{
		Use: "test", Short: "Send a test alert to every receiver; exit 1 when one does not take it", Args: cobra.NoArgs,
		Long: `Send an alert of the rule "test" to every receiver of monitor.alerts, once, and say what became of each. A receiver
that takes it will take others.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				all, err := op.TestAlerts(ctx, actor)
				if err != nil {
					return err
				}
				if len(all) == 0 {
					return fmt.Errorf("nobody is told of alerts: write monitor.alerts in %s", r.config)
				}
				if err := putAll(r, all, attemptTable); err != nil {
					return err
				}
				for _, a := range all {
					if !a.OK {
						return &exit{code: exitFailed}
					}
				}
				return nil
			})
		},
	}
}

func attemptTable(w io.Writer, all []admin.AlertAttempt) error {
	return table(w, "KIND\tRECEIVER\tRESULT", all, func(a admin.AlertAttempt) string {
		result := "taken"
		if !a.OK {
			result = "failed: " + a.Error
		}
		return a.Kind + "\t" + visible(a.Receiver) + "\t" + visible(result)
	})
}

func (r *run) monitorList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show the rules and what they have counted", Args: cobra.NoArgs,
		Long: `Show every rule, its limit, and the subjects with the most in their windows now. Without a running gateway there are
no windows, and what is shown is the configuration.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				st, err := op.Standings(ctx)
				if err != nil {
					return err
				}
				return r.put(st, func(w io.Writer) error { return standings(w, &st) })
			})
		},
	}
}

func standings(w io.Writer, st *admin.MonitorState) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "RULE\tLIMIT\tSUBJECTS\tMOST")
	for i := range st.Rules {
		rule := &st.Rules[i]
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%d\t%s\n", rule.Rule, limitText(rule), rule.Subjects, mostText(rule))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d principals seen, %d of them learned; %d alerts wait for a receiver\n", st.Principals, st.Learned, st.Waiting)
	return err
}

func limitText(r *admin.MonitorRule) string {
	switch {
	case !r.On:
		return "off"
	case r.Limit == 0:
		return "the first"
	}
	return fmt.Sprintf("%d in %v", r.Limit, r.Window)
}

// mostText is the subject with the most, and how many others there are.
func mostText(r *admin.MonitorRule) string {
	if len(r.Top) == 0 {
		return ""
	}
	t := r.Top[0]
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d", t.Kind, visible(t.Subject), t.Count)
	if t.Alert {
		b.WriteString(" (alert)")
	}
	if len(r.Top) > 1 {
		fmt.Fprintf(&b, ", and %d more", len(r.Top)-1)
	}
	return b.String()
}
