package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/store"
)

var _ admin.Operator = (*App)(nil)

// CreateKey implements admin.Keys.
func (a *App) CreateKey(ctx context.Context, actor string, req admin.KeyRequest) (admin.NewKey, error) {
	roles, err := a.rolesFor(req.Roles)
	if err != nil {
		return admin.NewKey{}, err
	}
	opts := store.CreateOptions{Name: req.Name, Roles: roles, Signing: req.Signing}
	if req.Expires > 0 {
		opts.Expires = time.Now().Add(req.Expires)
	}
	var made admin.NewKey
	e := keyEvent("key.create", actor, req.Name)
	e.Detail = "roles " + strings.Join(roles, ",")
	err = a.act(ctx, []gate.Event{e}, func() error {
		text, key, err := a.keys.Create(opts)
		made = newKey(text, key)
		return err
	})
	return made, operated("creating a key", err)
}

// keyEvent is an operator's act on an API key, by its id or its name. A name may be that
// of a person, and is sealed as one.
func keyEvent(kind, actor, idOrName string) gate.Event {
	e := gate.Event{Kind: kind, Actor: actor}
	if store.IsKeyID(idOrName) {
		e.Detail = idOrName
	} else {
		e.Principal = &gate.Principal{Realm: gate.RealmKeys, Subject: idOrName}
	}
	return e
}

// rolesFor checks that roles exist; none means the built-in one, when the
// configuration writes no roles of its own.
func (a *App) rolesFor(roles []string) ([]string, error) {
	cfg := a.current.Load().cfg
	if len(roles) == 0 {
		if cfg.BuiltInRole {
			return []string{config.BuiltInRoleName}, nil
		}
		return nil, operated("creating a key", fmt.Errorf("name a role with --role: %s", strings.Join(names(cfg.Roles), ", ")))
	}
	for _, r := range roles {
		if _, ok := cfg.Roles[r]; !ok {
			return nil, operated("creating a key", fmt.Errorf("there is no role %q: the configuration that is in force has %s; a change of the file is in force once the gateway's log says \"configuration reloaded\"", r, strings.Join(names(cfg.Roles), ", ")))
		}
	}
	return roles, nil
}

func names[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// ListKeys implements admin.Keys.
func (a *App) ListKeys(context.Context) ([]admin.Key, error) {
	keys, err := a.keys.List()
	out := make([]admin.Key, 0, len(keys))
	for _, k := range keys {
		out = append(out, shownKey(k))
	}
	return out, operated("listing keys", err)
}

// RotateKey implements admin.Keys.
func (a *App) RotateKey(ctx context.Context, actor, id string, overlap time.Duration) (admin.NewKey, error) {
	var made admin.NewKey
	err := a.act(ctx, []gate.Event{keyEvent("key.rotate", actor, id)}, func() error {
		text, key, err := a.keys.Rotate(id, overlap)
		made = newKey(text, key)
		if err != nil {
			return err
		}
		a.endRevoked()
		return a.publishKeys(ctx, actor, func(k *store.Key) bool { return k.RotatedTo == key.ID })
	})
	return made, operated("rotating a key", err)
}

// RevokeKey implements admin.Keys.
func (a *App) RevokeKey(ctx context.Context, actor, id string) error {
	err := a.act(ctx, []gate.Event{keyEvent("key.revoke", actor, id)}, func() error {
		if err := a.keys.Revoke(id); err != nil {
			return err
		}
		a.endRevoked()
		return a.publishKeys(ctx, actor, func(k *store.Key) bool { return k.ID == id || k.Name == id })
	})
	return operated("revoking a key", err)
}

// publishKeys tells the gateways that share this one's state, and have key files
// of their own, of the revoked keys among some.
func (a *App) publishKeys(ctx context.Context, actor string, some func(*store.Key) bool) error {
	if a.current.Load().cfg.State.Redis == "" {
		return nil
	}
	all, err := a.keys.List()
	for _, k := range all {
		if some(&k) && !k.Revoked.IsZero() {
			err = errors.Join(err, a.publish(ctx, store.Revocation{Kind: store.RevokedKey, Value: k.ID, At: time.Now(), By: actor}))
		}
	}
	return err
}

func newKey(text string, k store.Key) admin.NewKey {
	return admin.NewKey{Text: text, ID: k.ID, Name: k.Name, Roles: k.Roles, Expires: k.Expires, Signing: k.Signing}
}

func shownKey(k store.Key) admin.Key {
	return admin.Key{
		ID: k.ID, Name: k.Name, Roles: k.Roles, Created: k.Created,
		Expires: k.Expires, LastUsed: k.LastUsed, Revoked: k.Revoked, Signing: k.Signing,
	}
}

// act puts what an operator does on record and then does it; without a record
// it is not done. What fails is on record again, as failed.
func (a *App) act(ctx context.Context, events []gate.Event, do func() error) error {
	if err := a.record(ctx, events, "begun"); err != nil {
		return err
	}
	err := do()
	if err != nil {
		err = errors.Join(err, a.record(context.WithoutCancel(ctx), events, "failed"))
	}
	return err
}

func (a *App) record(ctx context.Context, events []gate.Event, status string) error {
	for _, e := range events {
		e.Status = status
		if err := a.trail.Event(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// operated makes an error one that the operator may read whole.
func operated(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*gate.Error](err); ok {
		return err
	}
	return &gate.Error{Code: gate.CodeParams, Op: op, Public: err.Error(), Err: err}
}

// Status implements admin.Gateway.
func (a *App) Status(ctx context.Context) (admin.Status, error) {
	st := admin.Status{
		Version: a.Version, Started: a.started, URL: a.URL(),
		Sessions: int(a.meter.sessions.Load()), Reasons: a.Ready(ctx), Upstreams: []admin.UpstreamStatus{},
	}
	st.Ready = len(st.Reasons) == 0
	for _, u := range a.pool.Status() {
		st.Upstreams = append(st.Upstreams, admin.UpstreamStatus{
			Name: u.Name, Transport: u.Transport, Eras: u.Eras, Channels: u.Sessions, Children: u.Children, Breaker: u.Breaker, HeldBack: u.HeldBack, Error: u.LastError, Answers: u.Answers,
		})
	}
	return st, nil
}

// Metrics implements admin.Health.
func (a *App) Metrics() http.Handler { return a.metrics.Handler() }

// maxKeyFile bounds a file that holds a key, or certificates, in bytes.
const maxKeyFile = 1 << 20

// lasting is a file that Doorward keeps for itself, made with fresh random
// bytes when it is missing.
func lasting(path string, fresh func() ([]byte, error)) ([]byte, error) {
	b, err := durable.ReadNamed(path, maxKeyFile)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return b, err
	}
	if b, err = fresh(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return durable.ReadNamed(path, maxKeyFile)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	return b, errors.Join(err, f.Sync(), f.Close())
}
