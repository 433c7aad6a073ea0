package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

// configuredLevel is the argument that takes back what was asked for.
const configuredLevel = "configured"

// defaultLoud is how long a level lasts that --for says nothing about.
const defaultLoud = 10 * time.Minute

func (r *run) logCommand() *cobra.Command {
	return group("log", "Let the running gateway's own log say more, for a time",
		`  doorward log level
  doorward log level debug --for 5m`,
		r.logLevel())
}

func (r *run) logLevel() *cobra.Command {
	var lasts time.Duration
	c := &cobra.Command{
		Use: "level [debug|info|warn|error|configured]", Short: "Show the level of the log, or set another for a time", Args: cobra.MaximumNArgs(1),
		ValidArgs: []string{"debug", "info", "warn", "error", configuredLevel},
		Long: `Show what the running gateway's own log writes, or set another level for at most 15 minutes. After that it is what
telemetry.log.level says, without anybody doing anything; a restart has the same effect, and "configured" takes it back at once.
Who sets it, and when it ends, is on record. Doorward writes no
arguments, results or credentials of its own at any level. What an upstream writes to its stderr is shown from info on, without the secrets it was handed.`,
		Example: `  doorward log level
  doorward log level debug --for 5m
  doorward log level configured`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && cmd.Flags().Changed("for") {
				return errors.New("--for needs a level")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				is, err := askLevel(ctx, op, actor, args, lasts)
				if err != nil {
					return err
				}
				return r.put(is, func(w io.Writer) error { return levelText(w, &is) })
			})
		},
	}
	c.Flags().DurationVar(&lasts, "for", defaultLoud, "how long, at most 15m")
	return c
}

func askLevel(ctx context.Context, op admin.Operator, actor string, args []string, lasts time.Duration) (admin.LogLevel, error) {
	switch {
	case len(args) == 0:
		return op.LogLevel(ctx)
	case args[0] == configuredLevel:
		return op.SetLogLevel(ctx, actor, admin.LogLevelRequest{})
	}
	return op.SetLogLevel(ctx, actor, admin.LogLevelRequest{Level: args[0], For: lasts})
}

func levelText(w io.Writer, is *admin.LogLevel) error {
	if is.Until.IsZero() {
		_, err := fmt.Fprintf(w, "%s, as configured\n", is.Level)
		return err
	}
	_, err := fmt.Fprintf(w, "%s until %s, then %s\n", is.Level, is.Until.Local().Format("15:04:05"), is.Configured)
	return err
}
