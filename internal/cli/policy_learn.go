package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/policy/learning"
)

// learnFlags are those of policy learn.
type learnFlags struct {
	choice  choice
	by, out string
	observe bool
}

func (r *run) policyLearn() *cobra.Command {
	var f learnFlags
	c := &cobra.Command{
		Use: "learn", Short: "Make the smallest roles that would have allowed the calls of a period", Args: cobra.NoArgs,
		Long: `Make, from the calls that the audit log recorded and that the gateway let pass, the
smallest roles that would have allowed them, and print them as the roles: of a
configuration. Nothing is changed; read what was made, and put it in place yourself.

Each tool is named by itself, and its arguments are narrowed by their type: paths to
the directories seen, URLs and hosts to the hosts, SQL to the kinds of statements and
the tables, identifiers to their values when there are few, numbers to a round bound.
Types are those of upstreams.NAME.arguments; what has no type is not narrowed, and a
comment says which type it could have. Conditions, approvers and denies are kept: what
is learned is never wider than the policy in force.

On stderr, or with --format json beside the roles, a report says which rules nobody
used, which globs open much more than was used, and which calls could not be learned
from. Calls that were refused are never learned from.`,
		Example: `  doorward policy learn --since 7d --out roles.yaml
  doorward policy learn --since 30d --by subject
  doorward policy learn --observe --upstream github`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.by != "role" && f.by != "subject" {
				return fmt.Errorf("--by %q: want role or subject", f.by)
			}
			return r.learn(cmd.Context(), f)
		},
	}
	f.choice.flags(c.Flags())
	c.Flags().StringVar(&f.by, "by", "role", "make each role anew (role), or a role for each principal (subject)")
	c.Flags().BoolVar(&f.observe, "observe", false, "learn as well from calls that rules in mode observe would have refused")
	c.Flags().StringVar(&f.out, "out", "", "write the roles to this file, which must not be there yet (default: stdout)")
	return c
}

func (r *run) learn(ctx context.Context, f learnFlags) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	o, err := learnOptions(cfg, f)
	if err != nil {
		return err
	}
	calls, err := r.calls(ctx, f.choice)
	if err != nil {
		return err
	}
	res, err := learning.Learn(ctx, calls, o)
	if err != nil {
		return failed(err)
	}
	text := res.YAML()
	if f.out != "" {
		if err := r.notOurs(f.out); err != nil {
			return err
		}
		if err := writeNew(f.out, text); err != nil {
			return failed(err)
		}
	}
	if r.format == "json" {
		return r.put(struct {
			Roles  string          `json:"roles"` // YAML
			Report learning.Report `json:"report"`
		}{string(text), res.Report}, nil)
	}
	if f.out == "" {
		if _, err := r.Stdout.Write(text); err != nil {
			return failed(err)
		}
	}
	if r.quiet {
		return nil
	}
	return failed(learnText(r.errs(), &res.Report))
}

func learnOptions(cfg *config.Config, f learnFlags) (learning.Options, error) {
	o := learning.Options{Present: cfg.PolicySource(), BySubject: f.by == "subject", Observe: f.observe}
	known, err := approved(cfg)
	for _, p := range known {
		o.Pins = append(o.Pins, learning.Pin{Kind: p.Kind, Upstream: p.Upstream, Name: p.Name})
	}
	return o, err
}

// writeNew writes a file that is not there yet, for its owner alone: what is in it
// comes of sealed arguments.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten: remove it, or write another name with --out", name)
	}
	if err != nil {
		return fmt.Errorf("writing the roles: %w", err)
	}
	_, err = f.Write(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("writing the roles: %w", err)
	}
	return nil
}

func learnText(w io.Writer, r *learning.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Learned from %d of %d calls.\n", r.Used, r.Calls)
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.Refused, "were refused then"},
		{r.NowRefused, "passed then, and the present policy refuses them"},
		{r.Observed, "would have been refused by a rule in mode observe (--observe learns from them)"},
		{r.Unjudged, "do not say who called or what"},
	} {
		if c.n > 0 {
			fmt.Fprintf(&b, "  %d %s\n", c.n, c.what)
		}
	}
	counts := func(head string, list []learning.Count) {
		if len(list) > 0 {
			b.WriteString(head + "\n")
		}
		for _, c := range list {
			fmt.Fprintf(&b, "  %s: %d calls\n", gate.Visible(c.What), c.Calls)
		}
	}
	counts("Their arguments were not kept, so nothing was learned from:", r.Unkept)
	counts("No narrow rule could allow these, so they were left out:", r.Left)
	if len(r.Unused) > 0 {
		b.WriteString("Nobody used:\n")
	}
	for _, rule := range r.Unused {
		b.WriteString("  " + gate.Visible(rule) + "\n")
	}
	if len(r.Wide) > 0 {
		b.WriteString("These open more approved tools than were used:\n")
	}
	for _, g := range r.Wide {
		fmt.Fprintf(&b, "  %s: opens %d, %d used\n", gate.Visible(g.Rule), g.Opens, g.Used)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
