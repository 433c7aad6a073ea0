package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/monitor/figures"
)

func (r *run) incidentStats() *cobra.Command {
	var dir, since, until string
	c := &cobra.Command{
		Use: "stats", Short: "Compute the four security figures from the records", Args: cobra.NoArgs,
		Long: `Compute from the audit log how long it took to detect unauthorised access, the share of
requests with valid authentication, violations of limits per day, and how many secrets and
keys are within the age at which they are replaced. The first three are those of the time
that is asked for, the last is that of now, and is not known from a copy (--dir).`,
		Example: `  doorward incident stats --since 30d
  doorward incident stats --since 2026-11-01T00:00:00Z --format json
  doorward incident stats --dir /backup/audit`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := moment(since)
			if err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			to, err := moment(until)
			if err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			s, err := r.figures(cmd.Context(), dir, from, to)
			if err != nil {
				return err
			}
			return r.put(s, func(w io.Writer) error { return statsText(w, s) })
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory of the log (default: the configuration's)")
	c.Flags().StringVar(&since, "since", "", "from this time: RFC 3339, or an age such as 24h or 7d")
	c.Flags().StringVar(&until, "until", "", "up to this time")
	return c
}

// figures are the four of a stretch of time.
func (r *run) figures(ctx context.Context, dir string, since, until time.Time) (s *figures.Summary, err error) {
	dirs, err := r.auditDirs(dir)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		s, err = figuresOf(ctx, nil, dirs, since, until)
		return s, failed(err)
	}
	err = r.operate(ctx, func(ctx context.Context, op admin.Operator, _ string) (err error) {
		s, err = figuresOf(ctx, op, dirs, since, until)
		return err
	})
	return s, err
}

// figuresOf are those of some logs; op is asked for the ages of secrets, and nil for a
// copy of a log.
func figuresOf(ctx context.Context, op admin.Operator, dirs []string, since, until time.Time) (*figures.Summary, error) {
	g, err := app.Figures(ctx, dirs, since, until)
	if err != nil {
		return nil, err
	}
	s := g.Summary(since, until)
	if op == nil {
		return &s, nil
	}
	all, err := op.Ages(ctx)
	if err != nil {
		return nil, err
	}
	ages := make([]figures.Age, 0, len(all))
	for _, a := range all {
		ages = append(ages, figures.Age{Kind: a.Kind, Name: a.Name, Since: a.Since, Most: a.MaxAge, Fault: a.Fault})
	}
	s.Rotate(ages, time.Now())
	return &s, nil
}

func statsText(w io.Writer, s *figures.Summary) error {
	const layout = "2006-01-02 15:04"
	if s.Records == 0 {
		_, _ = fmt.Fprintln(w, "No records.")
	} else {
		_, _ = fmt.Fprintf(w, "%s to %s UTC, %d outcomes and events\n", s.First.UTC().Format(layout), s.Last.UTC().Format(layout), s.Records)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range s.Lines() {
		_, _ = fmt.Fprintf(tw, "%s\t%s\n", line[0], visible(line[1]))
	}
	return tw.Flush()
}
