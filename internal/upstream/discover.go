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
	all := p.greetAll(ctx, ex, greetTimeout)
	all.tell(ctx, p.log, ex)
	open := all.open
	for i := range open {
		open[i].hello = open[i].channel.fresh(ctx, open[i].conn)
	}
	versions, err := json.Marshal(mcp.Versions(gate.NoEra))
	if err != nil {
		return fmt.Errorf("listing revisions: %w", err)
	}
	b := append([]byte(`{"resultType":"complete","supportedVersions":`), versions...)
	b = append(append(b, `,"capabilities":`...), all.withTasks(gate.Stateless, mcp.V20260728, all.offered(ex.Target.Plain))...)
	b = p.withInstructions(b, open)
	b = fmt.Appendf(b, `,"ttlMs":%d,"cacheScope":"private","_meta":{"%s":`, shownTTL.Milliseconds(), mcp.MetaServerInfo)
	b = append(append(b, p.infoOf(open, ex.Target.Plain)...), "}}"...)
	m := ex.Call.Message
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), b))
}

// fresh is what the upstream says of itself, asked again when that is stale;
// one that does not answer is what it was.
func (c *channel) fresh(ctx context.Context, cn *conn) *hello {
	h := cn.hello.Load()
	if h.until.IsZero() || time.Now().Before(h.until) {
		return h
	}
	ctx, cancel := withLimit(ctx, min(c.srv.set.Timeout, listTimeout))
	defer cancel()
	if err := c.greet(ctx, cn); err != nil {
		c.srv.log.WarnContext(ctx, "upstream does not answer server/discover any more", "upstream", c.srv.set.Name, "error", err)
	}
	return cn.hello.Load()
}
