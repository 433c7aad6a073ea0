// Command doorward is a security gateway for the Model Context Protocol.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	_ "doorward/cmd/doorward/process1"   // ends here when this is process 1 of a sandbox
	_ "doorward/cmd/doorward/supervisor" // ends here when this is the supervisor of a command
	"doorward/internal/cli"
)

// version is set by the linker (-X main.version=…).
var version = "dev"

// built is the time of the commit, set by the linker.
var built string //nolint:gochecknoglobals // the linker sets no other kind of variable

func main() {
	// net/http prints there what an upstream sends unasked, which could repeat a
	// credential that it was sent.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	reload := make(chan struct{})
	go func() {
		for range hups {
			select {
			case reload <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	code := cli.Run(ctx, cli.Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Environ: os.Environ(), Version: version, Built: built, Reload: reload,
	})
	stop()
	os.Exit(code)
}
