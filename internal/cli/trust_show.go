package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) trustShow() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "show UPSTREAM NAME", Short: "Show a definition as a person sees it and as the model reads it, and what was found in it",
		Args: cobra.ExactArgs(2), Example: "  doorward trust show files read_file",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				d, err := op.Detail(ctx, args[0], kind, args[1])
				if err != nil {
					return err
				}
				return r.put(d, func(w io.Writer) error { return detailText(w, &d) })
			})
		},
	}
	c.Flags().StringVar(&kind, "kind", "tool", "tool, prompt, resource, template, instructions, server or command")
	return c
}

// detailText says all of a definition to a person who decides about it.
func detailText(w io.Writer, d *admin.Detail) error {
	_, _ = fmt.Fprintf(w, "%s %s/%s is %s%s\n", d.Kind, d.Upstream, visible(d.Name), d.State, seen(&d.Entry))
	triageText(w, &d.Entry)
	if len(d.Findings) > 0 {
		_, _ = fmt.Fprintln(w, "\nfound in it")
		findingsText(w, d)
	}
	_, _ = fmt.Fprintln(w, "\nwhat a person sees, and what the model reads")
	for _, r := range d.Readings {
		person := r.Person
		if person == "" {
			person = "(clients do not show this)"
		}
		_, _ = fmt.Fprintf(w, "  %s\n    person  %s\n    model   %s\n", cmp.Or(r.Pointer, "(all of it)"), visible(person), visible(r.Model))
	}
	if d.Approved != "" {
		_, _ = fmt.Fprintf(w, "\napproved %s\n%s\n", d.Pinned, d.Approved)
	}
	if d.Observed != "" && d.Digest != d.Pinned {
		_, _ = fmt.Fprintf(w, "\nobserved %s\n%s\n", d.Digest, d.Observed)
	}
	return nil
}

// triageText says how a change is to be looked at.
func triageText(w io.Writer, e *admin.Entry) {
	if e.Renamed != "" {
		_, _ = fmt.Fprintf(w, "  it is new, and much like %s, which was approved and is gone\n", visible(e.Renamed))
	}
	if e.Quick {
		_, _ = fmt.Fprintln(w, "  only wording changed, and nothing was found in it: --quick approves it")
	}
	for _, reason := range e.Reasons {
		_, _ = fmt.Fprintf(w, "  read it: %s\n", visible(reason))
	}
}

// findingsText says what was found, where, why, and whether it withholds the definition.
func findingsText(w io.Writer, d *admin.Detail) {
	for _, f := range d.Findings {
		effect := ""
		if slices.Contains(d.Blocks, f.Rule) {
			effect = ": blocks it until accepted"
		}
		_, _ = fmt.Fprintf(w, "  %s %s%s\n    at %s", f.Severity, visible(f.Rule), effect, cmp.Or(visible(f.Where), "all of it"))
		if f.End > 0 {
			_, _ = fmt.Fprintf(w, ", bytes %d to %d", f.Start, f.End)
		}
		_, _ = fmt.Fprintln(w)
		if f.Text != "" {
			_, _ = fmt.Fprintf(w, "    it says: %s\n", visible(f.Text))
		}
		if f.Why != "" {
			_, _ = fmt.Fprintf(w, "    %s\n", visible(f.Why))
		}
	}
}
