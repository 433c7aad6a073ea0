package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) incidentCommand() *cobra.Command {
	return group("incident", "Suspend who or what does harm, and keep account of what is done about it",
		`  doorward incident contain --principal alice --reason "key found on a forum" --for 4h
  doorward incident list
  doorward incident show inc_019ac2f0c1d0q3kfp7x2mz --open
  doorward incident note inc_019ac2f0c1d0q3kfp7x2mz "alice was called"
  doorward incident release inc_019ac2f0c1d0q3kfp7x2mz --reason "new key handed over"
  doorward incident close inc_019ac2f0c1d0q3kfp7x2mz --reason "explained"
  doorward incident stats --since 30d
  doorward incident drill`,
		r.incidentOpen(), r.incidentList(), r.incidentShow(), r.incidentContain(), r.incidentRelease(),
		r.incidentNote(), r.incidentNotify(), r.incidentClose(), r.incidentReport(), r.incidentBundle(), r.incidentVerifyBundle(), r.incidentStats(), r.incidentDrill(), r.incidentAcceptLoss())
}

// subjectFlags are what names one thing or, for opening, several.
type subjectFlags struct {
	principal, realm, ofTenant, key, session, address, upstream, tool, tenant string
	everything                                                                bool
}

func (f *subjectFlags) add(c *cobra.Command) {
	flags := c.Flags()
	only(flags, &f.principal, "principal", "a subject: a key's name, the sub of tokens, the name of certificates")
	only(flags, &f.realm, "realm", "who vouches for it: api_key, mtls, anonymous, local or an issuer's URL (default: the only one of the configuration)")
	only(flags, &f.ofTenant, "of-tenant", "in which tenant the subject is (default: in every one)")
	only(flags, &f.key, "key", "one API key, by its id or name")
	only(flags, &f.session, "session", "one session, as the audit log names it")
	only(flags, &f.address, "address", "an address, or a prefix such as 192.0.2.0/24")
	only(flags, &f.upstream, "upstream", "an upstream")
	only(flags, &f.tool, "tool", "one tool or prompt: UPSTREAM/NAME")
	only(flags, &f.tenant, "tenant", "everybody of a tenant")
}

// subjects are those that are named.
func (f *subjectFlags) subjects() ([]admin.IncidentSubject, error) {
	var all []admin.IncidentSubject
	for _, one := range [...]admin.IncidentSubject{
		{Kind: "principal", Realm: f.realm, Tenant: f.ofTenant, Value: f.principal},
		{Kind: "key", Value: f.key},
		{Kind: "session", Value: f.session},
		{Kind: "address", Value: f.address},
		{Kind: "upstream", Value: f.upstream},
		{Kind: "tenant", Value: f.tenant},
	} {
		if one.Value != "" {
			all = append(all, one)
		}
	}
	if f.tool != "" {
		upstream, name, ok := strings.Cut(f.tool, "/")
		if !ok || upstream == "" || name == "" {
			return nil, fmt.Errorf("--tool %q: want UPSTREAM/NAME", visible(f.tool))
		}
		all = append(all, admin.IncidentSubject{Kind: "tool", Realm: upstream, Value: name})
	}
	if f.everything {
		all = append(all, admin.IncidentSubject{Kind: "everything"})
	}
	if (f.realm != "" || f.ofTenant != "") && f.principal == "" {
		return nil, errors.New("--realm and --of-tenant go with --principal")
	}
	return all, nil
}

func (r *run) incidentOpen() *cobra.Command {
	var f subjectFlags
	var severity, text string
	c := &cobra.Command{
		Use: "open TITLE", Short: "Open an incident", Args: cobra.ExactArgs(1),
		Long: `Open an incident, and suspend nothing. What it is about can be named, and more of it later with contain.
It is on record as incident.open. Leave names of people out of the title: everybody who sees incidents sees it.`,
		Example: `  doorward incident open "mail upstream answers in strange ways" --upstream mail --severity medium`,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, err := f.subjects()
			if err != nil {
				return err
			}
			n := admin.NewIncident{Title: args[0], Severity: severity, About: about, Text: text}
			return r.onIncident(cmd, func(ctx context.Context, op admin.Operator, actor string) (admin.Incident, error) {
				return op.OpenIncident(ctx, actor, n)
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&severity, "severity", "medium", "high, medium or low")
	c.Flags().StringVar(&text, "text", "", "what is known so far")
	return c
}

func (r *run) incidentContain() *cobra.Command {
	var f subjectFlags
	var reason, during string
	c := &cobra.Command{
		Use: "contain [INCIDENT]", Short: "Suspend one thing, at once and on every gateway", Args: cobra.MaximumNArgs(1),
		Long: `Suspend one thing, until it is released or for a time: calls of it are refused (contained.*), those under way are
cancelled, its streams and sessions end, within five seconds on every gateway that shares this one's state. Without
an INCIDENT a new one is opened for it. --everything suspends all there is; the local API, and so this command, stays.`,
		Example: `  doorward incident contain --principal alice --reason "key found on a forum"
  doorward incident contain --address 192.0.2.0/24 --for 1h --reason "guesses keys"
  doorward incident contain inc_019ac2f0c1d0q3kfp7x2mz --tool mail/send --reason "sends what it should not"
  doorward incident contain --everything --reason "drill"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := f.subjects()
			if err == nil && len(what) != 1 {
				err = errors.New("name one thing to suspend: --principal, --key, --session, --address, --upstream, --tool, --tenant or --everything")
			}
			if err != nil {
				return err
			}
			age, err := parseAge(during)
			if err != nil {
				return fmt.Errorf("--for: %w", err)
			}
			req := admin.ContainRequest{Incident: strings.Join(args, ""), IncidentSubject: what[0], For: age, Reason: reason}
			return r.onIncident(cmd, func(ctx context.Context, op admin.Operator, actor string) (admin.Incident, error) {
				return op.Contain(ctx, actor, req)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&f.everything, "everything", false, "all calls of everybody")
	c.Flags().StringVar(&reason, "reason", "", "why; required")
	c.Flags().StringVar(&during, "for", "", "for how long, such as 15m or 2d (default: until it is released)")
	return c
}

func (r *run) incidentRelease() *cobra.Command {
	var a admin.IncidentAct
	c := &cobra.Command{
		Use: "release INCIDENT", Short: "Let go of what an incident suspends", Args: cobra.ExactArgs(1),
		Long: `Let go of everything that an incident suspends, or of one thing by its id (con_…, as show has it). What another
incident suspends too stays suspended.`,
		Example: `  doorward incident release inc_019ac2f0c1d0q3kfp7x2mz --reason "new key handed over"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.Incident = args[0]
			return r.onIncident(cmd, func(ctx context.Context, op admin.Operator, actor string) (admin.Incident, error) {
				return op.Release(ctx, actor, a)
			})
		},
	}
	c.Flags().StringVar(&a.Containment, "containment", "", "one thing, by its id (default: all)")
	c.Flags().StringVar(&a.Reason, "reason", "", "why; required")
	return c
}

func (r *run) incidentNote() *cobra.Command {
	return &cobra.Command{
		Use: "note INCIDENT TEXT", Short: "Write into an incident's timeline", Args: cobra.ExactArgs(2),
		Example: `  doorward incident note inc_019ac2f0c1d0q3kfp7x2mz "the key was in a public repository since Monday"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.onIncident(cmd, func(ctx context.Context, op admin.Operator, actor string) (admin.Incident, error) {
				return op.NoteIncident(ctx, actor, admin.IncidentNote{Incident: args[0], Text: args[1]})
			})
		},
	}
}

func (r *run) incidentNotify() *cobra.Command {
	var n admin.IncidentNote
	c := &cobra.Command{
		Use: "notify INCIDENT --to WHOM", Short: "Write down who was told of an incident", Args: cobra.ExactArgs(1),
		Long: `Write down that somebody was told: an authority, a customer, the person concerned. Doorward tells nobody by this; it
keeps when and by whom, for the report, and for the time limits of the law (GDPR articles 33 and 34).`,
		Example: `  doorward incident notify inc_019ac2f0c1d0q3kfp7x2mz --to "supervisory authority" --text "form 33-1"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n.Incident = args[0]; strings.TrimSpace(n.To) == "" {
				return errors.New("say who was told, with --to")
			}
			return r.onIncident(cmd, func(ctx context.Context, op admin.Operator, actor string) (admin.Incident, error) {
				return op.NoteIncident(ctx, actor, n)
			})
		},
	}
	c.Flags().StringVar(&n.To, "to", "", "who was told; required")
	c.Flags().StringVar(&n.Text, "text", "", "what, how")
	return c
}

func (r *run) incidentClose() *cobra.Command {
	var a admin.IncidentAct
	c := &cobra.Command{
		Use: "close INCIDENT", Short: "Close an incident that suspends nothing any more", Args: cobra.ExactArgs(1),
		Long:    "Close an incident. What it suspends must be released before. A closed one is kept for 400 days and never opened again.",
		Example: `  doorward incident close inc_019ac2f0c1d0q3kfp7x2mz --reason "a test of our own"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.Incident = args[0]
			return r.onIncident(cmd, func(ctx context.Context, op admin.Operator, actor string) (admin.Incident, error) {
				return op.CloseIncident(ctx, actor, a)
			})
		},
	}
	c.Flags().StringVar(&a.Reason, "reason", "", "what it was")
	return c
}

// onIncident carries out an act and shows what the incident is afterwards.
func (r *run) onIncident(cmd *cobra.Command, do func(context.Context, admin.Operator, string) (admin.Incident, error)) error {
	return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
		one, err := do(ctx, op, actor)
		if err != nil {
			return err
		}
		return r.put(one, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s is %s\n", one.ID, one.State)
			return err
		})
	})
}
