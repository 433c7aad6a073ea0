package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

// maxHashed bounds what audit hash reads from standard input.
const maxHashed = 256 << 10

func (r *run) auditHash() *cobra.Command {
	var v admin.FieldValue
	var text bool
	c := &cobra.Command{
		Use: "hash [VALUE]", Short: "Print the hash that records have of an argument, to search for it", Args: cobra.MaximumNArgs(1),
		Long: `Print the hash that records have of an argument's value where audit.fields says hashed.
VALUE is JSON: 4711, true, "alice" with its quotes, {"a":[1,2]}; with --string it is a
text as it is. Without VALUE it is read from standard input, so that no list of processes
shows it. Each tenant has hashes of its own. That somebody asked is on record, not for
what.`,
		Example: `  doorward audit hash 4711
  doorward audit hash --string alice --tenant acme
  doorward audit search --hash "$(doorward audit hash 4711)"`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var value []byte
			if len(args) == 1 {
				value = []byte(args[0])
			} else if value, err = io.ReadAll(io.LimitReader(r.Stdin, maxHashed+1)); err != nil {
				return failed(err)
			}
			if len(value) > maxHashed {
				return fmt.Errorf("the value is longer than %d bytes", maxHashed)
			}
			if text {
				if value, err = json.Marshal(string(value)); err != nil {
					return failed(err)
				}
			}
			if !json.Valid(value) {
				return errors.New(`VALUE is no JSON: a text needs quotes ('"alice"') or --string`)
			}
			v.Value = value
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				h, err := op.HashField(ctx, actor, v)
				if err != nil {
					return err
				}
				return r.put(h, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, h.Hash)
					return err
				})
			})
		},
	}
	c.Flags().StringVar(&v.Tenant, "tenant", "", "the tenant of the principal who called")
	c.Flags().BoolVar(&text, "string", false, "VALUE is a text, not JSON")
	return c
}
