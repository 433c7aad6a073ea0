package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"doorward/internal/config"
	"doorward/internal/gate"
)

// Reload reads the configuration again and serves by it. A bad one is refused
// whole and the old one stays. actor is who asked, for the audit log.
func (a *App) Reload(ctx context.Context, actor string) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload(ctx, actor)
	if err != nil {
		a.Log.ErrorContext(ctx, "configuration refused, the old one stays", "path", a.Path, "error", err)
		if unrecorded := a.trail.Event(ctx, gate.Event{Kind: "config.refused", Actor: actor, Status: "refused"}); unrecorded != nil {
			err = errors.Join(err, unrecorded)
		}
		return &gate.Error{Code: gate.CodeParams, Op: "reloading", Public: err.Error(), Err: err}
	}
	a.Log.InfoContext(ctx, "configuration reloaded", "path", a.Path)
	return nil
}

func (a *App) reload(ctx context.Context, actor string) error {
	if a.Path == "" {
		return errors.New("this gateway was not started from a file")
	}
	cfg, err := config.Load(a.Path)
	if err != nil {
		return err
	}
	if err := sameProcess(a.current.Load().cfg, cfg); err != nil {
		return err
	}
	upstreams, err := settings(cfg, a.Path)
	if err != nil {
		return err
	}
	snap, err := a.snapshot(cfg, true)
	if err != nil {
		return err
	}
	was := a.current.Load()
	err = a.act(ctx, []gate.Event{{Kind: "config.reload", Actor: actor}}, func() error {
		if widened(&was.cfg.Identity, &cfg.Identity) {
			if err := a.dropUnadmitted(ctx, &was.cfg.Identity); err != nil {
				return fmt.Errorf("dropping the approvals of those who were not let in: %w", err)
			}
		}
		if err := a.tellOfWeaker(ctx, was.weaker, snap.weaker); err != nil {
			return err
		}
		if err := a.reloadPins(ctx); err != nil {
			return err
		}
		if err := a.pool.Reconfigure(upstreams); err != nil {
			return err
		}
		a.current.Store(snap)
		a.fallback(&cfg.Limits)
		a.egress.only(cfg.Upstreams)
		a.onlyInVault(cfg)
		a.clients.only(snap.made)
		a.places.Past.Only(overlapping(cfg))
		a.endUnadmitted(&cfg.Identity)
		if err := a.dropUnadmitted(ctx, &cfg.Identity); err != nil { // else before they are let in again
			a.Log.ErrorContext(ctx, "approvals of people who are let in no more are not dropped yet", "error", err)
		}
		a.loud.configured(a.Journal, cfg.Telemetry.Log.Level)
		for _, name := range names(cfg.Upstreams) {
			a.pool.Announce(name)
		}
		return nil
	})
	switch {
	case err != nil:
		a.discard(snap.tokens)
	case was.tokens != snap.tokens:
		a.retire(was.tokens)
	}
	return err
}

// sameProcess refuses a change that a running process cannot make.
func sameProcess(was, is *config.Config) error {
	for _, c := range []struct {
		key     string
		changed bool
	}{
		{"data_dir", was.DataDir != is.DataDir},
		{"listen.address", was.Listen.Address != is.Listen.Address},
		{"listen.tls", !reflect.DeepEqual(was.Listen.TLS, is.Listen.TLS)},
		{"listen.stop", was.Listen.Stop != is.Listen.Stop},
		{"listen.proxy_protocol", was.Listen.ProxyProtocol != is.Listen.ProxyProtocol},
		{"vault", !reflect.DeepEqual(was.Vault, is.Vault)},
		{"secret_store", was.SecretStore != is.SecretStore},
		{"state", was.State != is.State},
		{"admin.address", was.Admin.Address != is.Admin.Address},
		{"audit.durability", was.Audit.Durability != is.Audit.Durability},
		{"audit.arguments", was.Audit.Arguments != is.Audit.Arguments},
		{"audit.checkpoint", !reflect.DeepEqual(was.Audit.Checkpoint, is.Audit.Checkpoint)},
		{"audit.fields", !reflect.DeepEqual(was.Audit.Fields, is.Audit.Fields)},
		{"audit.index", was.Audit.Index != is.Audit.Index},
		{"audit.identity", was.Audit.Identity != is.Audit.Identity},
		{"audit.sinks", !reflect.DeepEqual(was.Audit.Sinks, is.Audit.Sinks)},
		{"trust.lock", was.Trust.Lock != is.Trust.Lock},
		{"trust.first_use", was.Trust.FirstUse != is.Trust.FirstUse},
		{"trust.signing", was.Trust.Signing != is.Trust.Signing},
		{"trust.signers", !slices.Equal(was.Trust.Signers, is.Trust.Signers)},
		{"trust.findings", was.Trust.Findings != is.Trust.Findings},
		{"telemetry, but for log", !reflect.DeepEqual(sent(was.Telemetry), sent(is.Telemetry))},
		{"telemetry.log.format", was.Telemetry.Log.Format != is.Telemetry.Log.Format},
	} {
		if c.changed {
			return fmt.Errorf("%s cannot change while the gateway runs: restart it", c.key)
		}
	}
	return nil
}

// sent is telemetry without the log.
func sent(t config.Telemetry) config.Telemetry {
	t.Log = config.Log{}
	return t
}

// settle is how long a file must be quiet before it is read: editors write in
// several steps.
const settle = 200 * time.Millisecond

// watch reloads when the configuration or the lock file changes. It watches
// their directories, because editors replace files.
func (a *App) watch(ctx context.Context) {
	if a.Path == "" {
		return
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		a.Log.WarnContext(ctx, "file changes are not seen; use SIGHUP", "error", err)
		return
	}
	defer func() { _ = w.Close() }()
	changed := map[string]bool{} // by path: since it was last read
	for _, path := range []string{a.Path, a.Config.Trust.Lock} {
		abs, err := filepath.Abs(path)
		if err == nil {
			err = w.Add(filepath.Dir(abs))
		}
		if err != nil {
			a.Log.WarnContext(ctx, "file changes are not seen; use SIGHUP", "path", path, "error", err)
			continue
		}
		changed[abs] = false
	}
	a.follow(ctx, w, changed)
}

// follow reads a file again when it has changed and is quiet.
func (a *App) follow(ctx context.Context, w *fsnotify.Watcher, changed map[string]bool) {
	quiet := time.NewTimer(settle)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if _, ours := changed[filepath.Clean(e.Name)]; ours && !e.Has(fsnotify.Chmod) {
				changed[filepath.Clean(e.Name)] = true
				quiet.Reset(settle)
			}
		case err := <-w.Errors:
			a.Log.WarnContext(ctx, "watching files", "error", err)
		case <-quiet.C:
			a.reread(ctx, changed)
		}
	}
}

// reread reads what has changed: the whole configuration, or the lock alone.
func (a *App) reread(ctx context.Context, changed map[string]bool) {
	abs, _ := filepath.Abs(a.Path) // it was absolute before, or it is not in the map
	if changed[abs] {
		_ = a.Reload(ctx, "file") // it has said in the log what is wrong
	} else if err := a.reloadPins(ctx); err != nil {
		a.Log.ErrorContext(ctx, "lock file refused, the old pins stay", "error", err)
	}
	for path := range changed {
		changed[path] = false
	}
}
