package cli

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/checklist"
	"doorward/internal/config"
	"doorward/internal/loopback"
	"doorward/internal/secret"
)

// surroundings gathers what the checklist is told beside the configuration. What
// cannot be had is missing there, and the list says so.
func (r *run) surroundings(ctx context.Context, cfg *config.Config, offline bool) checklist.State {
	st := checklist.State{
		Now: time.Now(), Config: file(r.config), DataDir: file(cfg.DataDir), Lock: file(cfg.Trust.Lock),
		Secrets: map[string]checklist.Secret{}, Redis: r.redis(cfg), Unlaunchable: app.Unlaunchable(cfg, r.config),
	}
	if data, err := r.readBounded(r.config); err == nil {
		st.Line = config.Lines(data)
	}
	for name, s := range cfg.Secrets {
		if strings.HasPrefix(s.From, "file:") {
			st.Secrets[name] = fileSecret(name, s, st.Now)
		}
	}
	switch {
	case offline:
		st.Unread = "the data directory was left alone (--offline)"
	case !file(filepath.Join(cfg.DataDir, "audit")).Exists:
		// A command on the files would make what is missing.
		st.Unread = "Doorward has not run on " + cfg.DataDir + " yet"
	default:
		if err := r.operate(ctx, func(ctx context.Context, op admin.Operator, _ string) error { return ask(ctx, op, &st) }); err != nil {
			st.Unread = err.Error()
		}
	}
	return st
}

// operated is what the checklist asks of the gateway.
type operated interface {
	Status(ctx context.Context) (admin.Status, error)
	Entries(ctx context.Context, q admin.Review) ([]admin.Entry, error)
	ListKeys(ctx context.Context) ([]admin.Key, error)
}

// ask fills in keys and definitions, and how the gateway is if one runs. The
// upstreams are not asked.
func ask(ctx context.Context, op operated, st *checklist.State) error {
	if _, running := op.(*admin.Client); running {
		now, err := op.Status(ctx)
		if err != nil {
			return err
		}
		st.Gateway = &checklist.Gateway{Ready: now.Ready, Reasons: now.Reasons}
	}
	entries, err := op.Entries(ctx, admin.Review{})
	if err != nil {
		return err
	}
	for _, e := range entries {
		st.Definitions = append(st.Definitions, checklist.Definition{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, State: e.State})
	}
	keys, err := op.ListKeys(ctx)
	for _, k := range keys {
		st.Keys = append(st.Keys, checklist.Key{
			ID: k.ID, Name: k.Name, Roles: k.Roles, Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed, Revoked: k.Revoked,
		})
	}
	return err
}

func file(path string) checklist.File {
	f := checklist.File{Path: path}
	if info, err := os.Stat(path); err == nil {
		f.Exists, f.Mode = true, info.Mode()
	}
	return f
}

// fileSecret looks at a secret as the gateway does. Its value stays here.
func fileSecret(name string, s config.Secret, now time.Time) checklist.Secret {
	store, err := secret.Open([]secret.Source{{Name: name, From: s.From, Required: s.Required, Type: s.Type, MaxAge: time.Duration(s.MaxAge)}}, nothing)
	if err != nil {
		return checklist.Secret{Fault: err.Error()}
	}
	return checklist.Secret{Overdue: len(store.Overdue(now)) > 0}
}

func nothing(string) (string, bool) { return "", false }

// redis is where the shared state is; nil when its URL cannot be had here. The URL
// holds a password: nothing but the host leaves this function.
func (r *run) redis(cfg *config.Config) *checklist.Redis {
	s, ok := cfg.Secrets[cfg.State.Redis]
	if !ok {
		return nil
	}
	store, err := secret.Open([]secret.Source{{Name: cfg.State.Redis, From: s.From}}, r.variable)
	if err != nil {
		return nil
	}
	value, err := store.Get(cfg.State.Redis)
	if err != nil {
		return nil
	}
	u, err := url.Parse(value.Reveal())
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return &checklist.Redis{Host: u.Hostname(), TLS: u.Scheme == "rediss", Loopback: loopback.Host(u.Hostname())}
}

func (r *run) variable(name string) (string, bool) {
	value := r.Getenv(name)
	return value, value != ""
}

// artifact is the URI of a file for SARIF: relative to the working directory where
// it is below that, with slashes.
func artifact(path string) string {
	here, err := os.Getwd()
	whole, wrong := filepath.Abs(path)
	if errors.Join(err, wrong) == nil {
		if below, err := filepath.Rel(here, whole); err == nil && filepath.IsLocal(below) {
			return (&url.URL{Path: filepath.ToSlash(below)}).String()
		}
		return (&url.URL{Scheme: "file", Path: filepath.ToSlash(whole)}).String()
	}
	return (&url.URL{Path: filepath.ToSlash(path)}).String()
}
