package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/clients"
	"doorward/internal/config"
)

// installFlags are those of install and uninstall.
type installFlags struct {
	scope string
	url   string
	http  bool
	print bool
	keep  bool
}

func (r *run) installCommand() *cobra.Command {
	var f installFlags
	var names []string
	for _, c := range clients.Table() {
		names = append(names, c.Name)
	}
	c := &cobra.Command{
		Use: "install CLIENT", Short: "Point a client at Doorward", Args: cobra.ExactArgs(1),
		Long: `Write Doorward into a client's own file. CLIENT is one of
` + strings.Join(names, ", ") + `.

The client then starts doorward stdio; with --http or --url it connects to a running gateway.
Servers of the client that Doorward serves too, by an equal command or URL, are taken out of
the file, so that the client cannot go round Doorward; the others stay and are named. What
the file held before is kept beside it, once, and uninstall brings it back byte for byte.
A key is never written: the client reads it from DOORWARD_KEY, or asks for it.`,
		Example: `  doorward install claude-desktop
  doorward install cursor --print
  doorward install vscode --scope project --http
  doorward install codex --url https://mcp.example.com/mcp`,
		RunE: func(_ *cobra.Command, args []string) error { return r.install(args[0], f) },
	}
	f.common(c)
	c.Flags().BoolVar(&f.http, "http", false, "write the URL of the gateway that the configuration describes, instead of a command")
	c.Flags().StringVar(&f.url, "url", "", "write this URL, instead of a command")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave the servers that Doorward serves in the client too")
	return c
}

func (r *run) uninstallCommand() *cobra.Command {
	var f installFlags
	c := &cobra.Command{
		Use: "uninstall CLIENT", Short: "Take Doorward out of a client again", Args: cobra.ExactArgs(1),
		Long: `Undo doorward install. Where the file is still what install wrote, what was there before comes
back byte for byte. Where it has been changed since, Doorward's entry is taken out, the servers
that install removed are put back, everything else stays, and the backup is kept.`,
		Example: `  doorward uninstall claude-desktop
  doorward uninstall cursor --scope project --print`,
		RunE: func(_ *cobra.Command, args []string) error { return r.uninstall(args[0], f) },
	}
	f.common(c)
	return c
}

func (f *installFlags) common(c *cobra.Command) {
	c.Flags().StringVar(&f.scope, "scope", "user", "whose file: user, project (the current directory's), or local (Claude Code's own for this project)")
	c.Flags().BoolVar(&f.print, "print", false, "change nothing and print what would be done")
}

func (r *run) request(name string, f installFlags) (clients.Request, error) {
	c, err := clients.Find(name)
	if err != nil {
		return clients.Request{}, err
	}
	switch f.scope {
	case string(clients.ScopeUser), string(clients.ScopeProject), string(clients.ScopeLocal):
	default:
		return clients.Request{}, fmt.Errorf("--scope %q: want user, project or local", f.scope)
	}
	env, err := r.place()
	return clients.Request{Client: c, Env: env, Scope: clients.Scope(f.scope), Keep: f.keep, Print: f.print}, failed(err)
}

func (r *run) install(name string, f installFlags) error {
	q, err := r.request(name, f)
	if err != nil {
		return err
	}
	cfg, err := r.load()
	if err != nil {
		return err
	}
	if q.Target, err = r.target(cfg, f); err != nil {
		return err
	}
	q.Upstreams, q.Secrets = cfg.Upstreams, cfg.Secrets
	res, err := clients.Install(q)
	if err != nil {
		return failed(err)
	}
	return r.put(res, func(io.Writer) error { return r.tellInstall(q, res) })
}

func (r *run) uninstall(name string, f installFlags) error {
	q, err := r.request(name, f)
	if err != nil {
		return err
	}
	res, err := clients.Uninstall(q)
	if err != nil {
		return failed(err)
	}
	return r.put(res, func(io.Writer) error { r.tellUninstall(q, res); return nil })
}

// target is what the client is pointed at.
func (r *run) target(cfg *config.Config, f installFlags) (clients.Target, error) {
	if f.url != "" {
		u, err := url.Parse(f.url)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return clients.Target{}, errors.New("--url: want an absolute http or https URL without a user name, a query or a fragment")
		}
		return clients.Target{URL: f.url}, nil
	}
	if f.http {
		u, err := gatewayURL(cfg)
		return clients.Target{URL: u}, failed(err)
	}
	program, err := os.Executable()
	if err != nil {
		return clients.Target{}, failed(fmt.Errorf("finding this program: %w", err))
	}
	file, err := filepath.Abs(r.config)
	if err != nil {
		return clients.Target{}, failed(fmt.Errorf("finding the configuration: %w", err))
	}
	return clients.Target{Command: []string{program, "stdio", "--config", file}}, nil
}

// gatewayURL is where clients reach the gateway that cfg describes.
func gatewayURL(cfg *config.Config) (string, error) {
	l := &cfg.Listen
	if l.PublicURL != "" {
		return strings.TrimSuffix(l.PublicURL, "/") + "/mcp", nil
	}
	if l.Address.Addr().IsUnspecified() || l.Address.Port() == 0 {
		return "", fmt.Errorf("clients cannot connect to %s: set listen.public_url, or say --url", l.Address)
	}
	scheme := "http"
	if l.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + l.Address.String() + "/mcp", nil
}

func (r *run) tellInstall(q clients.Request, res *clients.Result) error {
	file := visible(res.File)
	switch res.State {
	case clients.StatePrinted:
		if _, err := io.WriteString(r.out(), res.Snippet); err != nil {
			return err
		}
		r.aside("for %s; nothing was changed", file)
		for _, n := range res.Removed {
			r.aside("would be taken out, for Doorward serves it: %s", visible(n))
		}
	case clients.StateAlready:
		r.say("Doorward is already installed in %s: %s", q.Client.Title, file)
	default:
		r.say("Doorward is installed in %s: %s", q.Client.Title, file)
		for _, n := range res.Removed {
			r.say("  taken out, for Doorward serves it: %s", visible(n))
		}
		for _, n := range res.Carried {
			r.say("  given to Doorward, from the servers that are taken out: %s", visible(n))
		}
		if res.Backup != "" {
			r.say("  what was there before: %s", visible(res.Backup))
		}
	}
	if res.Link != "" {
		r.aside("! the file is a link; what it leads to is written: %s", visible(res.Link))
	}
	for _, l := range res.Left {
		if l.Served {
			r.aside("! %s in %s goes round Doorward, which serves it too", visible(l.Name), visible(l.File))
		} else {
			r.aside("! %s in %s is not behind Doorward: doorward init --from %s takes it over", visible(l.Name), visible(l.File), q.Client.Name)
		}
	}
	for _, a := range res.Advice {
		r.aside("%s", visible(a))
	}
	if res.State == clients.StateInstalled {
		r.say("restart %s; doorward uninstall %s undoes this", q.Client.Title, q.Client.Name)
	}
	return nil
}

func (r *run) tellUninstall(q clients.Request, res *clients.Result) {
	file, was := visible(res.File), "was"
	if q.Print {
		was = "would be"
	}
	switch res.State {
	case clients.StateNotInstalled:
		r.say("Doorward is not installed in %s: %s", q.Client.Title, file)
	case clients.StateRestored:
		r.say("%s: what there was before the install %s put back", file, was)
	default:
		if res.Changed {
			r.say("%s: has been changed since the install", file)
		}
		r.say("%s: Doorward's entry %s taken out, and nothing else", file, was)
		if res.Backup != "" {
			r.say("  what was there before is kept: %s", visible(res.Backup))
		}
	}
	for _, n := range res.PutBack {
		r.say("  %s put back: %s", was, visible(n))
	}
	for _, a := range res.Advice {
		r.say("! %s", visible(a))
	}
}

// aside prints people's text that must not mix with what --print prints.
func (r *run) aside(format string, args ...any) {
	if !r.quiet {
		_, _ = fmt.Fprintf(r.errs(), format+"\n", args...)
	}
}
