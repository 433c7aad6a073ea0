package upstream

import (
	"context"
	"log/slog"
	"net/http"
)

// quietWire is an upstream's connections, whose errors may quote what it sent.
type quietWire struct {
	http.RoundTripper
	guard *guard
}

// RoundTrip says nothing of secrets in its error.
func (w quietWire) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(req)
	return resp, w.guard.quiet(err)
}

// CloseIdleConnections is that of the connections, where they have it.
func (w quietWire) CloseIdleConnections() {
	if idle, ok := w.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// quietLog is the log about an upstream, without the secrets that it was handed.
type quietLog struct {
	slog.Handler
	guard *guard
}

// Handle writes a record without secrets in its values; messages are constant.
func (h quietLog) Handle(ctx context.Context, r slog.Record) error {
	if h.guard.watch.Load() == nil {
		return h.Handler.Handle(ctx, r)
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.guard.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs is the same log with values that come with every record.
func (h quietLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	list := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		list[i] = h.guard.attr(a)
	}
	return quietLog{h.Handler.WithAttrs(list), h.guard}
}

// WithGroup is the same log with a group opened.
func (h quietLog) WithGroup(name string) slog.Handler {
	return quietLog{h.Handler.WithGroup(name), h.guard}
}

// attr masks secrets in a text or an error.
func (g *guard) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if err, ok := v.Any().(error); ok {
		return slog.Any(a.Key, g.quiet(err))
	}
	if v.Kind() == slog.KindString {
		masked, _ := g.watch.Load().Mask([]byte(v.String()))
		return slog.String(a.Key, string(masked))
	}
	return slog.Attr{Key: a.Key, Value: v}
}
