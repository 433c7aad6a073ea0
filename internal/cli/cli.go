// Package cli is the doorward command line, one file per command. main calls
// Run and does nothing else; everything that a command needs from the process
// (streams, environment) comes in through Process, so tests run it whole.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Process is what the process gives to the command line.
type Process struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	Environ []string
	Version string
	Built   string // RFC 3339, of the commit; empty: not known
	// Reload receives a value for each SIGHUP.
	Reload <-chan struct{}
}

// The exit codes (config.md): scripts and CI tell them apart.
const (
	exitFine     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
)

// exit is an error that chooses the exit code. A nil err prints nothing: what
// there is to say has been said.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// run is one run of the command line: the process and the global flags.
type run struct {
	Process
	config  string
	format  string
	quiet   bool
	noColor bool
}

// Run runs one command and returns its exit code. ctx ends it (Ctrl-C).
func Run(ctx context.Context, p Process) int {
	if p.Getenv(coreDumps) == "" {
		leaveNoCore()
	}
	r := &run{Process: p}
	root := r.root()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	at, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitFine
	}
	code := exitUsage
	if e, ok := errors.AsType[*exit](err); ok {
		code = e.code
		if e.err == nil {
			return code
		}
	}
	_, _ = fmt.Fprintf(r.errs(), "doorward: %v\n", err)
	if code == exitUsage {
		use := ""
		if !at.HasSubCommands() {
			use = "write " + at.UseLine() + "; "
		}
		_, _ = fmt.Fprintf(r.errs(), "doorward: %ssee %s --help\n", use, at.CommandPath())
	}
	return code
}

func (r *run) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "doorward",
		Short: "A security gateway for the Model Context Protocol",
		Long: `Doorward stands between AI agents and the MCP servers they use. Every message is
authenticated, authorised, validated and recorded, and refused when any of that
cannot be done.`,
		Example: `  doorward init                       write a first doorward.yaml
  doorward serve                      run the gateway
  doorward key create me              make an API key (shown once)
  doorward trust approve files        approve what the upstream "files" offers
  doorward demo                       see what it does, without any set-up`,
		Version:       r.version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if known := formats(cmd); !slices.Contains(known, r.format) {
				return fmt.Errorf("--format %q: want %s", r.format, strings.Join(known, " or "))
			}
			switch t := r.Getenv("DOORWARD_TRANSPORT"); t {
			case "", "http", "stdio":
				return nil
			default:
				return fmt.Errorf("DOORWARD_TRANSPORT=%q: want http or stdio", t)
			}
		},
	}
	if r.Getenv("DOORWARD_TRANSPORT") == "stdio" {
		// A client's configuration that can only set the environment: a bare
		// `doorward` then speaks MCP on its stdin and stdout.
		root.RunE = func(cmd *cobra.Command, _ []string) error { return r.stdio(cmd.Context()) }
		root.Args = cobra.NoArgs
	}
	root.Flags().Bool("version", false, "print the version")
	root.SetVersionTemplate("doorward {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&r.config, "config", r.configDefault(), "configuration file; DOORWARD_CONFIG sets the default")
	flags.StringVar(&r.format, "format", "text", "output format: text or json; json goes to stdout alone")
	flags.BoolVar(&r.quiet, "quiet", false, "print only what was asked for and errors")
	flags.BoolVar(&r.noColor, "no-color", r.Getenv("NO_COLOR") != "", "print without colours; NO_COLOR sets it too")
	root.AddCommand(r.serveCommand(), r.healthCommand(), r.stdioCommand(), r.initCommand(), r.installCommand(), r.uninstallCommand(), r.demoCommand(), r.keyCommand(),
		r.signCommand(), r.tokenCommand(), r.loginCommand(), r.secretCommand(), r.upstreamCommand(), r.sandboxCommand(), r.trustCommand(), r.policyCommand(), r.approveCommand(), r.auditCommand(), r.docsCommand(), r.privacyCommand(), r.monitorCommand(), r.incidentCommand(), r.logCommand(), r.configCommand(), r.checkCommand(), r.scanCommand(), r.doctorCommand(), r.loadCommand(), r.versionCommand())
	return root
}

// formatsKey is the annotation of a command that has other output formats than
// text and json.
const formatsKey = "formats"

// formats are those that a command has.
func formats(cmd *cobra.Command) []string {
	if own := strings.Fields(cmd.Annotations[formatsKey]); len(own) > 0 {
		return own
	}
	return []string{"text", "json"}
}

func (r *run) configDefault() string {
	if path := r.Getenv("DOORWARD_CONFIG"); path != "" {
		return path
	}
	return "doorward.yaml"
}

// failed is an error of the run, not of the usage: exit code 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*exit](err); ok {
		return err
	}
	return &exit{code: exitFailed, err: err}
}

// say prints people's text: to stdout, or to stderr when a machine format was
// asked for, or nowhere when quiet.
func (r *run) say(format string, args ...any) {
	switch {
	case r.quiet:
	case r.format != "text":
		_, _ = fmt.Fprintf(r.errs(), format+"\n", args...)
	default:
		_, _ = fmt.Fprintf(r.out(), format+"\n", args...)
	}
}

// put prints a value as JSON when that was asked for, else calls text.
func (r *run) put(v any, text func(w io.Writer) error) error {
	if r.format == "json" {
		enc := json.NewEncoder(screenJSON{r.Stdout})
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	return text(r.out())
}

// group makes a command that only holds others.
func group(use, short, example string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example, SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return fmt.Errorf("there is no command %q of %s: did you mean %s?", args[0], cmd.CommandPath(), strings.Join(near, " or "))
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := make([]string, 0, len(children))
			for _, child := range children {
				names = append(names, child.Name())
			}
			return fmt.Errorf("%s needs one of: %s", cmd.CommandPath(), strings.Join(names, ", "))
		},
	}
	c.AddCommand(children...)
	return c
}
