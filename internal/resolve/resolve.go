// Package resolve is the stage that finds what a message is about: the one
// upstream and the approved definition of a named tool, prompt, resource or
// template, the approved definitions of a list, or the upstreams of a method
// that concerns a session as a whole.
//
// The pipeline calls it after decode. It asks an upstream's catalogue only when
// the profile has that upstream and policy says that the principal can reach
// it; any other upstream looks exactly like one that does not exist. It never
// decides whether the principal may use what was found: that is authorize.
package resolve

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"doorward/internal/gate"
)

// Catalogue is what upstreams offer to an exchange's principal, each item with
// its digest and its state against the lock. It does not wait for an upstream
// longer than for a person that waits for a list. upstream.Pool implements it.
type Catalogue interface {
	// Items are the upstream's definitions of a kind, in the upstream's order.
	// The slice is the caller's to change. stale: the upstream fails, and this is what it
	// offered before.
	Items(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind) (items []gate.Item, stale bool, err error)
	// Find is the one with exactly this name.
	Find(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind, name string) (gate.Item, bool, error)
	// Twins are the others of the same upstream and kind whose names look the
	// same (mcp.Fold).
	Twins(ctx context.Context, ex *gate.Exchange, it *gate.Item) ([]gate.Item, error)
}

// Reach tells whether policy could let the principal use anything of an
// upstream. policy.Policy implements it.
type Reach interface {
	Reaches(p *gate.Principal, upstream string) bool
	// Serves tells whether the upstream is for the principal's tenant.
	Serves(p *gate.Principal, upstream string) bool
	// Lacks are the scopes with which a token of the principal would be allowed the
	// thing; nil when none would help.
	Lacks(p *gate.Principal, kind gate.ItemKind, upstream, name string) []string
}

// Suspended tells what an operator has suspended. An error is that it cannot be known;
// a *gate.Error.
type Suspended interface {
	// Upstreams are those of some that are suspended. It is asked once for a message.
	Upstreams(names []string) ([]string, error)
	Tool(upstream, name string) (bool, error) // or a prompt of that name
}

// Asks knows the server-to-client requests that wait for the client's answer,
// by the id that the client was shown. upstream.Pool implements it.
type Asks interface {
	Ask(session *gate.Session, shownID []byte) (upstream, method string, ok bool)
}

// Tasks opens the ids of tasks that clients bring. upstream.Pool implements it.
type Tasks interface {
	// Task is what the id that the call names stands for. It is false for every id
	// that was not given to this principal, in this profile and era, or that has
	// expired.
	Task(ex *gate.Exchange) (gate.Task, bool)
}

// Profile is a set of upstreams under one URL.
type Profile struct {
	Upstreams []string // sorted
	Plain     bool     // names are as the one upstream gives them, without its prefix
}

// Config is what the stage needs. Log, Events, Tasks, Suspended and Weaker may be nil, nothing
// else: without Tasks there are none, and without Suspended nothing is.
type Config struct {
	Catalogue Catalogue
	Reach     Reach
	Profiles  map[string]Profile // by name in the URL; "" is all upstreams, prefixed. Never changed
	Asks      Asks
	Tasks     Tasks
	Suspended Suspended
	Weaker    map[string][]string // by upstream: gate.Target.Weaker. Never changed
	Log       *slog.Logger
	// Events writes to the audit log which names are blocked because they could
	// be taken for each other.
	Events func(context.Context, gate.Event) error
}

// Stage implements gate.Stage.
type Stage struct {
	catalogue Catalogue
	reach     Reach
	profiles  map[string]Profile
	asks      Asks
	tasks     Tasks
	suspended Suspended
	weaker    map[string][]string
	log       *slog.Logger
	events    func(context.Context, gate.Event) error
	sound     bool // of all upstreams
	templates templates
	clashes   clashes
}

// New makes the stage.
func New(c Config) *Stage {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Stage{catalogue: c.Catalogue, reach: c.Reach, profiles: c.Profiles, asks: c.Asks, tasks: c.Tasks, suspended: c.Suspended, weaker: c.Weaker, log: c.Log, events: c.Events, sound: true}
	for _, p := range c.Profiles {
		s.sound = s.sound && sound(p.Upstreams)
	}
	return s
}

// deadline bounds what several catalogues may take together to find one thing.
// A catalogue bounds a single look by itself.
const deadline = 10 * time.Second

// Name implements gate.Stage.
func (s *Stage) Name() string { return "resolve" }

// Applies implements gate.Stage. A client's answer has no row of its own that
// asks for stages, but it must find the request that it answers.
func (s *Stage) Applies(r gate.Route) bool {
	return r.Stages&gate.OnResolve != 0 || r.Action == gate.Answer
}

// Judge fills the exchange's Target, also of what it refuses.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	v, err := s.judge(ctx, ex)
	ex.Target.Weaker = s.weaker[ex.Target.Upstream]
	return v, err
}

func (s *Stage) judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if ex.Principal == nil || ex.Call.Message == nil && ex.Inbound.Op == "" {
		return gate.Refuse(gate.CodeInternal, "nobody or nothing to resolve for", ""), nil
	}
	profile, ok := s.profiles[ex.Inbound.Profile]
	if !ok {
		return gate.Refuse(gate.CodeProfile, "no such profile", "there is nothing at this URL"), nil
	}
	if ex.Inbound.Profile != "" && !slices.ContainsFunc(profile.Upstreams, func(u string) bool { return s.reach.Serves(ex.Principal, u) }) {
		return gate.Refuse(gate.CodeProfile, "a profile of other tenants", "there is nothing at this URL"), nil
	}
	if profile.Plain && len(profile.Upstreams) != 1 {
		return gate.Refuse(gate.CodeProfile, "a profile with plain names needs exactly one upstream", "this URL is not usable"), nil
	}
	l := &lookup{Stage: s, ex: ex, plain: profile.Plain, all: profile.Upstreams, sound: s.sound}
	if err := l.reached(profile); err != nil {
		return gate.Verdict{}, err
	}
	ex.Target = gate.Target{Plain: profile.Plain}
	switch ex.Call.Route.Action {
	case gate.Compose:
		return l.list(ctx)
	case gate.Relay:
		return l.named(ctx)
	case gate.Answer:
		return l.answer(), nil
	case gate.Listen:
		ex.Target.Upstreams = l.candidates
		return l.hearsOfTasks(), nil
	case gate.Handshake, gate.Discover, gate.Fan, gate.Notify:
		ex.Target.Upstreams = l.candidates
		return gate.Pass(), nil
	case gate.Cancel, gate.Empty, gate.Stream, gate.Close:
		return gate.Pass(), nil
	case gate.NoAction:
	}
	return gate.Refuse(gate.CodeInternal, "a method without an action", ""), nil
}

// reached sets the profile's upstreams that the principal can reach, sorted. Those that
// are suspended are asked nothing, and are not in lists.
func (l *lookup) reached(profile Profile) error {
	l.candidates = make([]string, 0, len(profile.Upstreams))
	for _, u := range profile.Upstreams {
		if l.reach.Reaches(l.ex.Principal, u) {
			l.candidates = append(l.candidates, u)
		}
	}
	if l.suspended == nil {
		return nil
	}
	var err error
	if l.contained, err = l.suspended.Upstreams(l.candidates); err != nil || len(l.contained) == 0 {
		return err
	}
	l.candidates = slices.DeleteFunc(l.candidates, func(u string) bool { return slices.Contains(l.contained, u) })
	return nil
}

// lookup is the resolution of one message.
type lookup struct {
	*Stage
	ex         *gate.Exchange
	plain      bool
	sound      bool     // see sound
	all        []string // upstreams of the profile
	candidates []string // those of them that the principal can reach
	contained  []string // those that it could reach if they were not suspended
}

// settle makes a found item the call's target, unless it is suspended. The copy carries the digest
// that was found approved, and validate judges by that same digest: what is
// approved later or meanwhile is another item.
func (l *lookup) settle(it gate.Item, shown string) (gate.Verdict, error) {
	it.Shown = shown
	l.ex.Target.Upstream = it.Upstream
	l.ex.Target.Item = &it
	if is, err := l.withdrawn(&it); err != nil || is {
		return gate.Refuse(gate.CodeContainedTool, "suspended by an operator", ""), err
	}
	return gate.Pass(), nil
}

// withdrawn tells whether a tool or prompt is suspended by itself.
func (l *lookup) withdrawn(it *gate.Item) (bool, error) {
	if l.suspended == nil || it.Kind != gate.Tool && it.Kind != gate.Prompt {
		return false, nil
	}
	return l.suspended.Tool(it.Upstream, it.Name)
}

// unavailable refuses what is, or may be, of an upstream that is suspended.
func unavailable() gate.Verdict {
	return gate.Refuse(gate.CodeContainedUpstream, "suspended by an operator or a rule", "")
}

// answer finds the request that the client answers.
func (l *lookup) answer() gate.Verdict {
	session := l.ex.Call.Session
	if session == nil {
		return unexpected("an answer outside a session")
	}
	m := l.ex.Call.Message
	upstream, method, ok := l.asks.Ask(session, m.Bytes(m.ID))
	if !ok {
		return unexpected("nothing with this id waits for an answer in this session")
	}
	if !l.candidate(upstream) {
		return unexpected("the principal cannot reach the upstream that asked")
	}
	l.ex.Target.Upstream, l.ex.Target.Answers = upstream, method
	return gate.Pass()
}

func unexpected(reason string) gate.Verdict {
	return gate.Refuse(gate.CodeAnswer, reason, "no request with this id waits for an answer")
}
