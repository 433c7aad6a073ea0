package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"doorward/internal/config"
	"doorward/internal/gate"
)

// Asking is one look at what upstreams offer, without a gateway: nothing of it is
// kept, and nothing is approved.
type Asking struct {
	Upstreams   map[string]config.Upstream
	Secrets     map[string]config.Secret
	Path        string // of the configuration file that they are from; may be empty
	Environment []string
	Version     string
	Log         *slog.Logger
}

// Offered asks each upstream what it offers and tells what it said, in the order
// of the names. Each is started or contacted, and ended again, in a directory
// that is removed afterwards.
func Offered(ctx context.Context, q Asking, told func(name string, items []gate.Item, err error)) (err error) {
	dir, err := os.MkdirTemp("", "doorward-scan-*")
	if err != nil {
		return fmt.Errorf("making a directory to work in: %w", err)
	}
	defer func() { err = errors.Join(err, gone(os.RemoveAll(dir))) }()
	cfg, err := config.Parse(filepath.Join(dir, "doorward.yaml"), config.First(q.Upstreams, q.Secrets))
	if err != nil {
		return fmt.Errorf("setting the servers up: %w", err)
	}
	for name, u := range q.Upstreams { // what First has no words for
		own := cfg.Upstreams[name]
		if own.Command != nil { // who asks has agreed to that
			own.Sandbox = config.Sandbox{Kind: "none", Lifetime: own.Sandbox.Lifetime}
		}
		own.Limits.Timeout = max(own.Limits.Timeout, u.Limits.Timeout)
		cfg.Upstreams[name] = own
	}
	a, err := New(Options{Config: cfg, Path: q.Path, Version: q.Version, Log: q.Log, Environment: q.Environment, Supervised: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	for _, name := range names(cfg.Upstreams) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		seen, err := a.pool.Observe(ctx, name)
		told(name, seen.Items, err)
	}
	return nil
}

// gone is the error of a removal, but for what is gone already.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
