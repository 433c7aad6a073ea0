package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) keyCommand() *cobra.Command {
	return group("key", "Create, list, rotate and revoke API keys; revoke tokens and subjects",
		`  doorward key create me
  doorward key create ci --role reader --expires 90d --format json
  doorward key create job --signing
  doorward key rotate ci --overlap 24h
  doorward key revoke ci
  doorward key revoke --subject alice --issuer https://id.example.com`,
		r.keyCreate(), r.keyList(), r.keyRotate(), r.keyRevoke(), r.keyRevoked())
}

func (r *run) keyCreate() *cobra.Command {
	var req admin.KeyRequest
	var expires string
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a key and show it, once", Args: cobra.ExactArgs(1),
		Example: `  doorward key create me
  doorward key create ci --role reader --expires 90d --format json
  doorward key create job --signing`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if req.Expires, err = parseAge(expires); err != nil {
				return fmt.Errorf("--expires: %w", err)
			}
			req.Name = args[0]
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				key, err := op.CreateKey(ctx, actor, req)
				if err != nil {
					return err
				}
				return r.putNewKey(key)
			})
		},
	}
	c.Flags().StringSliceVar(&req.Roles, "role", nil, "role of the key; may be repeated (default: the built-in role, when the configuration names no roles)")
	c.Flags().StringVar(&expires, "expires", "", "how long the key works, such as 12h or 90d (default: until revoked)")
	c.Flags().BoolVar(&req.Signing, "signing", false, "requests can be signed with the key; Doorward then keeps, sealed, the secret that does it")
	return c
}

// putNewKey shows a key's text: on stdout alone, so that it can be piped.
func (r *run) putNewKey(key admin.NewKey) error {
	return r.put(key, func(w io.Writer) error {
		if !r.quiet {
			kept := "only a hash"
			if key.Signing {
				kept = "a hash, and the secret that requests are signed with"
			}
			_, _ = fmt.Fprintf(r.errs(), "Key %s (%s), roles %s. It is shown once; Doorward keeps %s.\n",
				key.Name, key.ID, strings.Join(key.Roles, ", "), kept)
		}
		_, err := fmt.Fprintln(w, key.Text)
		return err
	})
}

func (r *run) keyList() *cobra.Command {
	return listed(r, "list", "List the keys, never their text", admin.Operator.ListKeys, keyTable)
}

func keyTable(w io.Writer, keys []admin.Key) error {
	return table(w, "ID\tNAME\tROLES\tSIGNS\tCREATED\tEXPIRES\tLAST USED\tSTATE", keys, func(k admin.Key) string {
		state := "live"
		switch {
		case !k.Revoked.IsZero():
			state = "revoked"
		case !k.Expires.IsZero() && time.Now().After(k.Expires):
			state = "expired"
		}
		signs := "-"
		if k.Signing {
			signs = "yes"
		}
		return strings.Join([]string{
			k.ID, k.Name, strings.Join(k.Roles, ","), signs, day(k.Created), day(k.Expires), day(k.LastUsed), state,
		}, "\t")
	})
}

func (r *run) keyRotate() *cobra.Command {
	var overlap string
	c := &cobra.Command{
		Use: "rotate NAME|ID", Short: "Replace a key by a new one and show it, once", Args: cobra.ExactArgs(1),
		Example: "  doorward key rotate ci --overlap 24h",
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseAge(overlap)
			if err != nil {
				return fmt.Errorf("--overlap: %w", err)
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				key, err := op.RotateKey(ctx, actor, args[0], d)
				if err != nil {
					return err
				}
				return r.putNewKey(key)
			})
		},
	}
	c.Flags().StringVar(&overlap, "overlap", "", "how long the old key goes on working, such as 1h (default: not at all)")
	return c
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// parseAge reads a Go duration or a number of days ("90d"). Empty is zero.
func parseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err == nil && n > 0 && n <= 36500 && fmt.Sprint(n) == days {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no duration: want something like 12h or 90d", s)
	}
	return d, nil
}
