package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

// listed is the command "list", or of another name, that shows all that the gateway
// keeps of one kind: JSON, or the table that text writes. Nothing kept is an empty
// list in JSON.
func listed[T any](r *run, use, short string, ask func(admin.Operator, context.Context) ([]T, error), text func(io.Writer, []T) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				all, err := ask(op, ctx)
				if err != nil {
					return err
				}
				return putAll(r, all, text)
			})
		},
	}
}

// putAll is put of a list, which in JSON is never null.
func putAll[T any](r *run, all []T, text func(io.Writer, []T) error) error {
	if all == nil {
		all = []T{}
	}
	return r.put(all, func(w io.Writer) error { return text(w, all) })
}

// table writes a head and a row for each; cells are parted by tabs.
func table[T any](w io.Writer, head string, all []T, row func(T) string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, head)
	for _, one := range all {
		_, _ = fmt.Fprintln(tw, row(one))
	}
	return tw.Flush()
}
