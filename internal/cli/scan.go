package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/clients"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/scan"
)

// scanOptions are the flags of scan.
type scanOptions struct {
	unsandboxed, offline, write, flows bool
	baseline, failOn                   string
}

func (r *run) scanCommand() *cobra.Command {
	var o scanOptions
	var titles []string
	for _, c := range clients.Table() {
		titles = append(titles, c.Name)
	}
	c := &cobra.Command{
		Use: "scan [CLIENT | FILE | UPSTREAM …]", Short: "Look at what clients use, and what their servers offer, before it is used",
		Annotations: map[string]string{formatsKey: "text json sarif"},
		Long: `Look at every MCP client's configuration on this machine, or at what is named: a client
(` + strings.Join(titles, ", ") + `),
a client's file, a saved tools/list result, or an upstream of the configuration.

It looks at how servers are set up (credentials in the open, packages without a version,
commands that download and run, plain http, files that others may write), and at what
servers offer: hidden text, text that steers the model, parameters that ask for what the
tool does not need, names that imitate another server's.

Servers with a URL are asked; --offline asks nobody. A server that is a command is started
only with --unsandboxed, after its whole command was shown: it runs as you, with your rights.
Nothing is sent anywhere: every rule is in this program.

Exit 3 when something at or above --fail-on was found that the baseline does not know; 1 when
a file could not be read, or an upstream that was named could not be asked.`,
		Example: `  doorward scan
  doorward scan cursor --unsandboxed
  doorward scan .mcp.json --format sarif > scan.sarif       in CI
  doorward scan tools.json --fail-on high
  doorward scan --unsandboxed --flows                       what could leave, and by which tools
  doorward scan --baseline scan.json --write-baseline       then only what is new`,
		RunE: func(cmd *cobra.Command, args []string) error { return r.scan(cmd.Context(), args, o) },
	}
	f := c.Flags()
	f.BoolVar(&o.unsandboxed, "unsandboxed", false, "start servers that are commands, as you and without a sandbox")
	f.BoolVar(&o.offline, "offline", false, "ask no server: look at files alone")
	f.BoolVar(&o.flows, "flows", false, "also list the ways for private data to leave that these servers make possible together")
	f.StringVar(&o.baseline, "baseline", "", "file of findings that are known: they are left out")
	f.BoolVar(&o.write, "write-baseline", false, "write what was found to the baseline, and exit 0")
	f.StringVar(&o.failOn, "fail-on", "medium", "what makes the exit code 3: high, medium or low")
	return c
}

func (r *run) scan(ctx context.Context, args []string, o scanOptions) error {
	level, ok := map[string]gate.Severity{"high": gate.High, "medium": gate.Medium, "low": gate.Low}[o.failOn]
	if !ok {
		return errors.New("--fail-on: want high, medium or low")
	}
	if o.write && o.baseline == "" {
		return errors.New("--write-baseline needs --baseline FILE")
	}
	look, err := r.lookAt(args)
	if err != nil {
		return failed(err)
	}
	report := &scan.Report{Files: look.files, Notes: look.notes, Servers: []scan.Server{}, Findings: []scan.Finding{}}
	report.Setup(look.seen)
	offers := look.saved
	asked, err := r.askServers(ctx, &look, o, report)
	if err != nil {
		return failed(err)
	}
	offers = append(offers, asked...)
	report.Definitions(offers)
	if o.flows {
		if err := report.Flow(offers); err != nil {
			return failed(err)
		}
	}
	report.Sort()
	return r.finishScan(report, o, level)
}

// finishScan subtracts or writes the baseline and prints what is left.
func (r *run) finishScan(report *scan.Report, o scanOptions, level gate.Severity) error {
	if o.write {
		text, err := report.Baseline()
		if err == nil {
			err = r.notOurs(o.baseline)
		}
		if err == nil {
			err = writeAnew(o.baseline, text)
		}
		if err != nil {
			return failed(fmt.Errorf("writing the baseline: %w", err))
		}
		r.say("wrote %s to %s", count(len(report.Findings), "finding"), visible(o.baseline))
		return nil
	}
	if o.baseline != "" {
		b, err := scan.ReadBaseline(o.baseline)
		if err != nil {
			return failed(err)
		}
		report.Subtract(b)
	}
	if r.format == "sarif" {
		text, err := report.SARIF(artifact, r.Version)
		if err == nil {
			_, err = fmt.Fprintf(screenJSON{r.Stdout}, "%s\n", text)
		}
		if err != nil {
			return failed(err)
		}
	} else if err := r.put(report, report.Text); err != nil {
		return failed(err)
	}
	for _, n := range report.Notes {
		r.say("! %s", visible(n))
	}
	asked := 0
	for i := range report.Servers {
		if report.Servers[i].Asked {
			asked++
		}
	}
	r.say("%s, %s (%d asked): %d high, %d medium, %d low, %d known", count(len(report.Files), "file"), count(len(report.Servers), "server"), asked,
		report.Count(gate.High), report.Count(gate.Medium)-report.Count(gate.High), report.Count(gate.Low)-report.Count(gate.Medium), report.Known)
	if report.Count(level) > 0 {
		return &exit{code: exitFindings}
	}
	if len(report.Notes) > 0 {
		return failed(errors.New("not everything could be looked at"))
	}
	return nil
}

// looked is what the arguments of scan name.
type looked struct {
	seen         []clients.Seen
	saved        []scan.Offer
	ups          map[string]config.Upstream // of the configuration
	secrets      map[string]config.Secret
	files, notes []string
}

func (r *run) lookAt(args []string) (looked, error) {
	var l looked
	env, err := r.place()
	if err != nil {
		return l, err
	}
	if len(args) == 0 {
		l.seen, l.files, l.notes, err = clients.Look(env)
		if err == nil && len(l.files) == 0 && len(l.notes) == 0 {
			r.say("no client has a configuration below %s or %s", visible(env.Home), visible(env.Project))
		}
		return l, err
	}
	for _, arg := range args {
		if err := r.lookAtOne(&l, env, arg); err != nil {
			return l, err
		}
	}
	return l, nil
}

// lookAtOne takes one argument: a client, a file, or an upstream.
func (r *run) lookAtOne(l *looked, env clients.Env, arg string) error {
	if c, err := clients.Find(arg); err == nil {
		return l.client(env, &c)
	}
	if _, err := os.Stat(arg); err == nil {
		if offer, err := scan.Saved(arg); err == nil {
			l.saved, l.files = append(l.saved, offer), append(l.files, arg)
			return nil
		} else if !errors.Is(err, scan.ErrNoList) && !strings.HasSuffix(arg, ".toml") {
			if _, _, _, other := clients.Look(env, arg); other != nil {
				return err
			}
		}
		seen, files, _, err := clients.Look(env, arg)
		l.seen, l.files = append(l.seen, seen...), append(l.files, files...)
		return err
	}
	cfg, err := r.load()
	if err != nil {
		return fmt.Errorf("%q is no client and no file, and upstreams cannot be looked up: %w", arg, err)
	}
	u, ok := cfg.Upstreams[arg]
	if !ok {
		return fmt.Errorf("%q is no client, no file and no upstream of %s", arg, r.config)
	}
	if l.ups == nil {
		l.ups, l.secrets = map[string]config.Upstream{}, cfg.Secrets
	}
	l.ups[arg] = u
	return nil
}

func (l *looked) client(env clients.Env, c *clients.Client) error {
	found := false
	for _, p := range c.Places(env) {
		if slices.Contains(l.files, p.Path) {
			continue
		}
		seen, files, _, err := clients.Look(env, p.Path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		l.seen, l.files = append(l.seen, seen...), append(l.files, files...)
	}
	if !found {
		return fmt.Errorf("%s has no configuration here", c.Title)
	}
	return nil
}

// askServers asks the servers that may be asked what they offer.
func (r *run) askServers(ctx context.Context, l *looked, o scanOptions, report *scan.Report) ([]scan.Offer, error) {
	q := app.Asking{
		Upstreams: map[string]config.Upstream{}, Secrets: l.secrets, Path: r.config, Environment: r.Environ, Version: r.Version,
		Log: slog.New(slog.DiscardHandler),
	}
	at := map[string]int{} // index in report.Servers, by name in q
	for i := range l.seen {
		s := &l.seen[i]
		server := &report.Servers[i]
		if server.NotAsked != "" {
			continue
		}
		if server.NotAsked = r.mayAsk(s, o); server.NotAsked != "" {
			continue
		}
		name := fmt.Sprintf("s%d", i)
		q.Upstreams[name], at[name] = s.Upstream, i
	}
	for name, u := range l.ups {
		if u.Builtin != "" {
			return nil, fmt.Errorf("%s is a server of Doorward's own (builtin: %s), which nobody else sets up: doorward trust list %s shows what it offers", name, u.Builtin, name)
		}
		if u.Command != nil && !o.unsandboxed || o.offline {
			return nil, fmt.Errorf("%s is a command: --unsandboxed starts it, as you and without a sandbox", name)
		}
		q.Upstreams[name], at[name] = u, len(report.Servers)
		report.Servers = append(report.Servers, scan.Server{Name: name, File: r.config, Command: clients.CommandLine(u.Command), URL: u.URL})
	}
	if len(q.Upstreams) == 0 {
		return nil, nil
	}
	var offers []scan.Offer
	err := app.Offered(ctx, q, func(name string, items []gate.Item, err error) {
		s := &report.Servers[at[name]]
		if err != nil {
			s.NotAsked = "it did not say: " + strings.NewReplacer("upstream "+name+":", "", "upstream "+name, "upstream "+s.Name).Replace(err.Error())
			if _, named := l.ups[name]; named {
				report.Notes = append(report.Notes, name+" was named and could not be asked")
			}
			return
		}
		for i := range items {
			items[i].Upstream = s.Name
		}
		items = slices.DeleteFunc(items, func(it gate.Item) bool { return it.Kind == gate.Command })
		offers = append(offers, scan.Offer{Server: s.Name, Project: s.Project, File: s.File, Line: s.Line, Items: items})
	})
	return offers, err
}

// mayAsk says why a server is not asked; empty when it is, after a command was
// shown whole.
func (r *run) mayAsk(s *clients.Seen, o scanOptions) string {
	switch {
	case o.offline:
		return "--offline"
	case s.Command == nil:
		_, _ = fmt.Fprintf(r.errs(), "asking %s at %s\n", visible(s.Original), visible(s.URL))
		return ""
	case !o.unsandboxed:
		return "it is a command, and there is no sandbox yet: --unsandboxed starts it"
	}
	_, _ = fmt.Fprintf(r.errs(), "starting %s: %s\n", visible(s.Original), visible(clients.CommandLine(s.Command)))
	return ""
}

// count is a number of things, in the right form.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
