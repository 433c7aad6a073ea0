package upstream

import (
	"context"
	"slices"

	"doorward/internal/gate"
)

// Observed is what an upstream is and offers, as Doorward itself sees it.
type Observed struct {
	Items   []gate.Item // with Instructions, Server and Command; State is set
	Era     gate.Era
	Version string // protocol version
}

// Observe looks at an upstream for itself: in a process or session of its own
// that ends with the look, with no client's capabilities. The stateless era is
// tried first (protocol.md §1.3). When it may not be started or contacted, or the
// upstream fails, the error comes with what is known: the Command item.
// `doorward trust` and the start of the gateway call it.
func (p *Pool) Observe(ctx context.Context, upstream string) (Observed, error) {
	s, err := p.server(upstream)
	if err != nil {
		return Observed{}, err
	}
	ctx, cancel := withLimit(ctx, s.set.Timeout)
	defer cancel()
	ctx, end := untilStopping(ctx, p.stopping)
	defer end()
	s.forget()
	seen := Observed{}
	r, err := p.identify(s)
	if err != nil {
		return seen, s.fault(gate.CodeUpstreamDown, "finding the command", err)
	}
	seen.Items = append(seen.Items, r.item)
	if err = s.look(ctx, gate.Stateless, &seen); gate.CodeOf(err) == gate.CodeUpstreamEra {
		wrong := err
		if err = s.look(ctx, gate.Stateful, &seen); err == nil {
			s.learn(gate.Stateless, wrong)
		}
	}
	seen.Items = slices.DeleteFunc(seen.Items, func(it gate.Item) bool { return !s.pinned(it.Kind) })
	for i := range seen.Items {
		seen.Items[i].State = p.state(&seen.Items[i])
	}
	return seen, s.classify(ctx, "observing", err)
}

// look opens a link in one era, reads everything, and closes it.
func (s *server) look(ctx context.Context, era gate.Era, seen *Observed) error {
	c := newChannel(s, channelKey{era: era}, nil)
	cn, err := s.probe(ctx, c)
	if err != nil {
		return err
	}
	defer func() { cn.link.close(); <-cn.over }()
	s.speaks(era)
	h := cn.hello.Load()
	seen.Era, seen.Version = era, h.version
	seen.Items = append(seen.Items, h.items(s.set.Name)...)
	for _, kind := range [...]gate.ItemKind{gate.Tool, gate.Prompt, gate.Resource, gate.Template} {
		list, err := c.catalogue(ctx, cn, kind)
		if err != nil {
			return err
		}
		seen.Items = append(seen.Items, list.items...)
	}
	return nil
}

// probe dials. A legacy stdio server may not answer server/discover at all, so
// that takes no more than half of the time.
func (s *server) probe(ctx context.Context, c *channel) (*conn, error) {
	if s.wire != nil || c.key.era != gate.Stateless {
		return c.dial(ctx)
	}
	half, cancel := withLimit(ctx, s.set.Timeout/2)
	defer cancel()
	cn, err := c.dial(half)
	if err != nil && half.Err() != nil && ctx.Err() == nil {
		return nil, s.eraFault(gate.Stateless, err)
	}
	return cn, err
}
