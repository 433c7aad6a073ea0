package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/policy/compare"
)

func (r *run) policyDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD NEW", Short: "Say how two configurations differ in what they allow; exit 3 when they do", Args: cobra.ExactArgs(2),
		Long: `Compare the policies of two configurations by what they mean: which roles come and
go, who has them, and for each role which patterns become allowed, denied or held, or
are allowed under other conditions; and which arguments have another type. The order of
rules, formatting, doubles and how patterns are spread over rules make no difference,
unless the order decides something.

With the lock file of NEW at hand, it also says what becomes of each approved tool,
prompt and resource.

When it says that there is no difference, both allow, deny and hold the same. Two
conditions or two globs that are written differently and mean the same are reported.`,
		Example: `  doorward policy diff doorward.yaml candidate.yaml
  git show main:doorward.yaml > /tmp/old.yaml && doorward policy diff /tmp/old.yaml doorward.yaml`,
		RunE: func(_ *cobra.Command, args []string) error { return r.diff(args[0], args[1]) },
	}
}

func (r *run) diff(old, now string) error {
	a, err := config.Load(old)
	if err != nil {
		return failed(fmt.Errorf("%s: %w", old, err))
	}
	b, err := config.Load(now)
	if err != nil {
		return failed(fmt.Errorf("%s: %w", now, err))
	}
	known, err := approved(b)
	if err != nil {
		return err
	}
	approved := make([]compare.Pin, len(known))
	for i, p := range known {
		approved[i] = compare.Pin{Kind: p.Kind, Upstream: p.Upstream, Name: p.Name}
	}
	report, err := compare.Sources(a.PolicySource(), b.PolicySource(), approved)
	if err != nil {
		return failed(err)
	}
	if err := r.put(report, func(w io.Writer) error { return meaningText(w, &report) }); err != nil {
		return failed(err)
	}
	if len(report.Differences) > 0 {
		return &exit{code: exitFindings}
	}
	return nil
}

func meaningText(w io.Writer, r *compare.Report) error {
	var b strings.Builder
	if len(r.Differences) == 0 {
		b.WriteString("There is no difference in meaning.\n")
	}
	list := func(all []compare.Difference) {
		for _, d := range all {
			line := d.Change
			if d.Role != "" {
				line = "role " + d.Role + ": " + d.Change
			}
			b.WriteString(gate.Visible(strings.TrimSpace(line+" "+d.What)) + "\n")
			if d.Before != "" {
				b.WriteString("    before  " + gate.Visible(d.Before) + "\n")
			}
			if d.After != "" {
				b.WriteString("    after   " + gate.Visible(d.After) + "\n")
			}
		}
	}
	list(r.Differences)
	if len(r.Pinned) > 0 {
		b.WriteString("\nOf what is approved:\n")
	}
	list(r.Pinned)
	_, err := io.WriteString(w, b.String())
	return err
}
