package upstream

import (
	"context"
	"time"
)

// awaitTimeout is how long one attempt to open an upstream may take that a listen waits
// for. Nobody waits for the attempt but its goroutine.
const awaitTimeout = 15 * time.Second

// await attends, for as long as the listen lasts, to an upstream that was away when it
// began. What was asked of it is acknowledged already; that it has come may change every
// list, and the client is told so.
func (l *listener) await(ctx context.Context, name string, asked *watched) {
	for wait := time.Second; pause(ctx, wait) == nil; wait = min(2*wait, relistenMax) {
		within, cancel := withLimit(ctx, awaitTimeout)
		g, err := l.pool.greet(within, l.ex, name)
		cancel()
		if err != nil {
			l.pool.log.DebugContext(ctx, "upstream is still away from a listen", "exchange", l.ex.ID, "upstream", name, "error", err)
			continue
		}
		want := asked.of(g)
		if want.empty() || l.arrived(ctx, &want) != nil {
			return
		}
		f := &follower{pool: l.pool, srv: g.srv, key: g.channel.key, who: l.ex.ID, put: l.put, told: func(wanted) {}}
		if err := f.run(ctx, want); !wayFailed(err) {
			l.pool.log.DebugContext(ctx, "upstream that came later does not listen", "exchange", l.ex.ID, "upstream", name, "error", err)
			return
		}
	}
}

// arrived tells the client that the lists have changed which an upstream that has come
// is a part of.
func (l *listener) arrived(ctx context.Context, want *wanted) error {
	for _, list := range [...]struct {
		of    string
		asked bool
	}{{"tools", want.Tools}, {"prompts", want.Prompts}, {"resources", want.Resources}} {
		if list.asked {
			if err := l.put(ctx, bareChange(list.of)); err != nil {
				return err
			}
		}
	}
	return nil
}
