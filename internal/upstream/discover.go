package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// discover answers server/discover, the stateless era's counterpart of the
// handshake, and the question by which clients choose an era.
func (p *Pool) discover(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	all := p.greetAll(ctx, ex)
	era := p.commonEra(ctx, ex, &all)
	if era != gate.Stateful { // else the client will not use what is left out
		all.tell(ctx, p.log, ex)
	}
	if err := all.err(); err != nil && era != gate.Stateful {
		return err
	}
	open := all.open
	for i := range open {
		open[i].hello = open[i].channel.fresh(ctx, open[i].conn)
	}
	versions, err := json.Marshal(mcp.Versions(era))
	if err != nil {
		return fmt.Errorf("listing revisions: %w", err)
	}
	b := append([]byte(`{"resultType":"complete","supportedVersions":`), versions...)
	b = append(append(b, `,"capabilities":`...), offered(open, ex.Target.Plain)...)
	b = p.withInstructions(b, open)
	b = fmt.Appendf(b, `,"ttlMs":%d,"cacheScope":"private","_meta":{"%s":`, shownTTL.Milliseconds(), mcp.MetaServerInfo)
	b = append(append(b, p.infoOf(open, ex.Target.Plain)...), "}}"...)
	m := ex.Call.Message
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), b))
}

// commonEra is the era whose versions a client is told of: a client that can
// speak both would take the stateless one and lose every upstream that has none,
// so that era is not offered when one of them cannot be served in it and all of
// them can in the other. gate.NoEra offers both.
func (p *Pool) commonEra(ctx context.Context, ex *gate.Exchange, all *greetings) gate.Era {
	behind := false
	for _, l := range all.left {
		behind = behind || gate.CodeOf(l.err) == gate.CodeUpstreamEra
	}
	if !behind {
		return gate.NoEra
	}
	for _, g := range all.open {
		if !g.hello.both && !g.srv.eras[gate.Stateful].spoken.Load() {
			p.log.WarnContext(ctx, "no era is spoken by all upstreams: clients of either lose some", "exchange", ex.ID, "stateless_only", g.srv.set.Name)
			return gate.NoEra
		}
	}
	return gate.Stateful
}

// fresh is what the upstream says of itself, asked again when that is stale;
// one that does not answer is what it was.
func (c *channel) fresh(ctx context.Context, cn *conn) *hello {
	h := cn.hello.Load()
	if h.until.IsZero() || time.Now().Before(h.until) {
		return h
	}
	ctx, cancel := context.WithTimeoutCause(ctx, min(c.srv.set.Timeout, listTimeout), errTimeout)
	defer cancel()
	if err := c.greet(ctx, cn); err != nil {
		c.srv.log.WarnContext(ctx, "upstream does not answer server/discover any more", "upstream", c.srv.set.Name, "error", err)
	}
	return cn.hello.Load()
}
