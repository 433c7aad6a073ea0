// Command doorward is a security gateway for the Model Context Protocol.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"doorward/internal/cli"
)

// version is set by the linker (-X main.version=…).
var version = "dev"

func main() {
	if code, ok := cli.Supervised(os.Args); ok {
		os.Exit(code)
	}
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
		Getenv: os.Getenv, Environ: os.Environ(), Version: version, Reload: reload,
	})
	stop()
	os.Exit(code)
}
