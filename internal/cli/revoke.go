package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) keyRevoke() *cobra.Command {
	var subject, token, issuer, during string
	c := &cobra.Command{
		Use: "revoke [NAME|ID]", Short: "End a key, a token, or everything of a subject, at once", Args: cobra.MaximumNArgs(1),
		Long: `End a key at once; or, with --token or --subject, turn away one access token or
certificate, or every one of a subject: of the issuer, in every tenant. API keys are ended
by their names, not by a subject. Open streams end within five seconds, on
every gateway that shares this one's state.`,
		Example: `  doorward key revoke ci
  doorward key revoke --subject alice --issuer https://id.example.com
  doorward key revoke --token 4f1c0a --issuer https://id.example.com --for 24h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, value, err := revoked(args, subject, token)
			if err != nil {
				return err
			}
			age, err := parseAge(during)
			switch {
			case err != nil:
				return fmt.Errorf("--for: %w", err)
			case kind == "" && (issuer != "" || during != ""):
				return errors.New("--issuer and --for go with --subject or --token: a key has no issuer, and never comes back")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				if kind == "" {
					err = op.RevokeKey(ctx, actor, value)
				} else {
					what := admin.Revocation{Kind: kind, Issuer: issuer, Value: value}
					if age > 0 {
						what.Until = time.Now().Add(age)
					}
					err = op.Revoke(ctx, actor, what)
				}
				if err != nil {
					return err
				}
				r.say("revoked %s", visible(value))
				return nil
			})
		},
	}
	c.Flags().StringVar(&subject, "subject", "", "everything of this subject, in every tenant: the sub of tokens, the name of certificates")
	c.Flags().StringVar(&token, "token", "", "one token, by its jti, or one certificate, by its SHA-256; the audit log has both as principal.credential")
	c.Flags().StringVar(&issuer, "issuer", "", "whose subject or token: an issuer's URL, or mtls (default: the only one of the configuration)")
	c.Flags().StringVar(&during, "for", "", "until when: an age such as 24h, after which it has expired anyway (default: for ever)")
	return c
}

// revoked is the one thing that is named; a key has no kind.
func revoked(args []string, subject, token string) (kind, value string, err error) {
	n := 0
	for _, one := range [...]struct{ kind, value string }{{"subject", subject}, {"token", token}, {"", strings.Join(args, "")}} {
		if one.value != "" {
			kind, value = one.kind, one.value
			n++
		}
	}
	if n != 1 {
		return "", "", errors.New("name one thing to revoke: a key's name or id, --subject or --token")
	}
	return kind, value, nil
}

func (r *run) keyRevoked() *cobra.Command {
	return listed(r, "revoked", "List the subjects and tokens that are turned away", admin.Operator.ListRevoked, revokedTable)
}

func revokedTable(w io.Writer, all []admin.Revocation) error {
	return table(w, "KIND\tVALUE\tISSUER\tSINCE\tUNTIL\tBY", all, func(v admin.Revocation) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", v.Kind, visible(v.Value), visible(v.Issuer), day(v.At), day(v.Until), visible(v.By))
	})
}
