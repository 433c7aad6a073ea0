package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) privacyRegister() *cobra.Command {
	return &cobra.Command{
		Use: "register", Short: "Write the register of processing activities", Args: cobra.NoArgs,
		Long: `Write the register of processing activities (GDPR, article 30) as the configuration in
force has it: purposes, categories of people and data, recipients, transfers, how long it is
kept, and measures of security. What only you know stands under privacy in the configuration.
As text it is Markdown.`,
		Example: `  doorward privacy register > register.md
  doorward privacy register --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				reg, err := op.Register(ctx)
				if err != nil {
					return err
				}
				return r.put(reg, func(w io.Writer) error { return registerText(w, &reg) })
			})
		},
	}
}

func registerText(w io.Writer, reg *admin.Register) error {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("# Register of processing activities (GDPR, article 30)\n\nDoorward %s, %s.\n\n", cell(reg.Version), stamp(reg.Made))
	for _, one := range []struct{ name, value string }{
		{"Controller", reg.Controller}, {"Contact", reg.Contact}, {"Representative", reg.Representative}, {"Data protection officer", reg.DPO},
	} {
		if one.value != "" {
			p("- %s: %s\n", one.name, cell(one.value))
		}
	}
	for _, key := range reg.Missing {
		p("- missing: `%s` in the configuration\n", key)
	}
	p("\n## Activities\n\n| activity | purposes | people | data | where | kept |\n|---|---|---|---|---|---|\n")
	for _, a := range reg.Activities {
		p("| %s | %s | %s | %s | %s | %s |\n", cell(a.Name), cells(a.Purposes), cells(a.Subjects), cells(a.Categories), cell(a.Where), cell(a.Retention))
	}
	p("\n## Recipients\n\n| name | kind | place | data | third country | safeguard |\n|---|---|---|---|---|---|\n")
	for _, one := range reg.Recipients {
		p("| %s | %s | %s | %s | %s | %s |\n", cell(one.Name), one.Kind, cell(one.Place), cells(one.Categories), cell(one.Country), cell(one.Safeguard))
	}
	p("\n## Security\n\n")
	var err error
	for _, m := range reg.Measures {
		_, err = fmt.Fprintf(w, "- %s\n", cell(m))
	}
	return err
}

func cells(all []string) string { return cell(strings.Join(all, "; ")) }
