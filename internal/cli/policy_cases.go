package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/gate"
	"doorward/internal/policy/cases"
)

func (r *run) policyTest() *cobra.Command {
	var junit string
	c := &cobra.Command{
		Use: "test FILE…", Short: "Hold the policy to cases; exit 3 when it decides otherwise", Args: cobra.MinimumNArgs(1),
		Long: `Ask the policy of --config every case of the files, and compare what it decides with what
the case expects. "-" reads a file from stdin.

  version: 1
  principals:
    alice: {roles: [reader], tenant: acme}       # as an API key with these roles
    ci: {scopes: ["mcp:execute:tools"]}          # as a token: roles by groups, scopes, subject
  cases:
    - name: reads below the docs
      who: alice
      call: files/read_text                      # or prompt: UPSTREAM/NAME, read: URI, list: UPSTREAM/NAME
      args: {path: /srv/docs/a.md}               # numbers go as they are written; a text is JSON itself
      expect: allow                              # allow, deny, approve; of a list visible, hidden
      rule: roles.reader.allow[0]                # which must decide; optional, as is reason: TEXT
    - {who: alice, list: web/*, expect: hidden}
    - {who: ci, call: files/drop, at: 2026-11-26T03:00:00Z, labels: [private], expect: deny}

Principals have subject, tenant, client, issuer, method and roles or groups and scopes. Cases
have at, labels, kind (of a list: tool, prompt, resource, template), upstream (of a resource)
and request: {transport, era, profile, address, agent} for conditions.

Only the policy is asked: no gateway and no upstream, and neither whether a tool is approved
nor whether its schema takes the arguments.`,
		Example: `  doorward policy test cases.yaml
  doorward policy test --config new.yaml cases/*.yaml --junit report.xml`,
		RunE: func(_ *cobra.Command, args []string) error { return failed(r.testPolicy(args, junit)) },
	}
	c.Flags().StringVar(&junit, "junit", "", "also write a JUnit report to this file")
	return c
}

func (r *run) testPolicy(files []string, junit string) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	outcomes := []cases.Outcome{}
	var faults []error
	for _, name := range files {
		data, err := r.readBounded(name)
		if err != nil {
			return fmt.Errorf("reading cases: %w", err)
		}
		suite, err := cases.Parse(name, data)
		if err == nil {
			var some []cases.Outcome
			some, err = suite.Run(cfg.PolicySource(), issuer(cfg))
			outcomes = append(outcomes, some...)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s:\n%w", name, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if junit != "" {
		if err := r.notOurs(junit); err != nil {
			return err
		}
		var b bytes.Buffer
		if err := cases.WriteJUnit(&b, outcomes); err != nil {
			return err
		}
		if err := os.WriteFile(junit, b.Bytes(), 0o644); err != nil { //nolint:gosec // a report, for CI to read; it has no arguments
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	if err := r.put(outcomes, func(w io.Writer) error { return r.outcomesText(w, outcomes) }); err != nil {
		return err
	}
	wrong := 0
	for i := range outcomes {
		if !outcomes[i].Passed {
			wrong++
		}
	}
	r.say("%s, %d as expected, %d not", amount(len(outcomes), "case"), len(outcomes)-wrong, wrong)
	if wrong > 0 {
		return &exit{code: exitFindings}
	}
	return nil
}

// outcomesText is a line for every case, and for one that failed what came and why.
// Quiet leaves out those that passed.
func (r *run) outcomesText(w io.Writer, outcomes []cases.Outcome) error {
	var b strings.Builder
	for i := range outcomes {
		o := &outcomes[i]
		if o.Passed {
			if !r.quiet {
				fmt.Fprintf(&b, "PASS  %s\n", gate.Visible(o.Name))
			}
			continue
		}
		fmt.Fprintf(&b, "FAIL  %s (%s:%d)\n", gate.Visible(o.Name), gate.Visible(o.File), o.Line)
		for _, d := range o.Differs {
			fmt.Fprintf(&b, "      %s\n", gate.Visible(d))
		}
		for _, part := range [...]struct{ name, text string }{{"role", o.Role}, {"rule", o.Rule}, {"reason", o.Reason}} {
			if part.text != "" {
				fmt.Fprintf(&b, "      %-7s %s\n", part.name, gate.Visible(part.text))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
