package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/replay"
)

func (r *run) policyReplay() *cobra.Command {
	var from choice
	var only string
	c := &cobra.Command{
		Use: "replay CANDIDATE", Short: "Say which calls of the past another configuration would have decided otherwise", Args: cobra.ExactArgs(1),
		Long: `Judge every call of a period, those that were allowed and those that were refused,
under the policy of the configuration CANDIDATE and under the present one, and list
those that come out differently: newly denied, newly allowed, newly held, no longer
held. Exit 3 when any call is newly denied, newly allowed or no longer held, so that CI
can stop.

Policy alone is asked, at the time of the call: refusals by other stages are left out
of account, and so are the labels of sessions, which are not on record. Who came with a
token or a certificate has the roles that each configuration gives; keys have those
that they had. A call whose arguments were not kept is judged by its name alone, and
counted.`,
		Example: `  doorward policy replay candidate.yaml --since 7d
  doorward policy replay candidate.yaml --since 30d --only denied --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, ok := map[string]string{"": "", "denied": replay.NewlyDenied, "allowed": replay.NewlyAllowed}[only]
			if !ok {
				return fmt.Errorf("--only %q: want denied or allowed", only)
			}
			return r.replay(cmd.Context(), args[0], from, change)
		},
	}
	from.flags(c.Flags())
	c.Flags().StringVar(&only, "only", "", "list only what is newly denied, or only what is newly allowed; the counts are of all")
	return c
}

func (r *run) replay(ctx context.Context, candidate string, from choice, only string) error {
	var p replay.Policies
	for _, side := range []struct {
		path string
		into **policy.Policy
	}{{r.config, &p.Present}, {candidate, &p.Candidate}} {
		cfg, err := config.Load(side.path)
		if err != nil {
			return failed(fmt.Errorf("%s: %w", side.path, err))
		}
		compiled, faults := policy.Compile(cfg.PolicySource())
		if len(faults) > 0 {
			return failed(fmt.Errorf("%s: %s: %s", side.path, faults[0].Path, faults[0].Text))
		}
		*side.into = compiled
	}
	calls, err := r.calls(ctx, from)
	if err != nil {
		return err
	}
	last := time.Now()
	report, err := replay.Run(ctx, p, calls, func(done int) {
		if time.Since(last) >= progressEvery {
			last = time.Now()
			r.warn("%d of %d calls", done, len(calls))
		}
	})
	if err != nil {
		return failed(err)
	}
	stop := report.Changed()
	if only != "" {
		report.Only(only)
	}
	if err := r.put(report, func(w io.Writer) error { return replayText(w, &report) }); err != nil {
		return failed(err)
	}
	if stop {
		return &exit{code: exitFindings}
	}
	return nil
}

// progressEvery is how often a long run says how far it is.
const progressEvery = 2 * time.Second

func replayText(w io.Writer, r *replay.Report) error {
	var b strings.Builder
	for i := range r.Differences {
		d := &r.Differences[i]
		who := d.Subject + " (" + d.Realm + ")"
		fmt.Fprintf(&b, "%s: %s %s by %s\n    %s %s\n", d.Change, d.Kind, gate.Visible(d.What), gate.Visible(who), d.Exchange, d.Time.UTC().Format(time.RFC3339))
		b.WriteString(indented("before", d.Before.Effect, d.Before.Rule, d.Before.Why))
		b.WriteString(indented("after", d.After.Effect, d.After.Rule, d.After.Why))
		if !d.Whole {
			b.WriteString("    its arguments were not kept\n")
		}
	}
	fmt.Fprintf(&b, "%d calls: %d newly denied, %d newly allowed, %d newly held, %d no longer held, %d unchanged\n",
		r.Calls, r.NewlyDenied, r.NewlyAllowed, r.NewlyHeld, r.NoLongerHeld, r.Unchanged)
	if r.Partly > 0 {
		fmt.Fprintf(&b, "%d of them could not be judged wholly: their arguments were not kept\n", r.Partly)
	}
	if r.Unjudged > 0 {
		fmt.Fprintf(&b, "%d could not be judged at all: who called, or what, is not on record\n", r.Unjudged)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
