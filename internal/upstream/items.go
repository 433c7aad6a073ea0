package upstream

import (
	"context"
	"errors"
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Items are the definitions of a kind that an upstream offers through this
// exchange's channel, each with its state against the lock as it is now; without
// tools that its client could not call. Of an upstream that fails they are those of the
// last look for the same principal, and stale.
// resolve calls it, for upstreams that the principal may reach; the slice is
// the caller's. Errors are *gate.Error of the upstream codes.
func (p *Pool) Items(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind) (items []gate.Item, stale bool, err error) {
	list, by, err := p.lookAt(ctx, ex, upstream, kind)
	stale = err != nil
	if stale {
		if list, by = p.lastList(ctx, ex, upstream, kind, err); list == nil {
			return nil, false, err
		}
	}
	items = make([]gate.Item, len(list.items))
	copy(items, list.items)
	for i := range items {
		items[i].State = p.state(&items[i])
	}
	return by.callable(ex, items), stale, nil
}

// Find is Items for the one definition with that name.
func (p *Pool) Find(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind, name string) (gate.Item, bool, error) {
	list, _, err := p.lookAt(ctx, ex, upstream, kind)
	if err != nil {
		return gate.Item{}, false, p.midway(ex, gate.Target{Upstream: upstream, Item: &gate.Item{Upstream: upstream, Kind: kind, Name: name}}, err)
	}
	i, ok := list.byName[name]
	if !ok {
		return gate.Item{}, false, nil
	}
	it := list.items[i]
	it.State = p.state(&it)
	return it, true, nil
}

// midway is the failure of an upstream before a call is sent, as a client may read it: what goes on with a
// call that the upstream has asked something for was sent before, and "try again" would be to make it twice.
// of is what the call names, which the exchange does not have yet.
func (p *Pool) midway(ex *gate.Exchange, of gate.Target, err error) error {
	e, ok := errors.AsType[*gate.Error](err)
	if !ok || e.Code != gate.CodeUpstreamDown || ex == nil || ex.Call.Message == nil || ex.Principal == nil {
		return err
	}
	named := *ex
	named.Target = of
	if _, _, resumes := p.Resumes(&named); !resumes {
		return err
	}
	told := *e
	told.Code, told.Wait = gate.CodeUpstreamOutcome, 0
	told.Public = "upstream " + of.Upstream + " failed during the call: it may have been carried out, so look before you make it again"
	return &told
}

// Twins are the definitions whose names look the same as that of it, and are
// not: a person who approved one may have meant the other.
func (p *Pool) Twins(ctx context.Context, ex *gate.Exchange, it *gate.Item) ([]gate.Item, error) {
	list, _, err := p.lookAt(ctx, ex, it.Upstream, it.Kind)
	if err != nil {
		return nil, err
	}
	var twins []gate.Item
	for _, i := range list.twins[mcp.Fold(it.Name)] {
		if other := list.items[i]; other.Name != it.Name {
			other.State = p.state(&other)
			twins = append(twins, other)
		}
	}
	return twins, nil
}

func (p *Pool) state(it *gate.Item) gate.PinState {
	if it.Unread {
		return p.setting(it.Upstream)
	}
	return p.cfg.Pins.State(it.Upstream, it.Kind, it.Name, it.Digest)
}

// setting is how the settings of a server of Doorward's own stand against the lock.
func (p *Pool) setting(upstream string) gate.PinState {
	s, err := p.server(upstream)
	if err != nil {
		return gate.Held
	}
	stands := func() (state gate.PinState, kept bool) {
		r, kept, err := s.described()
		if err != nil {
			return gate.Held, kept
		}
		return p.cfg.Pins.State(upstream, gate.Command, "", r.item.Digest), kept
	}
	state, kept := stands()
	if state != gate.Approved && kept && len(s.set.Runs) > 0 { // what was seen of its commands before may be the reason
		s.standing.Store(nil)
		state, _ = stands()
	}
	return state
}

// pinned tells whether definitions of a kind are approved one by one. The resources of a
// server of Doorward's own are not: they are what its settings say, which are.
func (s *server) pinned(kind gate.ItemKind) bool {
	return kind != gate.Resource || s.set.Builtin == nil
}

// approved refuses what another server offers than the one that was approved:
// under a known name, something else may answer (security.md PIN-10). It is
// asked of each link, because each may reach another server.
func (s *server) approved(cn *conn) error {
	return s.approvedAs(cn.hello.Load())
}

// approvedAs is approved of what a server said of itself.
func (s *server) approvedAs(h *hello) error {
	v := s.pool.cfg.Pins.ServerAllowed(s.set.Name, h.serverDigest, h.serverInfo)
	if v.Effect == gate.Continue {
		return nil
	}
	return &gate.Error{Code: orCode(v.Code, gate.CodeUpstreamHeld), Op: "using upstream " + s.set.Name, Err: fmt.Errorf("%w: %s", errOther, v.Reason), Public: v.Public}
}

// teller is the link on which a list was read.
type teller struct {
	era   gate.Era
	hello *hello
}

// lookAt opens the exchange's channel and reads its catalogue. An upstream that
// has dropped the session meanwhile is asked once more: listing changes nothing.
func (p *Pool) lookAt(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind) (*catalogue, teller, error) {
	s, err := p.server(upstream)
	if err != nil {
		return nil, teller{}, err
	}
	c, err := s.channelFor(ex, s.order(ex.Call.Era)[0])
	if err != nil {
		return nil, teller{}, s.classify(ctx, "listing", err)
	}
	if cn, list := c.atHand(kind); list != nil {
		if err := s.approved(cn); err != nil {
			return nil, teller{}, err
		}
		return list, teller{c.key.era, cn.hello.Load()}, nil
	}
	ctx, cancel := withLimit(ctx, min(s.set.Timeout, listTimeout))
	defer cancel()
	if err := s.admit(ctx, ex); err != nil {
		return nil, teller{}, err
	}
	list, by, err := s.read(ctx, ex, kind)
	if errors.Is(err, errGone) || errors.Is(err, errFlipped) {
		list, by, err = s.read(ctx, ex, kind)
	}
	if err == nil {
		s.kept.put(s.keptKey(ex, kind), keptList{list: list, by: by, mark: s.keptMark(ex)})
	}
	return list, by, s.classify(ctx, "listing", err)
}

// read opens the exchange's channel and reads a list on it.
func (s *server) read(ctx context.Context, ex *gate.Exchange, kind gate.ItemKind) (*catalogue, teller, error) {
	c, cn, err := s.open(ctx, ex, false)
	if err != nil {
		return nil, teller{}, err
	}
	defer c.end()
	if err := s.approved(cn); err != nil {
		return nil, teller{}, err
	}
	list, err := c.catalogue(ctx, cn, kind)
	return list, teller{c.key.era, cn.hello.Load()}, err
}
