package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/checklist"
	"doorward/internal/config"
	"doorward/internal/evidence"
	"doorward/internal/mapping"
	"doorward/internal/monitor/figures"
)

// auditing is what was gathered for a framework.
type auditing struct {
	Framework string           `json:"framework"`
	Title     string           `json:"title"`
	Created   time.Time        `json:"created"`
	Version   string           `json:"version"`
	Since     time.Time        `json:"since,omitzero"`
	Tenant    string           `json:"tenant,omitempty"` // whose records alone are counted; then there is nothing of the others'
	Controls  []controlJSON    `json:"controls"`
	Logs      []reportJSON     `json:"logs,omitzero"`     // nil with a tenant
	Verified  []verifiedJSON   `json:"verified,omitzero"` // in place of Logs
	Checklist *checklistReport `json:"checklist,omitempty"`
	Counts    counts           `json:"counts"`
	Retention config.Retain    `json:"retention"`
	Figures   *figures.Summary `json:"figures,omitempty"`
	Copies    []string         `json:"copies,omitzero"`
}

// verifiedJSON is a log of which nothing is told but whether it verifies.
type verifiedJSON struct {
	Log string `json:"log"`
	OK  bool   `json:"ok"`
}

type controlJSON struct {
	ID      string      `json:"id"`
	Title   string      `json:"title"`
	Status  string      `json:"there"`
	By      []shownJSON `json:"by"`
	Missing string      `json:"missing,omitempty"`
}

type shownJSON struct {
	Text    string `json:"text"`
	Page    string `json:"page"`
	Command string `json:"command"`
}

// counts are how many records there are, by what they say.
type counts struct {
	Kinds  map[string]int `json:"kinds"`
	Events map[string]int `json:"events"`
	Codes  map[string]int `json:"codes"`
	Months map[string]int `json:"months"` // of UTC
}

func (r *run) auditEvidence() *cobra.Command {
	var name, since, tenant, out string
	c := &cobra.Command{
		Use: "evidence --framework NAME", Short: "Gather what shows the controls of a framework, and say what cannot be shown; exit 3 for a log that was tampered with", Args: cobra.NoArgs,
		Annotations: map[string]string{formatsKey: "text markdown json"},
		Long: `Gather what data_dir and the configuration show for the controls of a framework: each
log verified, the production checklist, records counted by kind, event, code and month,
retention, the security figures with the ages of keys, and the copies of the log. It says
what Doorward does not have. It opens nothing that is sealed, and is no certificate.
With --tenant it is about that tenant's people: their records are counted, and of each log
it says whether it verifies; how many others there are, the figures, the checklist and the
copies are the operator's, and left out.
With --out it is a bundle, signed with the key that signs checkpoints, which is on
record (audit.evidence); incident verify-bundle checks it. It exits 3 when a log does not
verify: what was gathered says so, and counts nothing of that log.`,
		Example: `  doorward audit evidence --framework soc2 --since 90d > soc2.md
  doorward audit evidence --framework gdpr --tenant acme > acme.md
  doorward audit evidence --framework gdpr --out gdpr-2026-11
  doorward audit evidence --framework owasp-mcp --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := frameworkOf(name)
			if err != nil {
				return err
			}
			if out != "" {
				if err := r.notOurs(out); err != nil {
					return err
				}
			}
			from, err := moment(since)
			if err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			cfg, err := r.load()
			if err != nil {
				return err
			}
			return r.audited(cmd.Context(), cfg, &auditing{
				Framework: f.Name, Title: f.Title, Created: time.Now().UTC().Truncate(time.Second), Version: r.Version, Since: from, Tenant: tenant,
				Controls: controlsOf(f), Retention: cfg.Audit.Retain,
			}, out)
		},
	}
	c.Flags().StringVar(&name, "framework", "", frameworkNames()+"; required")
	c.Flags().StringVar(&since, "since", "", "count records from this time: RFC 3339, or an age such as 90d (default: all)")
	only(c.Flags(), &tenant, "tenant", "the principal's tenant: what is of others, or of none, is left out")
	c.Flags().StringVarP(&out, "out", "o", "", "write a signed bundle to this new place: a file when it ends in .tar.gz, else a directory")
	return c
}

func frameworkNames() string {
	var names []string
	for _, f := range mapping.Frameworks() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

func frameworkOf(name string) (*mapping.Framework, error) {
	for _, f := range mapping.Frameworks() {
		if f.Name == name {
			return &f, nil
		}
	}
	return nil, fmt.Errorf("--framework %q: want one of %s", visible(name), frameworkNames())
}

func controlsOf(f *mapping.Framework) []controlJSON {
	var all []controlJSON
	for i := range f.Controls {
		c := &f.Controls[i]
		one := controlJSON{ID: c.ID, Title: c.Title, Status: c.Status().String(), By: []shownJSON{}, Missing: c.Missing}
		for _, by := range c.Features {
			one.By = append(one.By, shownJSON(by))
		}
		all = append(all, one)
	}
	return all
}

// audited gathers, and prints or writes.
func (r *run) audited(ctx context.Context, cfg *config.Config, a *auditing, out string) error {
	if a.Tenant == "" {
		r.wholeGateway(ctx, cfg, a)
	}
	return r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
		dirs, err := r.auditDirs("")
		if err != nil {
			return err
		}
		sound, err := a.read(ctx, dirs)
		if err != nil {
			return err
		}
		if a.Tenant != "" {
			a.Logs = nil
		} else if a.Figures, err = figuresOf(ctx, op, sound, a.Since, a.Created); err != nil {
			return err
		}
		if out != "" {
			err = r.sealed(ctx, evidence.Desk{Op: op, Actor: actor}, a, out)
		} else {
			err = r.put(a, func(w io.Writer) error {
				_, err := io.WriteString(w, a.markdown())
				return err
			})
		}
		return errors.Join(err, a.tampered())
	})
}

// wholeGateway adds what is of no tenant: the checklist and the names of the copies.
func (r *run) wholeGateway(ctx context.Context, cfg *config.Config, a *auditing) {
	report := checklist.Run(cfg, r.surroundings(ctx, cfg, false))
	a.Checklist = &checklistReport{
		r.config, report.Count(checklist.Fail), report.Count(checklist.Warn), report.Count(checklist.Pass), report.Count(checklist.NotApplicable), &report,
	}
	a.Copies = []string{}
	for i := range cfg.Audit.Sinks {
		a.Copies = append(a.Copies, cfg.Audit.Sinks[i].Name)
	}
}

// tampered says which logs do not verify. What was gathered stands, and shows it; a
// pipeline that reads the exit code alone must not take it for evidence of a whole record.
func (a *auditing) tampered() error {
	var bad []string
	for i := range a.Logs {
		if l := &a.Logs[i]; !l.OK {
			bad = append(bad, fmt.Sprintf("%s was tampered with: %s", visible(l.Log), visible(l.Fault)))
		}
	}
	for _, l := range a.Verified {
		if !l.OK {
			bad = append(bad, visible(l.Log)+" was tampered with")
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &exit{code: exitFindings, err: fmt.Errorf("%s; its records count for nothing here (doorward audit verify)", strings.Join(bad, "; "))}
}

// read verifies and counts the logs. Sound are those that verify.
func (a *auditing) read(ctx context.Context, dirs []string) (sound []string, err error) {
	a.Counts = counts{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
	for _, dir := range dirs {
		rep, err := audit.Verify(ctx, dir, audit.Options{})
		if err != nil && rep.Fault == nil {
			return nil, err
		}
		a.Logs = append(a.Logs, reportOf(dir, rep))
		if a.Tenant != "" {
			a.Verified = append(a.Verified, verifiedJSON{dir, rep.Fault == nil})
		}
		if rep.Fault != nil {
			continue // what it counts is nobody's word
		}
		if err := audit.Read(ctx, dir, audit.Query{Since: a.Since, Tenant: a.Tenant}, a.Counts.add); err != nil {
			return nil, err
		}
		sound = append(sound, dir)
	}
	return sound, nil
}

func (c *counts) add(rec *audit.Record) error {
	c.Kinds[rec.Kind]++
	c.Months[rec.Time.UTC().Format("2006-01")]++
	if rec.Event != "" {
		c.Events[rec.Event]++
	}
	if rec.Code != "" {
		c.Codes[rec.Code]++
	}
	return nil
}

// sealed writes a bundle that the log's key has signed.
func (r *run) sealed(ctx context.Context, d evidence.Desk, a *auditing, out string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	b := &evidence.Bundle{}
	if err := errors.Join(b.Add("evidence.json", append(text, '\n')), b.Add("evidence.md", []byte(a.markdown()))); err != nil {
		return err
	}
	m := evidence.Manifest{Framework: a.Framework, Created: a.Created, Version: a.Version, Since: a.Since.UTC(), Until: a.Created, Logs: []evidence.Log{}}
	err = b.Seal(m, func(m evidence.Manifest) (string, error) {
		signed, err := d.Op.Vouch(ctx, d.Actor, m)
		return signed.Note, err
	})
	if err == nil {
		err = b.Write(out, a.Created)
	}
	if err != nil {
		return err
	}
	return r.put(struct {
		Framework string `json:"framework"`
		Bundle    string `json:"bundle"`
	}{a.Framework, out}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Evidence for %s in %s\n", a.Title, visible(out))
		return err
	})
}
