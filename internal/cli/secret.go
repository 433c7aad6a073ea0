package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"doorward/internal/admin"
	"doorward/internal/secret"
)

func (r *run) secretCommand() *cobra.Command {
	return group("secret", "Keep, list and replace the credentials that Doorward itself uses",
		`  doorward secret set hook-secret              asks for the value, and does not show it
  pass show github | doorward secret set github-token
  doorward secret rotate hook-secret --overlap 24h
  doorward secret list
  doorward secret check
  doorward secret rotate-root
  doorward secret audit`,
		r.secretSet(), r.secretRotate(), r.secretList(), r.secretCheck(), r.secretRemove(), r.secretRotateRoot(), r.secretAudit())
}

// defaultOverlap is how long both versions of a secret count unless somebody says
// otherwise: long enough to change it by hand at the other end.
const defaultOverlap = "1h"

func (r *run) secretSet() *cobra.Command {
	var overlap string
	c := &cobra.Command{
		Use: "set NAME", Short: "Keep a value in Doorward's encrypted store", Args: cobra.ExactArgs(1),
		Long: `Keep a value in Doorward's encrypted store, for an entry of secrets with from: store. The value is read from
standard input, or asked for and not shown; never from the command line, which others can see. A running gateway uses
it at once. The value before counts beside it for the overlap: what Doorward signs meanwhile has a signature with
each, and an upstream that turns one away is shown the other. A value that the gateway would not start with, because
it is an example, can be guessed, has the wrong type or is that of another entry, is refused. Nothing gives the value
out again.`,
		Example: `  doorward secret set hook-secret
  pass show github | doorward secret set github-token
  doorward secret set orders-dsn --overlap 0s < /run/new-dsn`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.keepSecret(cmd.Context(), args[0], overlap, nil)
		},
	}
	overlapFlag(c, &overlap)
	return c
}

func overlapFlag(c *cobra.Command, overlap *string) {
	c.Flags().StringVar(overlap, "overlap", defaultOverlap, "how long the value before counts too, such as 24h or 7d; 0s: it is gone at once")
}

// keepSecret reads a value and has it kept under a name. may refuses that before the value is
// read; nil: nothing does.
func (r *run) keepSecret(ctx context.Context, name, overlap string, may func(context.Context, admin.Operator) error) error {
	v := admin.SecretValue{Name: name}
	var err error
	if overlap != "0s" {
		if v.Overlap, err = parseAge(overlap); err != nil {
			return fmt.Errorf("--overlap: %w", err)
		}
	}
	if may != nil {
		if err := r.operate(ctx, func(ctx context.Context, op admin.Operator, _ string) error { return may(ctx, op) }); err != nil {
			return err
		}
	}
	if v.Value, err = r.readSecret(name); err != nil {
		return err
	}
	return r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
		made, err := op.SetSecret(ctx, actor, v)
		if err != nil {
			return err
		}
		return r.put(made, func(io.Writer) error {
			if made.Unused {
				_, _ = fmt.Fprintf(r.errs(), "nothing uses it yet: write secrets: {%s: {from: store}} in the configuration\n", made.Name)
			}
			r.say("kept %s", made.Name)
			return nil
		})
	})
}

// readSecret reads a value from standard input: all of it without one last line's end,
// or from a terminal a line that is not shown.
func (r *run) readSecret(name string) (string, error) {
	if f, ok := r.Stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		_, _ = fmt.Fprintf(r.errs(), "Value of %s: ", visible(name))
		text, err := term.ReadPassword(int(f.Fd()))
		_, _ = fmt.Fprintln(r.errs())
		if err != nil {
			return "", failed(fmt.Errorf("reading the value: %w", err))
		}
		return someValue(string(text))
	}
	data, err := io.ReadAll(io.LimitReader(r.Stdin, secret.MaxSize+3))
	if err != nil {
		return "", failed(fmt.Errorf("reading the value: %w", err))
	}
	return someValue(strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"))
}

// someValue refuses what is no value. The error does not quote it.
func someValue(text string) (string, error) {
	if err := secret.CheckType(text, ""); err != nil {
		return "", failed(fmt.Errorf("the value on standard input %w", err))
	}
	return text, nil
}

func (r *run) secretList() *cobra.Command {
	return listed(r, "list", "List secrets, where they are and how old, never the values", admin.Operator.ListSecrets, secretTable)
}

func secretTable(w io.Writer, all []admin.Secret) error {
	return table(w, "NAME\tFROM\tSINCE\tMAX AGE\tBOTH UNTIL\tSTATE", all, func(s admin.Secret) string {
		state := "fine"
		switch {
		case s.Fault != "":
			state = s.Fault
		case !s.Within:
			state = "overdue"
		case s.Unused:
			state = "nothing uses it"
		}
		most := "-"
		if s.MaxAge > 0 {
			most = ageText(s.MaxAge)
		}
		return strings.Join([]string{s.Name, visible(s.From), day(s.Since), most, day(s.Overlap), visible(state)}, "\t")
	})
}

// ageText is a duration as the configuration has it.
func ageText(d time.Duration) string {
	const aDay = 24 * time.Hour
	if d%aDay == 0 {
		return fmt.Sprintf("%dd", d/aDay)
	}
	return d.String()
}

func (r *run) secretRemove() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Forget a value of Doorward's encrypted store", Args: cobra.ExactArgs(1),
		Long: `Forget a value of Doorward's encrypted store, and the one before it. What uses it is refused from then on, and a
gateway whose configuration requires it does not start.`,
		Example: "  doorward secret rm hook-secret",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				if err := op.RemoveSecret(ctx, actor, args[0]); err != nil {
					return err
				}
				r.say("removed %s", visible(args[0]))
				return nil
			})
		},
	}
}

func (r *run) secretRotateRoot() *cobra.Command {
	return &cobra.Command{
		Use: "rotate-root", Short: "Seal Doorward's encrypted store under another root key", Args: cobra.NoArgs,
		Long: `Seal the keys of all secrets in Doorward's encrypted store under another root key, while the gateway uses them.
A copy of the store that somebody took before opens with the old root key alone, which is gone. With
secret_store.root in the configuration the key is yours: write the new one before the old one, separated by a space,
run this, and then take the old one out. A key of Vault's transit engine you rotate there first, and run this then.`,
		Example: "  doorward secret rotate-root",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				n, err := op.ReplaceSecretsRoot(ctx, actor)
				if err != nil {
					return err
				}
				return r.put(resealed{n}, func(io.Writer) error {
					r.say("sealed %d secrets under another root key", n)
					return nil
				})
			})
		},
	}
}

// resealed is what rotate-root prints as JSON.
type resealed struct {
	Secrets int `json:"secrets"`
}
