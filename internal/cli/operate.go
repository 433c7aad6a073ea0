package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
)

// load reads the configuration that --config names.
func (r *run) load() (*config.Config, error) {
	cfg, err := config.Load(r.config)
	if errors.Is(err, os.ErrNotExist) {
		return nil, failed(fmt.Errorf("no configuration at %s: write one with `doorward init`, or name it with --config", r.config))
	}
	return cfg, failed(err)
}

// operate runs do on the gateway that runs on the data directory, or, when none
// runs, on the files themselves. Either way what is done is on record.
func (r *run) operate(ctx context.Context, do func(ctx context.Context, op admin.Operator, actor string) error) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		client, err := admin.Dial(ctx, cfg.DataDir)
		if err == nil {
			defer client.Close()
			return failed(do(ctx, client, ""))
		}
		if !errors.Is(err, admin.ErrNoGateway) {
			return failed(err)
		}
		log := app.TextLog(r.errs(), slog.LevelWarn)
		a, err := app.New(app.Options{Config: cfg, Path: r.config, Version: r.Version, Log: log, Environment: r.Environ, Supervised: true, Wait: lockRound})
		if errors.Is(err, audit.ErrLocked) && time.Since(began) < lockWait && ctx.Err() == nil {
			continue // a gateway that starts has the files before it answers
		}
		if err != nil {
			return failed(err)
		}
		actor := "uid:" + strconv.Itoa(os.Getuid())
		return failed(errors.Join(do(ctx, a, actor), a.Close()))
	}
}

// How long what needs the data directory waits for another process to leave it, and how
// often a command asks meanwhile whether a gateway answers by now.
const (
	lockWait  = 10 * time.Second
	lockRound = time.Second
)

// visible is text from elsewhere, names of upstreams above all, in one line: characters
// that a terminal would hide or obey are written as ⟨U+XXXX⟩.
func visible(s string) string { return gate.Visible(s) }
