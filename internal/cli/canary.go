package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) trustCanary() *cobra.Command {
	return group("canary", "Plant values that nobody has a reason to send: a call that holds one is refused and raises an incident",
		`  doorward trust canary plant vault          prints a value; put it where only a thief looks
  doorward trust canary plant db --value -   takes one from standard input
  doorward trust canary list
  doorward trust canary remove vault`,
		r.canaryPlant(), r.canaryList(), r.canaryRemove())
}

func (r *run) canaryPlant() *cobra.Command {
	var value string
	c := &cobra.Command{
		Use: "plant NAME", Short: "Make a value and print it, once", Args: cobra.ExactArgs(1),
		Long: `Make a value that looks like a token and print it, once, or take your own. Put it into a file, a record or a
mail that nobody has to read. A call that carries it to an upstream, as it stands, encoded, or in pieces, is refused
as if by policy (arguments.refused), and on record as incident.canary.`,
		Example: "  doorward trust canary plant vault\n  doorward trust canary plant db --value - < value.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			one := admin.Canary{Name: args[0]}
			if cmd.Flags().Changed("value") {
				if value != "-" {
					return errors.New("--value takes - alone: a value on the command line is in the shell's history")
				}
				line, err := bufio.NewReader(io.LimitReader(r.Stdin, 4096)).ReadString('\n')
				if err != nil && !errors.Is(err, io.EOF) {
					return fmt.Errorf("reading the value: %w", err)
				}
				if one.Value = strings.TrimSpace(line); one.Value == "" {
					return errors.New("there is no value on standard input")
				}
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				made, err := op.PlantCanary(ctx, actor, one)
				if err != nil {
					return err
				}
				return r.put(made, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, made.Value)
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&value, "value", "", "- reads your own value, 12 to 512 bytes, from standard input")
	return c
}

func (r *run) canaryList() *cobra.Command {
	return listed(r, "list", "List what is planted, never the values", admin.Operator.ListCanaries, canaryTable)
}

func canaryTable(w io.Writer, all []admin.Canary) error {
	return table(w, "NAME\tCREATED", all, func(c admin.Canary) string { return visible(c.Name) + "\t" + day(c.Created) })
}

func (r *run) canaryRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Look for a value no more", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				return op.RemoveCanary(ctx, actor, args[0])
			})
		},
	}
}
