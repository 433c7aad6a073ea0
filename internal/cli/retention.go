package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) privacyRetain() *cobra.Command {
	var q admin.Retention
	c := &cobra.Command{
		Use: "retain", Short: "Show which records are older than their class is kept for, and prune them with --now", Args: cobra.NoArgs,
		Long: `Show which records of the audit log are due: older than audit.retain keeps their class.
With --now they are pruned, which the gateway also does by itself, once a day. The log says
what was pruned before anything goes, and verifies all the same; what is under a legal
hold stays, and what a copy (audit.sinks) does not have yet.`,
		Example: `  doorward privacy retain
  doorward privacy retain --format json
  doorward privacy retain --now`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				out, err := op.Retain(ctx, actor, q)
				for err == nil && out.More && out.Pruned {
					before := out
					if out, err = op.Retain(ctx, actor, q); err != nil {
						break
					}
					stuck := ranges(out.Logs) == 0
					if out.Logs = joined(before.Logs, out.Logs); stuck {
						break
					}
				}
				if err != nil {
					return err
				}
				return r.put(out, func(w io.Writer) error { return retainedText(w, &out) })
			})
		},
	}
	c.Flags().BoolVar(&q.Now, "now", false, "prune what is due; there is no way back")
	return c
}

func ranges(logs []admin.DueLog) (n int) {
	for i := range logs {
		n += len(logs[i].Ranges)
	}
	return n
}

// joined is what two requests have pruned.
func joined(first, second []admin.DueLog) []admin.DueLog {
	for i := range second {
		for j := range first {
			if first[j].Log == second[i].Log {
				second[i].Ranges = append(slices.Clone(first[j].Ranges), second[i].Ranges...)
			}
		}
	}
	return second
}

func retainedText(w io.Writer, out *admin.Retained) error {
	for _, class := range slices.Sorted(maps.Keys(out.Keep)) {
		_, _ = fmt.Fprintf(w, "%s are kept for %s\n", class, out.Keep[class])
	}
	if out.More {
		_, _ = fmt.Fprintln(w, "Time was up before the whole log was read: there may be more.")
	}
	var rows []string
	for _, log := range out.Logs {
		if log.Busy {
			_, _ = fmt.Fprintf(w, "%s is being pruned already, or written by another process that prunes it\n", log.Log)
		}
		for _, s := range log.Ranges {
			for _, c := range s.Classes {
				state := c.State
				if out.Pruned && state == "due" {
					state = "pruned"
				}
				rows = append(rows, fmt.Sprintf("%s/%s\t%s\t%s\t%d\t%s\t%s", log.Log, s.Segment, c.Class, state, c.Records,
					c.Oldest.UTC().Format(time.RFC3339), c.Newest.UTC().Format(time.RFC3339)))
			}
		}
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is due.")
		return err
	}
	return table(w, "SEGMENT\tCLASS\tSTATE\tRECORDS\tOLDEST\tNEWEST", rows, func(row string) string { return row })
}

func (r *run) privacyHold() *cobra.Command {
	return group("hold", "Keep records from being pruned or made unreadable",
		`  doorward privacy hold add alice --reason 'claim 7 O 12/26'
  doorward privacy hold list
  doorward privacy hold release h_2b8qkd0v9t --reason 'settled'`,
		r.holdAdd(), r.holdList(), r.holdRelease())
}

func (r *run) holdAdd() *cobra.Command {
	var h admin.HoldRequest
	var since, until string
	c := &cobra.Command{
		Use: "add [SUBJECT]", Short: "Hold the records of a person, or of a time", Args: cobra.MaximumNArgs(1),
		Long: `Hold the records of a person, or all records of a time: they are neither pruned nor made
unreadable until the hold is released. Of a person the keys are kept under which the log
has them now, not the name; somebody of that name who comes later is not held. Who holds
what, and why, is on record: do not name anybody in the reason.`,
		Example: `  doorward privacy hold add alice --reason 'claim 7 O 12/26'
  doorward privacy hold add --since 2026-11-01T00:00:00Z --until 2026-11-03T00:00:00Z --reason 'incident 4'`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				h.Subject = args[0]
			}
			if h.Since, err = moment(since); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if h.Until, err = moment(until); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			span := !h.Since.IsZero() && !h.Until.IsZero()
			if (h.Subject != "") == span || h.Reason == "" {
				return errors.New("name the person, or --since and --until; and the --reason")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				out, err := op.AddHold(ctx, actor, h)
				if err != nil {
					return err
				}
				return r.put(out, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "Held: %s, %s.\n", out.ID, heldText(&out))
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&h.Reason, "reason", "", "why; it is on record")
	c.Flags().StringVar(&since, "since", "", "from this time: RFC 3339, or an age such as 24h or 7d")
	c.Flags().StringVar(&until, "until", "", "up to this time")
	return c
}

// heldText is what a hold is of.
func heldText(h *admin.Hold) string {
	switch {
	case !h.Since.IsZero():
		return "records from " + h.Since.UTC().Format(time.RFC3339) + " to " + h.Until.UTC().Format(time.RFC3339)
	case h.Subject != "":
		return "a person, " + visible(h.Subject)
	case len(h.Keys) == 1:
		return "a person, by their key"
	}
	return fmt.Sprintf("a person, by %d of their keys", len(h.Keys))
}

func (r *run) holdList() *cobra.Command {
	c := listed(r, "list", "List what is held", admin.Operator.ListHolds, func(w io.Writer, all []admin.Hold) error {
		return table(w, "HOLD\tOF\tSINCE\tBY\tREASON", all, func(h admin.Hold) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", h.ID, heldText(&h), h.Created.UTC().Format(time.RFC3339), visible(h.By), visible(h.Reason))
		})
	})
	c.Long = "List the legal holds that last: what is held, since when, by whom and why."
	c.Example = `  doorward privacy hold list --format json`
	return c
}

func (r *run) holdRelease() *cobra.Command {
	var rel admin.Release
	c := &cobra.Command{
		Use: "release HOLD", Short: "End a hold: what is due goes with the next run", Args: cobra.ExactArgs(1),
		Long:    "End a legal hold. What is due goes with the next run, and what was refused can be erased.",
		Example: `  doorward privacy hold release h_2b8qkd0v9t --reason 'settled'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if rel.ID = args[0]; rel.Reason == "" {
				return errors.New("name the --reason")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				if err := op.ReleaseHold(ctx, actor, rel); err != nil {
					return err
				}
				return r.put(rel, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "Released: %s.\n", rel.ID)
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&rel.Reason, "reason", "", "why; it is on record")
	return c
}
