package upstream

import (
	"context"
	"sync"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// levels are the log levels that stateful clients have set, for upstreams that
// are told with each request. At most one for each open session.
type levels struct {
	mu  sync.Mutex
	set map[string]string // by session id
}

func (l *levels) put(session *gate.Session, level string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set == nil {
		l.set = map[string]string{}
	}
	l.set[session.ID] = level
}

func (l *levels) of(session *gate.Session) string {
	if level := l.chosen(session); level != "" {
		return level
	}
	return defaultLevel
}

// chosen is the level that the session has set; empty when it has set none.
func (l *levels) chosen(session *gate.Session) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set[session.ID]
}

func (l *levels) drop(session *gate.Session) {
	l.mu.Lock()
	delete(l.set, session.ID)
	l.mu.Unlock()
}

// level is what a stateful upstream was told to log at least, for everybody on
// the link.
type level struct {
	mu  sync.Mutex
	set string // empty: nothing was said yet
}

// raise notes that the upstream has to be told of a level, and tells whether it
// has to: only where that means more than before.
func (l *level) raise(wanted string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set != "" && mcp.LevelAtLeast(wanted, l.set) {
		return false
	}
	l.set = wanted
	return true
}

// wantLogs makes a stateful upstream log what a stateless client's request asks
// for. The level holds for the whole session there, so it only ever asks for
// more, and each request gets what it asked for of that. An upstream that
// refuses keeps its own level.
func (c *channel) wantLogs(ctx context.Context, cn *conn, ex *gate.Exchange) {
	at, ok := ex.Call.Message.MetaField(mcp.MetaLogLevel)
	if !ok || !cn.hello.Load().offers("logging") {
		return
	}
	wanted, _ := text(ex.Call.Message.Bytes(at))
	if !cn.level.raise(wanted) {
		return
	}
	params := append(jsonrpc.AppendString([]byte(`{"level":`), wanted), '}')
	if _, err := c.request(ctx, cn.link, methodSetLevel, params); err != nil {
		c.srv.log.WarnContext(ctx, "upstream does not take a log level", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "upstream", c.srv.set.Name, "error", err)
	}
}
