package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) secretRotate() *cobra.Command {
	var overlap string
	c := &cobra.Command{
		Use: "rotate NAME", Short: "Replace a value of Doorward's encrypted store", Args: cobra.ExactArgs(1),
		Long: `Replace a value of Doorward's encrypted store by another, as secret set does: it is read from standard input, or asked
for and not shown, a running gateway uses it at once, and the value before counts beside it for the overlap. A name
under which nothing is kept is refused before anything is read, so that a misspelt one replaces nothing.`,
		Example: `  doorward secret rotate hook-secret
  openssl rand -base64 32 | doorward secret rotate hook-secret --overlap 24h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.keepSecret(cmd.Context(), args[0], overlap, func(ctx context.Context, op admin.Operator) error { return isKept(ctx, op, args[0]) })
		},
	}
	overlapFlag(c, &overlap)
	return c
}

// isKept refuses a name under which the store keeps nothing. The name is not repeated: it may be
// the secret itself, written in the wrong place.
func isKept(ctx context.Context, op admin.Operator, name string) error {
	all, err := op.ListSecrets(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(s admin.Secret) bool {
		return s.Name == name && s.From == "store" && !s.Since.IsZero()
	}) {
		return errors.New("the store keeps nothing under this name: doorward secret set keeps a first value, and secrets from elsewhere are replaced there")
	}
	return nil
}
