package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) trustCommand() *cobra.Command {
	return group("trust", "Review what upstreams offer: nothing is used before it is approved",
		`  doorward trust list
  doorward trust diff weather
  doorward trust approve files
  doorward trust approve files read_file list_directory
  doorward trust canary plant vault
  doorward trust verify               for CI: exit 3 when anything differs from the lock`,
		r.trustList(), r.trustShow(), r.trustDiff(), r.trustDecide("approve"), r.trustDecide("reject"), r.trustVerify(), r.trustSign(), r.trustKeygen(), r.trustCanary())
}

func (r *run) trustList() *cobra.Command {
	var state string
	var refresh bool
	c := &cobra.Command{
		Use: "list [UPSTREAM]", Short: "List tools, prompts and resources with their state", Args: cobra.MaximumNArgs(1),
		Long: `List tools, prompts and resources with their state. WEAKER says what the upstream's command may run without, because
the configuration says so: layers of allow_weaker, or sandbox for one that is not confined at all. With --refresh it
exits 1 where an upstream could not be asked, after the list.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				entries, err := op.Entries(ctx, admin.Review{Upstream: first(args), Refresh: refresh, Shown: true})
				if err != nil {
					return err
				}
				entries = slices.DeleteFunc(entries, func(e admin.Entry) bool { return state != "" && e.State != state })
				if err := r.putEntries(entries); err != nil || !refresh {
					return err
				}
				return unasked(ctx, op, first(args))
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "only this state: held, approved, changed, rejected, flagged")
	c.Flags().BoolVar(&refresh, "refresh", false, "ask the upstreams again first")
	return c
}

func (r *run) putEntries(entries []admin.Entry) error {
	return putAll(r, entries, func(w io.Writer, all []admin.Entry) error {
		err := table(w, "UPSTREAM\tKIND\tNAME\tSTATE\tCHANGE\tFINDING\tWEAKER\tDIGEST", all, func(e admin.Entry) string {
			return strings.Join([]string{e.Upstream, e.Kind, visible(e.Name), e.State, changeOf(e), worst(e), orDash(strings.Join(e.Weaker, ",")), short(e)}, "\t")
		})
		for i := range all {
			if e := &all[i]; e.Kind == "command" && len(e.Reasons) > 0 {
				_, _ = fmt.Fprintf(w, "\n%s of %s is not started, or reached, as it is now\n", e.Kind, e.Upstream)
				triageText(w, e)
			}
		}
		return err
	})
}

// changeOf is how a change is to be looked at.
func changeOf(e admin.Entry) string {
	switch {
	case e.Renamed != "":
		return "was " + visible(e.Renamed)
	case e.Quick:
		return "quick"
	case len(e.Reasons) > 0:
		return "read it"
	}
	return "-"
}

// worst is the worst of what was found in a definition, and how much more there is.
func worst(e admin.Entry) string {
	switch len(e.Rules) {
	case 0:
		return "-"
	case 1:
		return e.Severity + " " + visible(e.Rules[0])
	}
	return fmt.Sprintf("%s %s +%d", e.Severity, visible(e.Rules[0]), len(e.Rules)-1)
}

// short is enough of a digest for a person to tell two apart.
func short(e admin.Entry) string {
	d := e.Digest
	if d == "" {
		d = e.Pinned
	}
	const enough = len("sha256:") + 12
	if len(d) > enough {
		return d[:enough]
	}
	return d
}

func (r *run) trustDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff [UPSTREAM]", Short: "Show what differs from what was approved; exit 3 when something does", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				entries, err := op.Entries(ctx, admin.Review{Upstream: first(args), Shown: true})
				if err != nil {
					return err
				}
				details := []admin.Detail{}
				for _, e := range entries {
					if e.State != "changed" {
						continue
					}
					d, err := op.Detail(ctx, e.Upstream, e.Kind, e.Name)
					if err != nil {
						return err
					}
					details = append(details, d)
				}
				if err := r.put(details, func(w io.Writer) error { return diffText(w, details) }); err != nil {
					return err
				}
				if len(details) > 0 {
					return &exit{code: exitFindings}
				}
				return nil
			})
		},
	}
}

func diffText(w io.Writer, details []admin.Detail) error {
	if len(details) == 0 {
		_, err := fmt.Fprintln(w, "nothing differs from what was approved")
		return err
	}
	for _, d := range details {
		_, _ = fmt.Fprintf(w, "%s %s/%s changed after approval%s\n", d.Kind, d.Upstream, visible(d.Name), seen(&d.Entry))
		triageText(w, &d.Entry)
		findingsText(w, &d)
		for _, c := range d.Diff {
			_, _ = fmt.Fprintf(w, "  %s\n", c.Pointer)
			if c.Before != "" {
				_, _ = fmt.Fprintf(w, "    - %s\n", c.Before)
			}
			if c.After != "" {
				_, _ = fmt.Fprintf(w, "    + %s\n", c.After)
			}
		}
	}
	return nil
}

// seen says when a definition was last offered, where that is known: without a
// gateway nobody has looked since.
func seen(e *admin.Entry) string {
	if e.SeenAt.IsZero() || e.SeenAt.Unix() <= 0 {
		return ""
	}
	return ", last offered " + e.SeenAt.Local().Format("2006-01-02 15:04")
}

func (r *run) trustVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify [UPSTREAM]", Short: "Ask the upstreams and compare with the lock; exit 3 when anything differs, or the lock is not to be believed", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := r.load()
			if err == nil {
				err = believed(cfg)
			}
			if err != nil {
				return err
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				entries, err := asked(ctx, op, args)
				if err != nil {
					return err
				}
				drift := slices.DeleteFunc(entries, func(e admin.Entry) bool { return e.State == "approved" || e.State == "rejected" })
				if err := r.putEntries(drift); err != nil {
					return err
				}
				if len(drift) > 0 {
					return &exit{code: exitFindings, err: fmt.Errorf("%d definitions differ from the lock", len(drift))}
				}
				r.say("everything is as approved")
				return nil
			})
		},
	}
}

// asked asks the named upstream, or each one by itself: one that does not answer
// cannot be said to be as it was approved.
func asked(ctx context.Context, op admin.Operator, args []string) ([]admin.Entry, error) {
	if len(args) > 0 {
		return op.Entries(ctx, admin.Review{Upstream: args[0], Refresh: true})
	}
	st, err := op.Status(ctx)
	if err != nil {
		return nil, err
	}
	var all []admin.Entry
	for _, u := range st.Upstreams {
		entries, err := op.Entries(ctx, admin.Review{Upstream: u.Name, Refresh: true})
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
