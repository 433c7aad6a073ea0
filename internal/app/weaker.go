package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/gate"
)

// unconfined is the layer that stands for all of them: a command with Doorward's own rights.
const unconfined = "sandbox"

// weaker are, by upstream, the layers that what confines its command may lack because the
// configuration says so, sorted: they stand in each record of a call to it (security case
// SBX-20). An upstream that is as confined as Doorward can make it has none, nor has a URL.
func weaker(cfg *config.Config) map[string][]string {
	out := map[string][]string{}
	for name, u := range cfg.Upstreams {
		switch {
		case !u.Runs():
		case !u.Sandbox.Confined():
			out[name] = []string{unconfined}
		case len(u.Sandbox.AllowWeaker) > 0:
			out[name] = slices.Compact(slices.Sorted(slices.Values(u.Sandbox.AllowWeaker)))
		}
	}
	return out
}

// tellOfWeaker puts on record and tells operators of each upstream whose command may run with
// less around it than it could have, or with less than by the configuration before, nil for
// none. It raises an alert. A configuration that cannot be told of so does not come into force.
func (a *App) tellOfWeaker(ctx context.Context, was, is map[string][]string) error {
	for _, name := range names(is) {
		if slices.Equal(was[name], is[name]) {
			continue
		}
		detail := "its command may run without " + strings.Join(is[name], ", ")
		if slices.Contains(is[name], unconfined) {
			detail = "its command is not confined: it has Doorward's own rights"
		}
		a.Log.WarnContext(ctx, "a sandbox is weaker than it could be", "upstream", name, "without", is[name])
		if err := a.trail.Event(ctx, gate.Event{Kind: "sandbox.weaker", Actor: "doorward", Upstream: name, Detail: detail, Status: "ok"}); err != nil {
			return fmt.Errorf("recording that the sandbox of %s is weaker: %w", name, err)
		}
	}
	return nil
}

// warn tells operators of what the configuration says and should not.
func (a *App) warn(ctx context.Context, cfg *config.Config) {
	for _, warning := range cfg.Warnings() {
		a.Log.WarnContext(ctx, "the configuration says what it should not", "warning", warning)
	}
}

// weakerBy counts, for telemetry, the upstreams whose command may run without a layer.
func (a *App) weakerBy() map[string]float64 {
	out := map[string]float64{unconfined: 0}
	if snap := a.current.Load(); snap != nil {
		for _, layers := range snap.weaker {
			for _, layer := range layers {
				out[layer]++
			}
		}
	}
	return out
}
