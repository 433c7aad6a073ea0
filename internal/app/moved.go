package app

import (
	"context"
	"time"

	"doorward/internal/config"
	"doorward/internal/listen"
)

// moved is what gateways with one state know of each other's sessions.
type moved struct{ *shared }

var _ listen.Replicas = moved{}

// Begin implements listen.Replicas.
func (m moved) Begin(ctx context.Context, id string, keep time.Duration) error {
	in := m.now.Load()
	if in == nil || in.sessions == nil {
		return errNoMemory
	}
	return in.sessions.Begin(ctx, id, keep)
}

// Use implements listen.Replicas.
func (m moved) Use(ctx context.Context, id string, keep time.Duration, alone bool) (bool, error) {
	in := m.now.Load()
	if in == nil || in.sessions == nil {
		return false, errNoMemory
	}
	return in.sessions.Use(ctx, id, keep, alone)
}

// End implements listen.Replicas.
func (m moved) End(ctx context.Context, id string) error {
	in := m.now.Load()
	if in == nil || in.sessions == nil {
		return errNoMemory
	}
	return in.sessions.End(ctx, id)
}

// replicas knows of the sessions of other gateways; nil where the state is not shared.
func (a *App) replicas() listen.Replicas {
	if a.Config.State.Redis == "" {
		return nil
	}
	return moved{&a.shared}
}

// moves tells whether sessions under a profile can go on at another gateway: whether none of its
// upstreams is a command that keeps something from call to call.
func (a *App) moves(profile string) bool { return a.current.Load().moves[profile] }

// movable are the profiles whose sessions move; at /mcp itself, whose name is empty, are all upstreams.
func movable(cfg *config.Config) map[string]bool {
	out := map[string]bool{}
	for name, p := range profiles(cfg) {
		out[name] = true
		for _, up := range p.Upstreams {
			if u := cfg.Upstreams[up]; u.Command != nil && u.Sandbox.Lifetime != "call" {
				out[name] = false
			}
		}
	}
	return out
}
