package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// greetTimeout is how long a client's handshake waits for upstreams. One that
// is slower goes on opening, and the session is told when it is there.
const greetTimeout = 5 * time.Second

// greeted is an upstream that is open for an exchange.
type greeted struct {
	srv     *server
	channel *channel
	conn    *conn
	hello   *hello
}

// greetings are what came of opening channels to all upstreams of an exchange.
type greetings struct {
	open []greeted
	left []leftOut // those that failed, by name
}

// leftOut is an upstream that could not be opened.
type leftOut struct {
	name string
	err  error
}

// tell logs what is left out.
func (g *greetings) tell(ctx context.Context, log *slog.Logger, ex *gate.Exchange) {
	for _, l := range g.left {
		log.WarnContext(ctx, "upstream is left out", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "upstream", l.name, "error", l.err)
	}
}

// greetAll opens the exchange's channels to all its upstreams, at the same
// time. One that fails, or takes longer than limit, is left out.
func (p *Pool) greetAll(ctx context.Context, ex *gate.Exchange, limit time.Duration) greetings {
	ctx, cancel := withLimit(ctx, limit)
	defer cancel()
	names := ex.Target.Upstreams
	all, errs := make([]greeted, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { all[i], errs[i] = p.greet(ctx, ex, name) })
	}
	wg.Wait()
	var g greetings
	for i := range all {
		if errs[i] == nil {
			g.open = append(g.open, all[i])
			continue
		}
		g.left = append(g.left, leftOut{names[i], errs[i]})
	}
	return g
}

func (p *Pool) greet(ctx context.Context, ex *gate.Exchange, name string) (greeted, error) {
	s, err := p.server(name)
	if err != nil {
		return greeted{}, err
	}
	if err := s.admit(ctx, ex); err != nil {
		if ex.Call.Session != nil {
			s.latecomers.add(ex.Call.Session)
		}
		return greeted{}, err
	}
	c, cn, err := s.open(ctx, ex, false)
	if err != nil {
		if ex.Call.Session != nil {
			s.latecomers.add(ex.Call.Session)
		}
		return greeted{}, s.classify(ctx, "opening", err)
	}
	defer c.end()
	p.follow(ex, s, c)
	return greeted{s, c, cn, cn.hello.Load()}, nil
}

// handshake opens the session's channels and answers initialize.
func (p *Pool) handshake(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	session := ex.Call.Session
	if session == nil {
		return errors.New("a handshake without a session")
	}
	all := p.greetAll(ctx, ex, greetTimeout)
	all.tell(ctx, p.log, ex)
	open := all.open
	b := jsonrpc.AppendString([]byte(`{"protocolVersion":`), session.Version)
	b = append(append(b, `,"capabilities":`...), all.withTasks(gate.Stateful, session.Version, all.offered(ex.Target.Plain))...)
	b = append(append(b, `,"serverInfo":`...), p.infoOf(open, ex.Target.Plain)...)
	b = append(p.withInstructions(b, open), '}')
	m := ex.Call.Message
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), b))
}

// offered are the capabilities of all upstreams together. What is made of
// several may change with any of them, so each list may change; and one that is
// not there yet may bring any list.
func (g *greetings) offered(plain bool) []byte {
	var all [][]byte
	for _, o := range g.open {
		all = append(all, o.hello.capabilities)
	}
	if plain && len(g.open) == 1 {
		return mcp.ServerCapabilities(all...)
	}
	for _, name := range [...]string{"tools", "prompts", "resources"} {
		offers := func(o greeted) bool { return o.hello.offers(name) }
		if len(g.left) > 0 || slices.ContainsFunc(g.open, offers) {
			all = append(all, []byte(`{"`+name+`":{"listChanged":true}}`))
		}
	}
	return mcp.ServerCapabilities(all...)
}

// infoOf is Doorward's own serverInfo, or the upstream's where its names are
// shown as they are and its serverInfo is approved.
func (p *Pool) infoOf(open []greeted, plain bool) []byte {
	if plain && len(open) == 1 {
		if it, ok := p.approved(open[0], gate.Server); ok {
			if _, named := memberOf(it.Raw, "name"); named {
				return it.Raw
			}
		}
	}
	return p.clientInfo()
}

func (p *Pool) approved(g greeted, kind gate.ItemKind) (gate.Item, bool) {
	for _, it := range g.hello.items(g.srv.set.Name) {
		if it.Kind == kind && p.state(&it) == gate.Approved {
			return it, true
		}
	}
	return gate.Item{}, false
}

// withInstructions adds the approved instructions; of several upstreams each
// with the name of whose they are.
func (p *Pool) withInstructions(b []byte, open []greeted) []byte {
	var parts []string
	for _, g := range open {
		it, ok := p.approved(g, gate.Instructions)
		if !ok {
			continue
		}
		s, _ := text(it.Raw)
		if len(open) > 1 {
			s = fmt.Sprintf("Instructions of the server %s:\n%s", g.srv.set.Name, s)
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return b
	}
	return jsonrpc.AppendString(append(b, `,"instructions":`...), strings.Join(parts, "\n\n"))
}
