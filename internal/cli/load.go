package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/durable"
	"doorward/internal/load"
)

// maxRoots bounds the file of --ca, in bytes: all that browsers trust is a quarter of a megabyte.
const maxRoots = 4 << 20

// loadFlags are the flags of `doorward load`.
type loadFlags struct {
	keyEnv, ca, eras, mix, arguments, histogram string
}

func (r *run) loadCommand() *cobra.Command {
	var f loadFlags
	o := load.Options{Version: r.Version}
	c := &cobra.Command{
		Use: "load URL", Short: "Put a load on an MCP server, and tell how it bears it", Args: cobra.ExactArgs(1),
		Long: `Use an MCP server over HTTP as many clients would, and tell how many operations a second had
a result, how long they took, and what became of the others. A mix has parts of call (one
tool), list (of tools), ping and session (made and ended). Each client has one request under
way at most; with --rate requests are due at even intervals, and what is measured begins when
one was due. Each answer must be the answer to its own request: another one ends the run.

The server must be on this machine, unless --anywhere says that it may be another's: ask its
operator first. A call is a real call of a real tool: choose one that changes nothing. The key
in DOORWARD_KEY is sent as a client would send it. Exit 3 when operations failed, 1 when none
had a result.`,
		Example: `  doorward load http://127.0.0.1:8080/mcp
  DOORWARD_KEY=dw_… doorward load http://127.0.0.1:8080/mcp --tool files__list --arguments '{"path": "/srv"}' --mix call=9,list=1
  doorward load http://127.0.0.1:8080/mcp --clients 200 --rate 500 --for 1m --eras stateless --format json
  doorward load http://127.0.0.1:8080/mcp --mix session --histogram sessions.hgrm`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.URL = args[0]
			if o.Credential, err = r.clientKey(f.keyEnv, cmd.Flags().Changed("key-env")); err != nil {
				return err
			}
			if err := f.complete(&o); err != nil {
				return err
			}
			return r.putLoad(cmd.Context(), o, f.histogram)
		},
	}
	c.Flags().IntVar(&o.Clients, "clients", 16, "clients at once")
	c.Flags().DurationVar(&o.For, "for", 10*time.Second, "how long to measure")
	c.Flags().DurationVar(&o.WarmUp, "warm-up", time.Second, "how long to go on before, unmeasured")
	c.Flags().Float64Var(&o.Rate, "rate", 0, "operations a second of all clients together; 0: as fast as answers come")
	c.Flags().DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long an answer may take")
	c.Flags().StringVar(&f.eras, "eras", "both", "stateful, stateless or both, which clients take in turns")
	c.Flags().StringVar(&f.mix, "mix", "", "operations and their weights, such as call=9,list=1; call where there is a --tool, else list")
	c.Flags().StringVar(&o.Tool, "tool", "", "name of the tool that is called")
	c.Flags().StringVar(&f.arguments, "arguments", "{}", "its arguments, a JSON object")
	c.Flags().BoolVar(&o.Anywhere, "anywhere", false, "the server may be on another machine")
	c.Flags().StringVar(&f.ca, "ca", "", "file with the certificates, PEM, that the server's is verified by; the system's unless given")
	c.Flags().StringVar(&f.keyEnv, "key-env", keyVariable, "name of the environment variable that holds the key or token, never the key itself")
	c.Flags().StringVar(&f.histogram, "histogram", "", "file to write the times of all operations to, for HdrHistogram's plotter")
	return c
}

// complete makes options of flags.
func (f *loadFlags) complete(o *load.Options) (err error) {
	if f.mix == "" {
		f.mix = load.List
		if o.Tool != "" {
			f.mix = load.Call
		}
	}
	if o.Mix, err = load.ParseMix(f.mix); err != nil {
		return err
	}
	if o.Eras, err = load.ParseEras(f.eras); err != nil {
		return err
	}
	o.Arguments = json.RawMessage(f.arguments)
	if f.ca != "" {
		pem, err := durable.ReadNamed(f.ca, maxRoots)
		if err != nil {
			return failed(fmt.Errorf("--ca: %w", err))
		}
		if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(pem) {
			return failed(fmt.Errorf("--ca: %s has no certificate in PEM", f.ca))
		}
	}
	return nil
}

// putLoad runs it and prints what came of it, also of a run that was interrupted.
func (r *run) putLoad(ctx context.Context, o load.Options, histogram string) error {
	done := func() {}
	if !r.quiet && isTerminal(r.Stderr) {
		o.Progress = func(p load.Progress) {
			_, _ = fmt.Fprintf(r.Stderr, "\r\033[K%.0f of %.0f s: %d done, %d failed", p.Passed.Seconds(), p.Of.Seconds(), p.Done, p.Failed)
		}
		done = func() { _, _ = fmt.Fprint(r.Stderr, "\r\033[K") }
	}
	report, err := load.Run(ctx, o)
	done()
	switch {
	case errors.Is(err, load.ErrUsage):
		return err
	case err != nil:
		return failed(err)
	}
	if err := r.put(report, func(w io.Writer) error { return report.WriteText(w) }); err != nil {
		return failed(err)
	}
	if histogram != "" {
		var b bytes.Buffer
		if err := errors.Join(report.WriteHistogram(&b), writeAnew(histogram, b.Bytes())); err != nil {
			return failed(err)
		}
	}
	switch {
	case report.Interrupted:
		return failed(errors.New("interrupted"))
	case report.All.Done == 0:
		return failed(errors.New("no operation had a result"))
	case report.All.Failed > 0:
		return &exit{code: exitFindings}
	}
	return nil
}
