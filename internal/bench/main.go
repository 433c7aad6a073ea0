// Command bench compares Doorward, with an API key, roles, pins, schema
// validation and the audit log on, with a direct connection and with a bare
// httputil.ReverseProxy. `make bench` runs it. It builds the doorward binary,
// sets it up as an operator would (a file, `key create`, `trust approve`,
// `serve`), runs every process on loopback, and prints one table.
//
// It measures from outside and imports nothing of Doorward's; it never judges
// a call by speed alone: every answer must be the answer to that very request.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// The hidden first arguments with which the program runs itself as a child.
const (
	roleUpstream = "child-upstream"
	roleProxy    = "child-revproxy"
)

func main() {
	// A child gets its parent-death signal when the thread that started it ends,
	// and every child is started from here.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case roleUpstream:
			return serveUpstream(ctx, args[1:])
		case roleProxy:
			return serveProxy(ctx, args[1:])
		}
	}
	opts, err := parseOptions(args, os.Stderr)
	if err != nil {
		return err
	}
	return run(ctx, opts, os.Stdout, os.Stderr)
}

// run measures everything and prints the report to out, progress to progress.
func run(ctx context.Context, opts *options, out, progress io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rep := newReport(opts)
	st := &stand{opts: opts, progress: progress, died: cancel}
	defer st.close()
	if err := st.setUp(ctx); err != nil {
		return cause(ctx, err)
	}
	var err error
	if rep.Starts, err = st.measureStarts(ctx); err != nil {
		return cause(ctx, fmt.Errorf("measuring the start: %w", err))
	}
	if rep.Idle, err = st.measureIdle(ctx); err != nil {
		return cause(ctx, fmt.Errorf("measuring idle sessions: %w", err))
	}
	if rep.Rows, err = st.measureMatrix(ctx); err != nil {
		return cause(ctx, err)
	}
	if rep.Audit, err = st.verifyAudit(ctx); err != nil {
		return cause(ctx, err)
	}
	rep.judge()
	if opts.format == "json" {
		return rep.writeJSON(out)
	}
	return rep.writeText(out)
}

// cause prefers why ctx ended (Ctrl-C, a child that died) to what that broke.
func cause(ctx context.Context, err error) error {
	if reason := context.Cause(ctx); reason != nil {
		return reason
	}
	return err
}
