package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
)

func (r *run) secretCheck() *cobra.Command {
	var online bool
	c := &cobra.Command{
		Use: "check", Short: "Check all declared secrets together, without a start; exit 3 when one is amiss", Args: cobra.NoArgs,
		Long: `Check all secrets of the configuration together, where they are, by what a start goes by: one is missing, its file
can be read by others, it has the wrong type, it is an example, it has the value of another, or it could be guessed
where it proves who Doorward is. One that has had its value for longer than its max_age is amiss, too; since when a
variable or an item of a keyring has its value is known where a gateway on this data directory has noted it.

Every fault is told, and no value. Nothing is changed, and a gateway may run meanwhile. Secrets of Vault are read
with --online alone.

Exit 0 when nothing was amiss in what was looked at, 3 when something was.`,
		Example: `  doorward secret check
  doorward secret check --online --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			all, err := app.CheckSecrets(app.SecretCheck{
				Config: cfg, Environment: r.Environ, Ages: true,
				Skip: func(s config.Secret) string { return unaskedSecret(cfg, s, false, online) },
			})
			if err != nil {
				return failed(err)
			}
			return failed(r.putChecked(all))
		},
	}
	c.Flags().BoolVar(&online, "online", false, "ask Vault for its secrets, too")
	return c
}

func (r *run) putChecked(all []app.SecretChecked) error {
	if err := putAll(r, all, checkedTable); err != nil {
		return err
	}
	amiss, unasked := 0, 0
	for i := range all {
		switch one := &all[i]; {
		case one.Fault != "", one.Overdue:
			amiss++
		case one.Unasked != "":
			unasked++
		}
	}
	r.say("%d secrets: %d amiss, %d not looked at", len(all), amiss, unasked)
	if amiss > 0 {
		return &exit{code: exitFindings}
	}
	return nil
}

func checkedTable(w io.Writer, all []app.SecretChecked) error {
	return table(w, "NAME\tFROM\tSINCE\tMAX AGE\tSTATE", all, func(one app.SecretChecked) string {
		most := "-"
		if one.MaxAge > 0 {
			most = ageText(one.MaxAge)
		}
		return strings.Join([]string{one.Name, visible(one.From), day(one.Since), most, visible(checkedState(&one))}, "\t")
	})
}

func checkedState(one *app.SecretChecked) string {
	switch {
	case one.Fault != "":
		return strings.TrimPrefix(one.Fault, fmt.Sprintf("secret %s: ", one.Name))
	case one.Overdue:
		return "overdue"
	case one.Unasked != "":
		return "not looked at: " + one.Unasked
	case one.Absent:
		return "not there, and not required"
	}
	return "fine"
}
