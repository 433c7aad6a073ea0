package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) incidentList() *cobra.Command {
	var f incidentFilter
	c := &cobra.Command{
		Use: "list", Short: "List incidents, the newest first", Args: cobra.NoArgs,
		Long: `List the incidents that are not closed, or all with --all. Who they are about is a tag (~…), the same wherever it is
the same person or address; show --open has the names.`,
		Example: "  doorward incident list\n  doorward incident list --all --since 7d --rule canary --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			age, err := parseAge(f.since)
			if err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if age > 0 {
				f.from = time.Now().Add(-age)
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, _ string) error {
				all, err := op.ListIncidents(ctx)
				if err != nil {
					return err
				}
				return putAll(r, slices.DeleteFunc(all, func(i admin.Incident) bool { return !f.wants(&i) }), incidentTable)
			})
		},
	}
	c.Flags().BoolVar(&f.all, "all", false, "closed ones, too")
	only(c.Flags(), &f.tenant, "tenant", "only those about this tenant or somebody of it, and about no other tenant; none with a key or a session, whose tenant is not on record")
	c.Flags().StringVar(&f.state, "state", "", "only those that are open, contained, recovered or closed")
	c.Flags().StringVar(&f.severity, "severity", "", "only those that are high, medium or low")
	c.Flags().StringVar(&f.rule, "rule", "", "only those that this rule opened")
	c.Flags().StringVar(&f.since, "since", "", "only those opened within this time, such as 7d")
	return c
}

type incidentFilter struct {
	all                                  bool
	state, severity, rule, since, tenant string
	from                                 time.Time
}

func (f *incidentFilter) wants(i *admin.Incident) bool {
	return (f.all || f.state != "" || i.State != "closed") && (f.state == "" || f.state == i.State) &&
		(f.severity == "" || f.severity == i.Severity) && (f.rule == "" || f.rule == i.Rule) && !i.Opened.Before(f.from) && (f.tenant == "" || about(i, f.tenant))
}

// about tells whether an incident is about a tenant or its people, and neither it nor what is suspended for
// it about those of another: who sees one tenant's incidents is told of no other. A key and a session are
// somebody's, and no incident says of which tenant: one with either counts as another's.
func about(i *admin.Incident, tenant string) (found bool) {
	all := slices.Clone(i.About)
	for _, c := range i.Containments {
		all = append(all, c.IncidentSubject)
	}
	for _, s := range all {
		of := s.Tenant
		if s.Kind == "tenant" {
			of = s.Value
		}
		if of != "" && of != tenant || of == "" && (s.Kind == "key" || s.Kind == "session") {
			return false
		}
		found = found || of == tenant
	}
	return found
}

func incidentTable(w io.Writer, all []admin.Incident) error {
	return table(w, "ID\tSTATE\tSEVERITY\tOPENED\tBY\tABOUT\tTITLE", all, func(i admin.Incident) string {
		var about []string
		for _, s := range i.About {
			about = append(about, subjectText(s))
		}
		return strings.Join([]string{i.ID, i.State, i.Severity, day(i.Opened), visible(i.By), strings.Join(about, ", "), visible(i.Title)}, "\t")
	})
}

func subjectText(s admin.IncidentSubject) string {
	value := s.Value
	if s.Kind == "tool" {
		value = s.Realm + "/" + s.Value
	}
	if s.Tenant != "" {
		value += " of tenant " + s.Tenant
	}
	return visible(strings.TrimSpace(s.Kind + " " + value))
}

func (r *run) incidentShow() *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use: "show INCIDENT", Short: "Show an incident and its timeline", Args: cobra.ExactArgs(1),
		Long: `Show an incident: what it is about, what it suspends, and what was done, in order. With --open subjects and addresses
are shown as they are; that somebody asked for them is on record (audit.open).`,
		Example: "  doorward incident show inc_019ac2f0c1d0q3kfp7x2mz\n  doorward incident show inc_019ac2f0c1d0q3kfp7x2mz --open --format json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) (err error) {
				var one admin.Incident
				if open {
					one, err = op.RevealIncident(ctx, actor, args[0])
				} else {
					one, err = op.ShowIncident(ctx, args[0])
				}
				if err != nil {
					return err
				}
				return r.put(one, func(w io.Writer) error { return incidentText(w, &one) })
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, "show names and addresses")
	return c
}

func incidentText(w io.Writer, i *admin.Incident) error {
	_, err := fmt.Fprintf(w, "%s  %s, %s\n%s\nopened %s by %s\n", i.ID, i.State, i.Severity, visible(i.Title), day(i.Opened), visible(i.By))
	if err != nil {
		return err
	}
	for _, s := range i.About {
		if _, err := fmt.Fprintf(w, "about %s%s\n", subjectText(s), ofRealm(s)); err != nil {
			return err
		}
	}
	if len(i.Containments) > 0 {
		_, _ = fmt.Fprintln(w)
		err := table(w, "SUSPENDED\tWHAT\tSINCE\tUNTIL\tRELEASED\tBY\tWHY", i.Containments, func(c admin.Containment) string {
			return strings.Join([]string{c.ID, subjectText(c.IncidentSubject), day(c.Since), day(c.Until), day(c.Released), visible(c.By), visible(c.Reason)}, "\t")
		})
		if err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(w)
	return table(w, "TIME\tWHO\tWHAT\tSAID", i.Steps, func(s admin.IncidentStep) string {
		said := s.Text
		if s.To != "" {
			said = strings.TrimSpace("to " + s.To + ": " + s.Text)
		}
		if s.Alert != "" {
			said = strings.TrimSpace(fmt.Sprintf("%s %s, %d", said, s.Alert, s.Count))
		}
		return strings.Join([]string{day(s.At), visible(s.Actor), s.Kind, visible(said)}, "\t")
	})
}

func ofRealm(s admin.IncidentSubject) string {
	if s.Kind != "principal" {
		return ""
	}
	if s.Tenant == "" {
		return " of " + visible(s.Realm)
	}
	return " of " + visible(s.Realm) + ", tenant " + visible(s.Tenant)
}
