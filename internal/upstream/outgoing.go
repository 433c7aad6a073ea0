package upstream

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Bounds of the Mcp-Param-* headers that are passed on though the tool's schema
// does not know them (2026-07-28, transports: intermediaries MUST forward them).
const (
	maxParams     = 32
	maxParamBytes = 4 << 10
	paramPrefix   = "Mcp-Param-"
)

// outgoing is the client's request as this channel's upstream shall read it.
// state is what the requestState that the client brings stands for.
func (c *channel) outgoing(ex *gate.Exchange, cn *conn, state reopened) *outgoing {
	m := ex.Call.Message
	o := &outgoing{id: c.next.Add(1), method: m.Method, version: cn.hello.Load().version}
	_, o.token = m.MetaField(mcp.MetaProgress)
	if ex.Call.Era == gate.Stateless {
		o.tasks = cn.hello.Load().runsTasks(c.key.era)
		_, o.logs = m.MetaField(mcp.MetaLogLevel)
		o.header = c.headers(ex, cn)
	} else {
		o.version = "" // the link knows whether this revision has the header
		o.logs = !c.shared() || c.srv.wire != nil
		o.asks = c.session != nil
	}
	edits := o.rewrite(ex, o.idToken(), state.token)
	var drop []string
	if members := o.traced(c, ex); members != nil {
		edits, drop = spliced(m, edits, members)
		edits = c.srv.pool.cfg.Propagation.spareAnswers(m, edits)
		slices.SortFunc(edits, func(a, b jsonrpc.Edit) int { return a.At.Start - b.At.Start })
	}
	if state.ours || ex.Bare || drop != nil {
		edits = pruned(ex, edits, state.ours, drop)
		slices.SortFunc(edits, func(a, b jsonrpc.Edit) int { return a.At.Start - b.At.Start })
	}
	if c.srv.wire != nil && len(m.Raw) > maxSpliced {
		o.pieces = jsonrpc.Pieces(m.Raw, edits...)
	} else {
		o.raw = jsonrpc.Splice(m.Raw, edits...)
	}
	return o
}

// maxSpliced is the message, in bytes, up to which copying it is cheaper than
// sending it in pieces.
const maxSpliced = 16 << 10

// rewrite is what changes in the client's message: it gets the upstream's id and
// progress token, the thing's name as the upstream gives it, the upstream's own
// requestState or id of a task, and of the client's capabilities those that Doorward relays.
// Every other byte is the client's.
func (o *outgoing) rewrite(ex *gate.Exchange, id, state []byte) []jsonrpc.Edit {
	m := ex.Call.Message
	edits := o.room[:0]
	put := func(at gate.Span, tok []byte) {
		if at.Present() && tok != nil && !bytes.Equal(m.Bytes(at), tok) {
			edits = append(edits, jsonrpc.Edit{At: jsonrpc.Span(at), New: tok})
		}
	}
	put(m.ID, id)
	if at, ok := m.MetaField(mcp.MetaProgress); ok {
		put(at, id)
	}
	if at, ok := m.MetaField(mcp.MetaCapabilities); ok && ex.Call.Era == gate.Stateless {
		forwarded := mcp.ForwardedCapabilities
		if o.tasks {
			forwarded = mcp.ForwardedWithTasks
		}
		put(at, forwarded(m.Bytes(at)))
	}
	if at, ok := m.Field("requestState"); ok {
		put(at, state)
	}
	// URIs are shown as they are; tools and prompts may be shown with a prefix, and
	// tasks have an id of their own towards clients.
	if t := ex.Target.Task; t != nil {
		put(ex.Call.NameAt, t.ID)
	} else if it := ex.Target.Item; it != nil && (it.Kind == gate.Tool || it.Kind == gate.Prompt) && it.Name != ex.Call.Name {
		put(ex.Call.NameAt, jsonrpc.AppendString(nil, it.Name))
	}
	slices.SortFunc(edits, func(a, b jsonrpc.Edit) int { return a.At.Start - b.At.Start })
	return edits
}

// headers are those of a stateless request: made from the body and the pinned
// schema, and of the client's own only parameters that the schema does not know.
func (c *channel) headers(ex *gate.Exchange, cn *conn) http.Header {
	m, h := ex.Call.Message, http.Header{}
	h.Set(mcp.HeaderMethod, m.Method)
	if ex.Call.Route.Mirror != "" {
		name := ex.Call.Name
		if t := ex.Target.Task; t != nil {
			name, _ = text(t.ID)
		} else if it := ex.Target.Item; it != nil && (it.Kind == gate.Tool || it.Kind == gate.Prompt) {
			name = it.Name
		}
		h.Set(ex.Call.Route.Mirror, mcp.EncodeHeader(name))
	}
	if c.srv.wire == nil {
		return h
	}
	var known []mcp.HeaderParam
	if it := ex.Target.Item; it != nil && it.Kind == gate.Tool {
		known = cn.params(it)
		args, _ := m.Field("arguments")
		for _, p := range mcp.ParamHeaders(known, m.Bytes(args)) {
			h.Set(p[0], p[1])
		}
	}
	// In the other era nobody has held them to the body; and where a rule judges the
	// arguments, a header that nobody judged could say something else.
	if ex.Call.Era == gate.Stateless && !ex.Grant.Judged {
		forwardParams(h, ex.Inbound.Header, known)
	}
	return h
}

// forwardParams adds the client's parameter headers that are not known.
func forwardParams(to, from http.Header, known []mcp.HeaderParam) {
	n := 0
	for key, values := range from {
		rest, ok := strings.CutPrefix(key, paramPrefix)
		if !ok || rest == "" || len(values) != 1 || len(values[0]) > maxParamBytes || n >= maxParams {
			continue
		}
		if slices.ContainsFunc(known, func(p mcp.HeaderParam) bool { return strings.EqualFold(p.Name, rest) }) {
			continue
		}
		n++
		to[key] = []string{values[0]}
	}
}

// params are the parameters of a tool that are repeated in headers. The view
// has them read already when it holds the same definition.
func (cn *conn) params(it *gate.Item) []mcp.HeaderParam {
	v := &cn.views[gate.Tool]
	v.mu.Lock()
	list := v.list
	v.mu.Unlock()
	if list != nil {
		if i, ok := list.byName[it.Name]; ok && list.items[i].Digest == it.Digest {
			return list.params[it.Name]
		}
	}
	schema, _ := memberOf(it.Raw, "inputSchema")
	params, err := mcp.HeaderParams(schema)
	if err != nil {
		return nil // such a tool is not in any view
	}
	return params
}
