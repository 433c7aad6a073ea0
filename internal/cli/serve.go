package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/app"
)

func (r *run) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs,
		Long: `Run the gateway until Ctrl-C or SIGTERM. SIGHUP, or a change of the file, reloads the
configuration; a bad one is refused whole and the old one stays.
When it is told to end, /readyz says no for listen.stop.notice, and calls under way have
listen.stop.grace. systemd (Type=notify) is told when it serves, what it lacks, and that it lives.`,
		Example: `  doorward serve
  doorward serve --config /etc/doorward/doorward.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Getenv("DOORWARD_TRANSPORT") == "stdio" {
				return r.stdio(cmd.Context())
			}
			return r.serve(cmd.Context())
		},
	}
}

func (r *run) serve(ctx context.Context) error {
	told, err := r.notifier(ctx)
	if err != nil {
		return failed(err)
	}
	defer told.close()
	a, err := r.open(false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var beside sync.WaitGroup
	beside.Go(func() { r.reloads(ctx, a) })
	err = a.Serve(ctx, func() {
		r.announce(a)
		beside.Go(func() { told.attend(ctx, a.Ready) })
	})
	cancel()
	beside.Wait()
	return failed(err)
}

// open loads the configuration and makes the gateway of it; beside says that
// others may run on the same data directory.
func (r *run) open(beside bool) (*app.App, error) {
	cfg, err := r.load()
	if err != nil {
		return nil, err
	}
	log, err := app.Logger(r.errs(), cfg)
	if err != nil {
		return nil, failed(err)
	}
	if err := app.LimitMemory(); err != nil {
		log.Warn("the collector works towards no limit of memory: set GOMEMLIMIT", "error", err)
	}
	built, _ := time.Parse(time.RFC3339, r.Built) // zero when it is not known
	a, err := app.New(app.Options{Config: cfg, Path: r.config, Version: r.Version, Built: built, Log: log.Logger, Journal: log, Environment: r.Environ, Supervised: true, Wait: lockWait, Beside: beside})
	return a, failed(err)
}

// reloads reads the configuration again for each SIGHUP.
func (r *run) reloads(ctx context.Context, a *app.App) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.Reload:
			_ = a.Reload(ctx, "signal") // it has said in the log what is wrong
		}
	}
}

// announce prints the URL and one line per upstream.
func (r *run) announce(a *app.App) {
	st, _ := a.Status(context.Background())
	r.say("Doorward %s on %s", r.Version, st.URL)
	for _, u := range st.Upstreams {
		waiting, total := a.Waiting(u.Name)
		r.say("  %s", app.UpstreamLine(u, waiting, total))
	}
	for _, reason := range st.Reasons {
		r.say("  ! %s", reason)
	}
}

func (r *run) stdioCommand() *cobra.Command {
	var remote, key string
	c := &cobra.Command{
		Use: "stdio", Short: "Run the gateway for one client on stdin and stdout", Args: cobra.NoArgs,
		Long: `Run the same line for one client that speaks MCP on stdin and stdout; logs go to stderr.
DOORWARD_TRANSPORT=stdio does the same for a client that can only set the environment.

With --remote nothing is run here: every message goes to the gateway at URL, byte for byte, with
the key that --key names or the token of doorward login URL, and what comes back is written.`,
		Example: `  doorward stdio --config ~/doorward.yaml
  doorward stdio --remote https://mcp.example.com/mcp
  doorward stdio --remote https://mcp.example.com/mcp --key env:DOORWARD_KEY`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("remote") {
				return r.remote(cmd.Context(), remote, key)
			}
			if key != "" {
				return errors.New("--key is for --remote: the client of a gateway on stdin is the user who starts it")
			}
			return r.stdio(cmd.Context())
		},
	}
	c.Flags().StringVar(&remote, "remote", "", "relay to the gateway at this URL instead: https, or http on this machine")
	c.Flags().StringVar(&key, "key", "", "where the API key for --remote is: env:NAME or file:PATH, never the key itself (default: the login for the URL)")
	return c
}

func (r *run) stdio(ctx context.Context) error {
	a, err := r.open(true)
	if err != nil {
		return err
	}
	return failed(a.ServeStdio(ctx, r.Stdin, r.Stdout))
}
