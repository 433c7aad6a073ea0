package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/doctor"
)

// keyVariable is the environment variable that holds the client's key, unless
// --key-env names another.
const keyVariable = "DOORWARD_KEY"

func (r *run) doctorCommand() *cobra.Command {
	var keyEnv, origin string
	c := &cobra.Command{
		Use: "doctor [URL]", Short: "Say why a client cannot connect, and what to do about it", Args: cobra.MaximumNArgs(1),
		Long: `Look at a gateway from outside, as a client would, and say what keeps clients out: the URL,
name, certificate, credential, clock, protocol, sessions, a proxy's buffering, upstreams,
approvals and roles. Each problem comes with its fix. Without URL it looks at the gateway
of the configuration; with one, at any MCP server. It calls no tool and follows no redirect.
The key in DOORWARD_KEY is sent to that URL, as a client would send it. Exit 3 when there
are problems.`,
		Example: `  doorward doctor
  DOORWARD_KEY=dw_… doorward doctor
  doorward doctor https://mcp.example.com/mcp --key-env MY_TOKEN
  doorward doctor --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := r.clientKey(keyEnv, cmd.Flags().Changed("key-env"))
			if err != nil {
				return err
			}
			o := doctor.Options{URL: first(args), Credential: key, Origin: origin, Version: r.Version}
			if o.URL == "" || cmd.Flags().Changed("config") {
				if o.Config, err = r.load(); err != nil {
					return err
				}
				o.ConfigPath = r.config
				if client, err := admin.Dial(cmd.Context(), o.Config.DataDir); err == nil {
					defer client.Close()
					o.Gateway = account{client}
				}
			}
			return r.diagnose(cmd.Context(), o)
		},
	}
	c.Flags().StringVar(&keyEnv, "key-env", keyVariable, "name of the environment variable that holds the key or token, never the key itself")
	c.Flags().StringVar(&origin, "origin", "", "look as a web page at this origin would, such as https://app.example.com")
	return c
}

// clientKey is the key in the named variable. The name is not repeated in an
// error: it may be a key that was given in its place.
func (r *run) clientKey(name string, asked bool) (string, error) {
	key := r.Getenv(name)
	if key == "" && asked {
		return "", errors.New("--key-env: there is no such environment variable, or it is empty; give the name of the variable, not the key")
	}
	return key, nil
}

// diagnose runs the checks and prints what they found.
func (r *run) diagnose(ctx context.Context, o doctor.Options) error {
	done := func() {}
	if !r.quiet && isTerminal(r.Stderr) {
		o.Progress = func(id string) { _, _ = fmt.Fprintf(r.Stderr, "\r\033[Kchecking %s…", id) }
		done = func() { _, _ = fmt.Fprint(r.Stderr, "\r\033[K") }
	}
	report, err := doctor.Run(ctx, o)
	done()
	switch {
	case errors.Is(err, doctor.ErrUsage):
		return err
	case ctx.Err() != nil:
		return failed(errors.New("interrupted"))
	case err != nil:
		return failed(err)
	}
	if err := r.put(report, func(w io.Writer) error { return r.putReport(w, report) }); err != nil {
		return failed(err)
	}
	if report.Problems() > 0 {
		return &exit{code: exitFindings}
	}
	return nil
}

// putReport prints a line for each check, and below a problem why it matters
// and what mends it. Quiet leaves out what is no problem.
func (r *run) putReport(w io.Writer, report *doctor.Report) error {
	var b strings.Builder
	if !r.quiet {
		fmt.Fprintf(&b, "%s\n", visible(report.URL))
	}
	for _, f := range report.Findings {
		if r.quiet && f.Status != doctor.Problem {
			continue
		}
		fmt.Fprintf(&b, "%-8s %-19s %s\n", f.Status, f.ID, visible(f.Seen))
		if f.Status != doctor.Problem {
			continue
		}
		fmt.Fprintf(&b, "           why: %s\n", visible(f.Why))
		for i, line := range strings.Split(f.Fix, "\n") {
			label := "    "
			if i == 0 {
				label = "fix:"
			}
			fmt.Fprintf(&b, "           %s %s\n", label, visible(line))
		}
	}
	if !r.quiet {
		fmt.Fprintln(&b, summary(report.Problems()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func summary(problems int) string {
	switch problems {
	case 0:
		return "no problem found"
	case 1:
		return "1 problem"
	}
	return fmt.Sprintf("%d problems", problems)
}

// account is a running gateway's account of itself, from its local socket.
type account struct{ client *admin.Client }

// Status implements doctor.Gateway.
func (a account) Status(ctx context.Context) (doctor.Account, error) {
	st, err := a.client.Status(ctx)
	if err != nil {
		return doctor.Account{}, err
	}
	out := doctor.Account{URL: st.URL, Reasons: st.Reasons}
	for _, u := range st.Upstreams {
		out.Upstreams = append(out.Upstreams, doctor.Upstream{Name: u.Name, Error: u.Error})
	}
	return out, nil
}

// Definitions implements doctor.Gateway.
func (a account) Definitions(ctx context.Context) ([]doctor.Definition, error) {
	entries, err := a.client.Entries(ctx, admin.Review{})
	if err != nil {
		return nil, err
	}
	out := make([]doctor.Definition, 0, len(entries))
	for _, e := range entries {
		out = append(out, doctor.Definition{Upstream: e.Upstream, Kind: e.Kind, State: e.State})
	}
	return out, nil
}
