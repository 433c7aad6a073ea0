package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/checklist"
	"doorward/internal/gate"
)

func (r *run) checkCommand() *cobra.Command {
	var failOn string
	var offline, online bool
	c := &cobra.Command{
		Use: "check", Short: "Go through the production checklist, with evidence", Args: cobra.NoArgs,
		Annotations: map[string]string{formatsKey: "text json sarif"},
		Long: `Go through what should be so before a gateway is relied on: transport, identity and keys, what
was reviewed, pinned versions, roles and rules, what upstreams declare, disclosure, secrets,
the audit log, limits and the files' modes. Each item says what was seen, on which line of the
configuration, and what to do. Every item: docs/reference/checklist.md.

It works beside a running gateway and without one. No upstream is asked or started, and nothing
is changed; without a running gateway it is on record that the data directory was opened, as
with every command that reads it. --offline leaves the data directory alone. Secrets are read
where they are, and never shown; those of Vault with --online alone.

Exit 3 when an item fails; with --fail-on warn also when one warns.
--format sarif writes SARIF 2.1.0 for code scanning.`,
		Example: `  doorward check
  doorward check --fail-on warn
  doorward check --offline --format sarif > doorward.sarif       in CI`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			worst, ok := map[string]checklist.Status{"fail": checklist.Fail, "warn": checklist.Warn}[failOn]
			if !ok {
				return errors.New("--fail-on: want fail or warn")
			}
			cfg, err := r.load()
			if err != nil {
				return err
			}
			st := r.surroundings(cmd.Context(), cfg, offline)
			if err := r.lookAtSecrets(&st, cfg, offline, online); err != nil {
				return failed(err)
			}
			if cmd.Context().Err() != nil {
				return failed(errors.New("interrupted"))
			}
			report := checklist.Run(cfg, st)
			if err := r.putChecklist(&report); err != nil {
				return failed(err)
			}
			for s := checklist.Fail; s <= worst; s++ {
				if report.Count(s) > 0 {
					return &exit{code: exitFindings}
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&failOn, "fail-on", "fail", "what makes the exit code 3: fail, or warn for warnings too")
	c.Flags().BoolVar(&online, "online", false, "ask Vault for its secrets, too")
	c.Flags().BoolVar(&offline, "offline", false, "leave out keys and definitions: do not open the data directory")
	c.MarkFlagsMutuallyExclusive("online", "offline")
	return c
}

// checklistReport is what check prints for machines.
type checklistReport struct {
	File          string `json:"file"`
	Fail          int    `json:"fail"`
	Warn          int    `json:"warn"`
	Pass          int    `json:"pass"`
	NotApplicable int    `json:"not_applicable"`
	*checklist.Report
}

func (r *run) putChecklist(report *checklist.Report) error {
	out := checklistReport{
		r.config, report.Count(checklist.Fail), report.Count(checklist.Warn), report.Count(checklist.Pass), report.Count(checklist.NotApplicable), report,
	}
	if r.format == "sarif" {
		text, err := report.SARIF(artifact(r.config), r.Version)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(screenJSON{r.Stdout}, "%s\n", text); err != nil {
			return err
		}
	} else if err := r.put(out, func(w io.Writer) error { return r.checklistText(w, report) }); err != nil {
		return err
	}
	r.say("%s: %d fail, %d warn, %d pass, %d not applicable", r.config, out.Fail, out.Warn, out.Pass, out.NotApplicable)
	return nil
}

// checklistText prints each item with what was seen and, where it is amiss, what
// to do. Quiet leaves out what is in order.
func (r *run) checklistText(w io.Writer, report *checklist.Report) error {
	var b strings.Builder
	for _, item := range report.Items {
		amiss := item.Status == checklist.Fail || item.Status == checklist.Warn
		if !amiss && r.quiet {
			continue
		}
		word := item.Status.String()
		if item.Status == checklist.NotApplicable {
			word = "n/a"
		}
		fmt.Fprintf(&b, "%-5s %-23s %s\n", word, item.ID, item.Title)
		for _, e := range item.Evidence {
			if amiss && e.Status != checklist.Fail && e.Status != checklist.Warn {
				continue
			}
			fmt.Fprintf(&b, "      %s%s\n", place(e), gate.Visible(e.Text))
		}
		if amiss {
			fmt.Fprintf(&b, "      → %s\n        %s\n", item.Fix, item.Reference)
		}
	}
	if len(report.Declares) > 0 && !r.quiet {
		b.WriteString("\n")
		_ = table(&b, "UPSTREAM\tPURPOSE\tAI ACT\tLICENCE", report.Declares, declared) // into memory
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// place says where in the configuration something is.
func place(e checklist.Evidence) string {
	switch {
	case e.Path == "":
		return ""
	case e.Line == 0:
		return e.Path + ": "
	}
	return fmt.Sprintf("line %d, %s: ", e.Line, gate.Visible(e.Path))
}

func declared(d checklist.Declared) string {
	return strings.Join([]string{d.Upstream, orDash(d.Purpose), orDash(d.AIAct), orDash(d.Licence)}, "\t")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
