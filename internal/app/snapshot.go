package app

import (
	"context"
	"fmt"
	"slices"

	"doorward/internal/authorize"
	"doorward/internal/config"
	"doorward/internal/decode"
	"doorward/internal/disclose"
	"doorward/internal/gate"
	"doorward/internal/identify"
	"doorward/internal/judge"
	"doorward/internal/listen"
	"doorward/internal/lock"
	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
	"doorward/internal/pipeline"
	"doorward/internal/policy"
	"doorward/internal/redact"
	"doorward/internal/resolve"
	"doorward/internal/secret"
	"doorward/internal/telemetry"
	"doorward/internal/webhook"
)

// snapshot is everything that a reload replaces, as one. It never changes.
type snapshot struct {
	authorities // none without issuers, and where the gateway does not serve

	cfg    *config.Config
	policy *policy.Policy
	who    *identify.Stage
	line   *pipeline.Line
	front  *listen.Settings
	secret *secret.Store
	hook   *webhook.Target        // nil: nobody is told of calls that wait
	judge  *judge.Judge           // nil: nobody is asked
	made   map[string]ingredients // credentials of upstreams
	weaker map[string][]string    // by upstream: what its sandbox may lack
	moves  map[string]bool        // by profile: whether its sessions move between gateways

	watched   *monitor.Settings
	receivers []delivery.Receiver // of alerts; none where the gateway does not serve
}

// snapshot builds the line for a configuration. The order of the stages is the
// order of architecture.md. Serving needs every required secret; an operator's
// command on the files does not.
func (a *App) snapshot(cfg *config.Config, serving bool) (_ *snapshot, err error) {
	pol, err := compile(cfg)
	if err != nil {
		return nil, err
	}
	secrets, err := a.secrets(cfg, serving)
	if err != nil {
		return nil, err
	}
	if serving {
		pol.Prepare()
	}
	if serving && (pol.Approves() || tracks(cfg)) {
		if err := a.shared.connect(a.ctx, cfg.State, secrets); err != nil {
			return nil, fmt.Errorf("opening approvals: %w", err)
		}
	}
	snap := &snapshot{cfg: cfg, made: made(cfg), weaker: weaker(cfg), moves: movable(cfg), policy: pol, secret: secrets, watched: watched(cfg)}
	if err := a.outsiders(snap, serving); err != nil {
		return nil, err
	}
	dec := decode.New(decode.Config{Sessions: a.front, Suspended: suspended{&a.shared}.Session})
	if serving && a.network {
		if snap.authorities, err = a.issuers(cfg); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				a.discard(snap.tokens)
			}
		}()
	}
	paced, err := a.pace(cfg)
	if err != nil {
		return nil, err
	}
	who, err := a.who(cfg, pol, snap.tokens, paced)
	if err != nil {
		return nil, err
	}
	allowed := authorize.New(pol)
	schemas := a.schemas.With(demands(cfg))
	said, err := disclose.New(disclosure(cfg))
	if err != nil {
		return nil, err
	}
	tracked, err := a.flows(cfg)
	if err != nil {
		return nil, err
	}
	seen, err := a.inspection(cfg)
	if err != nil {
		return nil, err
	}
	snap.line, err = pipeline.New(pipeline.Config{
		Stages: []gate.Stage{
			who,
			dec,
			resolve.New(resolve.Config{Catalogue: a.pool, Reach: reach{pol, a.pins}, Profiles: profiles(cfg), Asks: a.pool, Tasks: a.pool, Suspended: suspended{&a.shared}, Weaker: snap.weaker, Log: a.Log, Events: a.trail.Event}),
			tracked.Carry(),
			allowed,
			schemas,
			seen,
			tracked.Judge(),
			paced,
			a.approve,
		},
		Replies: []gate.ReplyStage{dec, allowed, schemas, seen, redact.New(schemas), said, tracked, paced},
		Forward: stoppable{forwards{local: a.front, upstream: a.pool}, a},
		Record:  guarded{a},
		Observe: telemetry.Watch{Metrics: a.metrics, Traces: a.traces},
		Log:     a.Log,
	})
	if err != nil {
		return nil, err
	}
	snap.who, snap.front = who, front(cfg)
	snap.front.Approvals = pol.Approves() || flowsAsk(cfg)
	return snap, nil
}

// outsiders are those whom a configuration has told and asked.
func (a *App) outsiders(snap *snapshot, serving bool) (err error) {
	if snap.hook, err = a.hook(snap.cfg, snap.secret, serving); err != nil {
		return err
	}
	if snap.judge, err = a.appoint(snap.cfg, snap.secret); err != nil {
		return err
	}
	if serving {
		snap.receivers, err = receivers(snap.cfg, a.Path, snap.secret)
	}
	return err
}

// reach tells which upstreams a principal may cause to be contacted, or started:
// those of which a rule names tools or prompts, and those with an approved
// resource that a rule allows. A URI in a rule does not say whose it is.
type reach struct {
	policy *policy.Policy
	pins   *lock.Pins
}

// Reaches implements resolve.Reach.
func (r reach) Reaches(p *gate.Principal, upstream string) bool {
	if r.policy.Names(p, upstream) {
		return true
	}
	if !r.policy.Reaches(p, upstream) {
		return false
	}
	for _, kind := range [...]gate.ItemKind{gate.Resource, gate.Template} {
		for name := range r.pins.Approved(upstream, kind) {
			if r.policy.Decide(p, kind, upstream, name).Allowed {
				return true
			}
		}
	}
	return false
}

// Serves implements resolve.Reach.
func (r reach) Serves(p *gate.Principal, upstream string) bool { return r.policy.Serves(p, upstream) }

// Lacks implements resolve.Reach.
func (r reach) Lacks(p *gate.Principal, kind gate.ItemKind, upstream, name string) []string {
	return r.policy.Lacks(p, kind, upstream, name)
}

// forwards hands a call to whoever carries out its action: the front its own
// streams and sessions, the pool everything that concerns an upstream.
type forwards struct{ local, upstream gate.Forwarder }

// Forward implements gate.Forwarder.
func (f forwards) Forward(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	switch ex.Call.Route.Action {
	case gate.Empty, gate.Stream, gate.Close:
		return f.local.Forward(ctx, ex, emit)
	case gate.Relay, gate.Compose, gate.Handshake, gate.Discover, gate.Answer,
		gate.Listen, gate.Fan, gate.Notify, gate.Cancel:
		return f.upstream.Forward(ctx, ex, emit)
	case gate.NoAction:
	}
	return &gate.Error{Code: gate.CodeMethod, Op: "forwarding", Err: fmt.Errorf("nobody carries out action %d", ex.Call.Route.Action)}
}

// profiles are the URLs that the gateway serves: the configured ones and, at
// /mcp itself, all upstreams.
func profiles(cfg *config.Config) map[string]resolve.Profile {
	all := make([]string, 0, len(cfg.Upstreams))
	for name := range cfg.Upstreams {
		all = append(all, name)
	}
	slices.Sort(all)
	out := map[string]resolve.Profile{"": {Upstreams: all}}
	for name, p := range cfg.Profiles {
		ups := slices.Clone(p.Upstreams)
		slices.Sort(ups)
		out[name] = resolve.Profile{Upstreams: ups, Plain: p.Names == "plain"}
	}
	return out
}
