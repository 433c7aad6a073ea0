package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) trustCommand() *cobra.Command {
	return group("trust", "Review what upstreams offer: nothing is used before it is approved",
		`  doorward trust list
  doorward trust diff weather
  doorward trust approve files
  doorward trust approve files read_file list_directory
  doorward trust verify               for CI: exit 3 when anything differs from the lock`,
		r.trustList(), r.trustShow(), r.trustDiff(), r.trustDecide("approve"), r.trustDecide("reject"), r.trustVerify())
}

func (r *run) trustList() *cobra.Command {
	var state string
	var refresh bool
	c := &cobra.Command{
		Use: "list [UPSTREAM]", Short: "List tools, prompts and resources with their state", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				entries, err := op.Entries(ctx, admin.Review{Upstream: first(args), Refresh: refresh, Shown: true})
				if err != nil {
					return err
				}
				entries = slices.DeleteFunc(entries, func(e admin.Entry) bool { return state != "" && e.State != state })
				return r.putEntries(entries)
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "only this state: held, approved, changed, rejected")
	c.Flags().BoolVar(&refresh, "refresh", false, "ask the upstreams again first")
	return c
}

func (r *run) putEntries(entries []admin.Entry) error {
	if entries == nil {
		entries = []admin.Entry{}
	}
	return r.put(entries, func(w io.Writer) error {
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(tw, "UPSTREAM\tKIND\tNAME\tSTATE\tDIGEST")
		for _, e := range entries {
			_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", e.Upstream, e.Kind, visible(e.Name), e.State, short(e))
		}
		return tw.Flush()
	})
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

func (r *run) trustShow() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "show UPSTREAM NAME", Short: "Show a definition as the model would read it, hidden characters made visible",
		Args: cobra.ExactArgs(2), Example: "  doorward trust show files read_file",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				d, err := op.Detail(ctx, args[0], kind, args[1])
				if err != nil {
					return err
				}
				return r.put(d, func(w io.Writer) error {
					_, _ = fmt.Fprintf(w, "%s %s/%s is %s\n", d.Kind, d.Upstream, visible(d.Name), d.State)
					if d.Approved != "" {
						_, _ = fmt.Fprintf(w, "\napproved %s\n%s\n", d.Pinned, d.Approved)
					}
					if d.Observed != "" && d.Digest != d.Pinned {
						_, _ = fmt.Fprintf(w, "\nobserved %s\n%s\n", d.Digest, d.Observed)
					}
					return nil
				})
			})
		},
	}
	c.Flags().StringVar(&kind, "kind", "tool", "tool, prompt, resource, template, instructions, server or command")
	return c
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
		_, _ = fmt.Fprintf(w, "%s %s/%s changed after approval\n", d.Kind, d.Upstream, visible(d.Name))
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

// trustDecide makes approve and reject: the same choice of items, the other
// answer. What is decided is bound to the digests that were observed.
func (r *run) trustDecide(verb string) *cobra.Command {
	var kind string
	var dryRun, all bool
	c := &cobra.Command{
		Use:   verb + " UPSTREAM [NAME…]",
		Short: map[string]string{"approve": "Approve what an upstream was last seen to offer (trust list, show and diff)", "reject": "Reject definitions: they stay withheld"}[verb],
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !all {
				return fmt.Errorf("%s what? name an upstream, or say --all", verb)
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				entries, err := offered(ctx, op, first(args))
				if err != nil {
					return err
				}
				chosen, err := choose(entries, args, kind)
				if err != nil {
					return err
				}
				return r.decide(ctx, op, decision{verb, actor, chosen, dryRun})
			})
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "only this kind: tool, prompt, resource, template, instructions, server, command")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be decided and change nothing")
	c.Flags().BoolVar(&all, "all", false, "everything of every upstream")
	return c
}

// offered is what an upstream was last seen to offer: what a person who decides
// has looked at. One that nobody has looked at yet is asked now.
func offered(ctx context.Context, op admin.Operator, upstream string) ([]admin.Entry, error) {
	entries, err := op.Entries(ctx, admin.Review{Upstream: upstream})
	if err != nil || len(entries) > 0 {
		return entries, err
	}
	return op.Entries(ctx, admin.Review{Upstream: upstream, Refresh: true})
}

type decision struct {
	verb, actor string
	chosen      []admin.Entry
	dryRun      bool
}

func (r *run) decide(ctx context.Context, op admin.Operator, d decision) error {
	if !d.dryRun && len(d.chosen) > 0 {
		refs := make([]admin.Ref, 0, len(d.chosen))
		for _, e := range d.chosen {
			refs = append(refs, admin.Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest})
		}
		act, state := op.Approve, "approved"
		if d.verb == "reject" {
			act, state = op.Reject, "rejected"
		}
		if _, err := act(ctx, d.actor, refs); err != nil {
			return err
		}
		for i := range d.chosen {
			d.chosen[i].State = state
		}
	}
	if err := r.putEntries(d.chosen); err != nil {
		return err
	}
	switch {
	case len(d.chosen) == 0:
		r.say("nothing to %s", d.verb)
	case d.dryRun:
		r.say("%d would be decided; nothing was changed", len(d.chosen))
	default:
		r.say("%d %s", len(d.chosen), d.chosen[0].State)
	}
	return nil
}

// choose picks the entries that still wait for a decision, or those named.
func choose(entries []admin.Entry, args []string, kind string) ([]admin.Entry, error) {
	names := []string{}
	if len(args) > 1 {
		names = args[1:]
	}
	// Of these an upstream has one, and it has no name to choose it by.
	only := kind == "server" || kind == "command" || kind == "instructions"
	chosen := []admin.Entry{}
	found := map[string]bool{}
	for _, e := range entries {
		if kind != "" && e.Kind != kind || e.Digest == "" {
			continue
		}
		named := slices.Contains(names, e.Name)
		if named {
			found[e.Name] = true
		}
		if named || len(names) == 0 && (only || e.State == "held" || e.State == "changed") {
			chosen = append(chosen, e)
		}
	}
	for _, n := range names {
		if !found[n] {
			return nil, fmt.Errorf("upstream %s offers nothing named %q; see doorward trust list %s", args[0], n, args[0])
		}
	}
	return chosen, nil
}

func (r *run) trustVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify [UPSTREAM]", Short: "Ask the upstreams and compare with the lock; exit 3 when anything differs", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
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
