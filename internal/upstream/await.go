package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

const (
	// awaitTimeout is how long one attempt to open an upstream may take that a listen waits
	// for. Nobody waits for the attempt but its goroutine.
	awaitTimeout = 15 * time.Second

	// unheardMax is the time between attempts at an upstream that answers, and does not
	// acknowledge a listen: each attempt is on record.
	unheardMax = 5 * time.Minute
)

// errDeaf is an upstream that says that it cannot listen.
var errDeaf = errors.New("it does not listen")

// deaf tells whether an upstream says that it cannot listen, by its answer or its status. Everything
// else that a listen ends with may pass.
func deaf(err error) bool {
	_, status := errors.AsType[*statusError](err)
	return status || errors.Is(err, errDeaf)
}

// unheard is an upstream's refusal to listen.
func unheard(m *gate.Message) error {
	code := errorCode(m)
	err := fmt.Errorf("subscriptions/listen answered with error %s", code)
	if code == "-32601" || code == "-32602" { // it has no such method, or none with what every client sends
		return fmt.Errorf("%w: %w", errDeaf, err)
	}
	return err
}

// await attends, for as long as the listen lasts, to an upstream that is away or does not
// listen just now. What was asked of it is acknowledged already; that it has come may change
// every list, and the client is told so once each time. It ends when the client may not go on with that
// upstream, or the upstream says that it cannot listen.
func (l *listener) await(ctx context.Context, name string, asked *watched) {
	told := false
	for wait := time.Second; pause(ctx, wait) == nil && l.may(name); {
		within, cancel := withLimit(ctx, awaitTimeout)
		g, err := l.pool.greet(within, l.ex, name)
		cancel()
		if err != nil {
			l.pool.log.DebugContext(ctx, "upstream is still away from a listen", "exchange", l.ex.ID, "upstream", name, "error", err)
			told, wait = false, min(2*wait, relistenMax)
			continue
		}
		want := asked.of(g)
		if want.empty() || !l.may(name) { // its client may have lost it while it was greeted
			return
		}
		if !told && l.arrived(ctx, &want) != nil { // the client does not read
			wait = min(2*wait, relistenMax)
			continue
		}
		acked, err := l.follow(ctx, g, want, func(wanted) {})
		if deaf(err) || ctx.Err() != nil {
			l.pool.log.DebugContext(ctx, "upstream that came later does not listen", "exchange", l.ex.ID, "upstream", name, "error", err)
			return
		}
		if told = !acked; acked { // another stands in its place now, with other lists maybe
			wait = time.Second
		} else {
			wait = max(min(2*wait, unheardMax), asksToWait(err))
		}
	}
}

// follow listens at an upstream until that ends, and tells whether the upstream ever said
// what it honours, which told is told once.
func (l *listener) follow(ctx context.Context, g greeted, want wanted, told func(wanted)) (acked bool, err error) {
	f := &follower{pool: l.pool, srv: g.srv, key: g.channel.key, who: l.ex.ID, put: l.put, told: func(w wanted) {
		if !acked { // what is honoured later cannot be told
			acked = true
			told(w)
		}
	}}
	err = f.run(ctx, want)
	return acked, err
}

// arrived tells the client that the lists have changed which an upstream that has come
// is a part of, and its resources that the client is subscribed to.
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
	for _, uri := range want.URIs {
		if err := l.put(ctx, mcp.NewNotification(methodUpdated, uriParams(uri))); err != nil {
			return err
		}
	}
	return nil
}
