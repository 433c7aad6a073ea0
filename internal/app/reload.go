package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

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
		if unrecorded := a.trail.Event(ctx, gate.Event{Kind: "config.refused", Actor: actor, Status: "refused", Detail: gate.Visible(err.Error())}); unrecorded != nil {
			err = errors.Join(err, unrecorded)
		}
		return &gate.Error{Code: gate.CodeParams, Op: "reloading", Public: err.Error(), Err: err}
	}
	a.Log.InfoContext(ctx, "configuration reloaded", "path", a.Path)
	return nil
}

func (a *App) reload(ctx context.Context, actor string) (err error) {
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
	servers := a.builtins.attach(a, upstreams)
	defer func() {
		if err != nil {
			a.builtins.discard(servers)
		}
	}()
	if err := servers.ready(); err != nil {
		return err
	}
	snap, err := a.snapshot(cfg, true)
	if err != nil {
		return err
	}
	was := a.current.Load()
	err = a.act(ctx, []gate.Event{{Kind: "config.reload", Actor: actor, Detail: described(snap, was)}}, func() error {
		if widened(&was.cfg.Identity, &cfg.Identity) {
			if err := a.dropUnadmitted(ctx, &was.cfg.Identity); err != nil {
				return fmt.Errorf("dropping the approvals of those who were not let in: %w", err)
			}
		}
		a.warn(ctx, cfg)
		if err := a.tellOfWeaker(ctx, was.weaker, snap.weaker); err != nil {
			return err
		}
		if err := a.reloadPins(ctx); err != nil {
			return err
		}
		told, err := a.pool.Reconfigure(upstreams)
		if err != nil {
			return err
		}
		a.builtins.only(servers)
		a.current.Store(snap)
		a.fallback(&cfg.Limits)
		a.ceiling.Resize(most(cfg, space()))
		a.egress.only(cfg.Upstreams)
		a.onlyInVault(cfg)
		a.clients.only(snap.made)
		a.places.Past.Only(overlapping(cfg))
		a.endUnadmitted(&cfg.Identity)
		lost := a.pool.CloseUnserved()
		if err := a.dropUnadmitted(ctx, &cfg.Identity); err != nil { // else before they are let in again
			a.Log.ErrorContext(ctx, "approvals of people who are let in no more are not dropped yet", "error", err)
		}
		a.loud.configured(a.Journal, cfg.Telemetry.Log.Level)
		for _, name := range names(cfg.Upstreams) {
			a.pool.Announce(name)
		}
		told()
		lost()
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

// maxChanges bounds the names of what changed, in bytes of a record's detail.
const maxChanges = 400

// described says which configuration comes into force: its digest, the version of its policy,
// which decisions cite, and, where there was one before, that one's and what is different.
func described(is, was *snapshot) string {
	text := fmt.Sprintf("%s, policy %s", is.cfg.Digest, is.policy.Version())
	if was == nil {
		return text
	}
	changes := strings.Join(config.Changes(was.cfg, is.cfg), ", ")
	if changes == "" {
		changes = "nothing"
	}
	if len(changes) > maxChanges {
		changes = strings.ToValidUTF8(changes[:maxChanges], "") + "…"
	}
	return fmt.Sprintf("%s, before %s; changed: %s", text, was.cfg.Digest, changes)
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
