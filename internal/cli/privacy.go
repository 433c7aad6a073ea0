package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"doorward/internal/admin"
	"doorward/internal/audit"
)

func (r *run) privacyCommand() *cobra.Command {
	return group("privacy", "Do what people may ask for about their own data",
		`  doorward privacy export alice --out alice.zip
  doorward privacy erase alice --basis 'Art. 17(1)(b) GDPR, request 2026-114'
  doorward privacy breach --credential k_0123456789 --since 2026-11-01`,
		r.privacyErase(), r.privacyExport(), r.privacyCheck(), r.privacyRectify(), r.privacyBreach(), r.privacyRegister(),
		r.privacyRetain(), r.privacyHold())
}

// whom are the flags that say which person is meant.
type whom struct {
	admin.Whom
	tenant string
	flags  *pflag.FlagSet
}

func (w *whom) bind(flags *pflag.FlagSet) {
	w.flags = flags
	flags.StringArrayVar(&w.Keys, "key", nil, "only this key, as records have it; of several people of one name")
	flags.StringVar(&w.tenant, "tenant", "", "only of this tenant; '' for nobody's")
	flags.StringVar(&w.Issuer, "issuer", "", "only of this issuer: its URL, or api_key, mtls, anonymous, local")
}

// of is the person that a command line names.
func (w *whom) of(args []string) admin.Whom {
	if len(args) == 1 {
		w.Subject = args[0]
	}
	if w.flags.Changed("tenant") {
		w.Tenant = &w.tenant
	}
	return w.Whom
}

func (r *run) privacyErase() *cobra.Command {
	var who whom
	var e admin.Erasure
	var again string
	c := &cobra.Command{
		Use: "erase [SUBJECT]", Short: "Destroy the key of a person: what is kept of them is unreadable for good", Args: cobra.MaximumNArgs(1),
		Long: `Destroy the keys that seal what the audit log holds of a person: subject, address, agent
and arguments, in every log on data_dir and so in every copy of them. The log still
verifies, and says when, why and by whom it was done, not whose key it was. Approvals,
revocations, learned profiles, alerts that wait, incidents and API keys that are good no
more lose the name. There is no way back. Asked again it does nothing. What a legal hold keeps is
refused and listed, with exit code 3; it can be destroyed when the hold is released.

--again reads a copy of the log (a sink's file, or audit export) and erases what it says
was erased: after an older backup of data_dir was restored, before the gateway serves.`,
		Example: `  doorward privacy erase alice --basis 'Art. 17(1)(b) GDPR, request 2026-114'
  doorward privacy erase alice --issuer https://idp.example --tenant acme --basis 'request 115'
  doorward privacy erase --key 3fb3a2… --basis 'court order 7 O 12/26'
  doorward privacy erase --again /backup/audit.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Whom = who.of(args)
			if again != "" {
				keys, err := audit.ErasedIn(again)
				if err != nil {
					return failed(err)
				}
				if len(keys) == 0 {
					return failed(fmt.Errorf("%s says of nobody that they were erased", again))
				}
				e.Keys, e.Basis = append(e.Keys, keys...), strings.TrimSpace("again, as "+again+" has it. "+e.Basis)
			}
			if e.Subject == "" && len(e.Keys) == 0 || e.Basis == "" {
				return errors.New("name the person, or --key, and the legal --basis")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				out, err := op.Erase(ctx, actor, e)
				if err != nil {
					return err
				}
				err = r.put(out, func(w io.Writer) error { return erasedText(w, out) })
				if err == nil && len(out.Refused) > 0 {
					err = &exit{code: exitFindings}
				}
				return err
			})
		},
	}
	who.bind(c.Flags())
	c.Flags().StringVar(&e.Basis, "basis", "", "why: the article of the law, the number of the request; it is on record")
	c.Flags().BoolVar(&e.Revoke, "revoke", false, "end the API keys of that name too")
	c.Flags().StringVar(&again, "again", "", "erase what this copy of the log says was erased")
	return c
}

func erasedText(w io.Writer, out admin.Erased) error {
	for _, one := range out.Refused {
		_, _ = fmt.Fprintf(w, "Refused: %s is under legal hold %s: %s\n", cmp.Or(one.Key, "a name in clear"), one.Hold, visible(one.Reason))
	}
	switch {
	case out.Keys == 0 && len(out.Refused) > 0:
	case out.Keys == 0:
		_, _ = fmt.Fprintln(w, "No key of that person is there: nothing was on record, or it is erased already.")
	default:
		_, _ = fmt.Fprintf(w, "Destroyed %d, of:\n", out.Keys)
		for _, p := range out.Persons {
			_, _ = fmt.Fprintf(w, "  issuer %q tenant %q\n", visible(p.Issuer), visible(p.Tenant))
		}
	}
	_, err := fmt.Fprintf(w, "Without the name now: %d approvals, %d revocations, %d labels, %d profiles, %d alerts, %d incidents, %d API keys.\n",
		out.Approvals, out.Revocations, out.Labels, out.Profiles, out.Alerts, out.Incidents, out.APIKeys)
	if len(out.Elsewhere) > 0 {
		_, _ = fmt.Fprintln(w, "What it does not reach:")
	}
	for _, place := range out.Elsewhere {
		_, err = fmt.Fprintf(w, "  %s\n", place)
	}
	return err
}

func (r *run) privacyRectify() *cobra.Command {
	var who whom
	var what admin.Rectification
	c := &cobra.Command{
		Use: "rectify [SUBJECT]", Short: "Put on record what is right of a person, beside what is wrong", Args: cobra.MaximumNArgs(1),
		Long: `Put on record what is right of a person. The log is never changed; the correction is a
record of its own, sealed with that person's key and linked to the exchange that has it
wrong. doorward privacy export and doorward audit search --exchange show the two together.`,
		Example: `  doorward privacy rectify alice --exchange 019abc… --field address --value 192.0.2.7 --reason 'the proxy was not trusted then'
  doorward privacy rectify alice --field subject --value 'Alice Miller, formerly Smith' --reason 'married, request 2026-115'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			what.Whom = who.of(args)
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				out, err := op.Rectify(ctx, actor, what)
				if err != nil {
					return err
				}
				return r.put(out, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "On record, sealed with the key of issuer %q tenant %q.\n", visible(out.Person.Issuer), visible(out.Person.Tenant))
					return err
				})
			})
		},
	}
	who.bind(c.Flags())
	c.Flags().StringVar(&what.Exchange, "exchange", "", "the exchange that has it wrong (default: every record)")
	c.Flags().StringVar(&what.Field, "field", "", "what is wrong: address, agent, subject, arguments, or a word of yours")
	c.Flags().StringVar(&what.Value, "value", "", "what is right")
	c.Flags().StringVar(&what.Reason, "reason", "", "why")
	return c
}
