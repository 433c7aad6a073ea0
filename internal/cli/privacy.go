package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) privacyCommand() *cobra.Command {
	return group("privacy", "Do what people may ask for about their own data",
		`  doorward privacy erase alice --basis 'Art. 17(1)(b) GDPR, request 2026-114'`,
		r.privacyErase(), r.privacyRetain(), r.privacyHold())
}

func (r *run) privacyErase() *cobra.Command {
	var e admin.Erasure
	c := &cobra.Command{
		Use: "erase [SUBJECT]", Short: "Destroy the key of a person: what the record holds of them is unreadable for good", Args: cobra.MaximumNArgs(1),
		Long: `Destroy the keys that seal what the audit log holds of a person: subject, address, agent
and arguments, in every log on data_dir and so in every copy of them. The log still
verifies, and says when, why and by whom it was done, not whose key it was. There is no
way back. Asked again it does nothing. What a legal hold keeps is refused and listed, with
exit code 3; it can be destroyed when the hold is released.`,
		Example: `  doorward privacy erase alice --basis 'Art. 17(1)(b) GDPR, request 2026-114'
  doorward privacy erase --key 3fb3a2… --basis 'court order 7 O 12/26'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				e.Subject = args[0]
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
	c.Flags().StringVar(&e.Basis, "basis", "", "why: the article of the law, the number of the request; it is on record")
	c.Flags().StringArrayVar(&e.Keys, "key", nil, "only this key, as records have it; of several people of one name")
	return c
}

func erasedText(w io.Writer, out admin.Erased) error {
	for _, one := range out.Refused {
		_, _ = fmt.Fprintf(w, "Refused: key %s is under legal hold %s: %s\n", one.Key, one.Hold, visible(one.Reason))
	}
	switch {
	case out.Keys == 0 && len(out.Refused) > 0:
		return nil
	case out.Keys == 0:
		_, err := fmt.Fprintln(w, "No key of that person is there: nothing was on record, or it is erased already.")
		return err
	}
	_, _ = fmt.Fprintf(w, "Destroyed %d. What else may name the person:\n", out.Keys)
	for _, place := range out.Elsewhere {
		_, _ = fmt.Fprintf(w, "  %s\n", place)
	}
	return nil
}
