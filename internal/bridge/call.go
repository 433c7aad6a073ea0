package bridge

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// The methods that a bridge knows.
const (
	methodInitialize  = "initialize"
	methodInitialized = "notifications/initialized"
	methodCancelled   = "notifications/cancelled"
	methodListen      = "subscriptions/listen"
	methodList        = "tools/list"
	methodCall        = "tools/call"
)

// call is one message of the client, or one batch, on its way to the server.
type call struct {
	raw     []byte
	message jsonrpc.Message // of a batch: none
	method  string          // of a batch: none
	version string          // of the stateless era, that the message says; empty: of the stateful era
	mirror  [2]string       // header that repeats what the message names, and its value
	cancels []byte          // id that a notifications/cancelled names

	cancel  context.CancelCauseFunc
	dropped atomic.Bool // the client wants no answer any more

	// ids are the requests in it. They do not change; waiting does, and belongs to
	// the goroutine that carries the call.
	ids     [][]byte
	waiting map[string][]byte // requests without an answer, by what their ids mean
	deliver func([]byte)      // in place of writing to the client; nil: write
	session string            // Mcp-Session-Id that initialize was answered with
}

// readCall reads a line. The error is a *jsonrpc.Fault.
func readCall(raw []byte) (*call, error) {
	raw = bytes.TrimRight(raw, "\r\n")
	c := &call{raw: raw, waiting: map[string][]byte{}}
	if jsonrpc.IsBatch(raw) {
		items, err := mcp.Split(raw)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			m, err := jsonrpc.Parse(item, jsonrpc.ClientLimits())
			if err != nil {
				return nil, err
			}
			c.expect(&m)
		}
		return c, nil
	}
	m, err := jsonrpc.Parse(raw, jsonrpc.ClientLimits())
	if err != nil {
		return nil, err
	}
	c.message, c.method = m, m.Method
	c.expect(&m)
	if at, ok := m.MetaField(mcp.MetaVersion); ok && m.Method != "" {
		c.version, _ = m.Text(at)
	}
	if r, ok := mcp.Lookup(m.Method); ok && r.Mirror != "" {
		at, _ := m.Field(r.NameAt)
		if name, ok := m.Text(at); ok {
			c.mirror = [2]string{r.Mirror, mcp.EncodeHeader(name)}
		}
	}
	if m.Method == methodCancelled {
		at, _ := m.Field("requestId")
		c.cancels = m.Bytes(at)
	}
	return c, nil
}

func (c *call) expect(m *jsonrpc.Message) {
	if m.Kind != jsonrpc.Request {
		return
	}
	id := m.Bytes(m.ID)
	c.ids = append(c.ids, id)
	c.waiting[meaning(id)] = id
}

// meaning is what an id token means: 1 and "1" are two ids, "a" and "\u0061" one.
func meaning(id []byte) string {
	m := jsonrpc.Message{Raw: id}
	if text, ok := m.Text(jsonrpc.Span{End: len(id)}); ok {
		return `"` + text
	}
	return string(id)
}

// awaits tells whether the call has the request of this id.
func (c *call) awaits(id []byte) bool {
	for _, own := range c.ids {
		if len(id) > 0 && meaning(own) == meaning(id) {
			return true
		}
	}
	return false
}

// settles tells whether what follows must wait for the message: it belongs to
// the session that this one begins.
func (c *call) settles() bool { return c.method == methodInitialize || c.method == methodInitialized }

// header are the headers that the era and the message ask for.
func (c *call) header(s state, tools *tools) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	if c.version == "" {
		if c.method != methodInitialize {
			s.dress(h)
		}
		return h
	}
	h.Set(mcp.HeaderVersion, c.version)
	h.Set(mcp.HeaderMethod, c.method)
	if c.mirror[0] != "" {
		h.Set(c.mirror[0], c.mirror[1])
	}
	if c.method == methodCall {
		tools.dress(h, &c.message)
	}
	return h
}

// put hands on a message that the server sent for this call. It returns true
// when nothing more is to come.
func (c *call) put(b *bridge, data []byte) (done bool, err error) {
	if jsonrpc.IsBatch(data) { // of 2025-03-26
		items, err := jsonrpc.Split(data, mcp.MaxBatch)
		if err != nil {
			return false, c.unreadable(b, err)
		}
		for _, item := range items {
			if done, err = c.put(b, item); err != nil {
				return false, err
			}
		}
		return done, nil
	}
	data = c.named(data)
	m, err := jsonrpc.Parse(data, jsonrpc.UpstreamLimits())
	if err != nil {
		return false, c.unreadable(b, err)
	}
	switch m.Kind {
	case jsonrpc.Result, jsonrpc.Failure:
		id := m.Bytes(m.ID)
		key := meaning(id)
		if _, ok := c.waiting[key]; !ok {
			b.opts.Log.Warn("the server answered what it was not asked", "method", c.method)
			return len(c.waiting) == 0, nil
		}
		if err := b.heed(c, &m); err != nil {
			return false, err
		}
		delete(c.waiting, key)
	case jsonrpc.Request:
		if c.version != "" {
			b.opts.Log.Warn("the server sent a request, which this protocol version does not have", "method", m.Method)
			return false, nil
		}
	case jsonrpc.Notification:
	}
	if c.deliver != nil {
		c.deliver(data)
	} else {
		b.write(data)
	}
	return len(c.waiting) == 0, nil
}

// named gives an error of the server's that has no id, or null (JSON-RPC 2.0,
// section 5), the id of the one request that it can be about: the client must
// learn which. Anything else stays as it is.
func (c *call) named(data []byte) []byte {
	if len(c.waiting) != 1 {
		return data
	}
	var id, failure jsonrpc.Span
	if err := jsonrpc.Members(data, func(name string, _, value jsonrpc.Span) error {
		switch name {
		case "id":
			id = value
		case "error":
			failure = value
		}
		return nil
	}); err != nil || !failure.Present() {
		return data
	}
	for _, own := range c.waiting {
		if !id.Present() {
			at := bytes.IndexByte(data, '{') + 1
			return jsonrpc.Splice(data, jsonrpc.Edit{At: jsonrpc.Span{Start: at, End: at}, New: slices.Concat([]byte(`"id":`), own, []byte(","))})
		}
		if string(data[id.Start:id.End]) == "null" {
			return jsonrpc.Splice(data, jsonrpc.Edit{At: id, New: own})
		}
	}
	return data
}

// unreadable is what becomes of a message that is none: of an answer an error,
// and of anything else a line in the log.
func (c *call) unreadable(b *bridge, err error) error {
	b.opts.Log.Warn("the server sent what is no message", "method", c.method, "error", err)
	if fault, ok := errors.AsType[*jsonrpc.Fault](err); ok && fault.ID != nil {
		if _, waits := c.waiting[meaning(fault.ID)]; waits {
			return refuse(faultProtocol, "the server's answer is no JSON-RPC message: %s", fault.Reason)
		}
	}
	return nil
}

// fail answers what is still without an answer. A request that its client has
// cancelled has none.
func (c *call) fail(b *bridge, err error) {
	for key, id := range c.waiting {
		delete(c.waiting, key)
		if !c.dropped.Load() {
			b.answer(id, err)
		}
	}
}
