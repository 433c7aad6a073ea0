package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Bounds of what is remembered of tools.
const (
	maxTools = 5000
	maxPages = 50 // of one list
)

// tools remembers which parameters of which tools are repeated in headers
// (x-mcp-header; 2026-07-28, transports): a client on stdin knows of no headers.
type tools struct {
	mu     sync.Mutex
	params map[string][]mcp.HeaderParam // of the tools that have any
}

func newTools() *tools { return &tools{params: map[string][]mcp.HeaderParam{}} }

// learn reads an answer to tools/list.
func (t *tools) learn(m *jsonrpc.Message) {
	at, _ := m.Field("tools")
	list := m.Bytes(at)
	_ = jsonrpc.Elements(list, func(at jsonrpc.Span) error { // what is no list teaches nothing
		tool := list[at.Start:at.End]
		var name string
		var schema []byte
		_ = jsonrpc.Members(tool, func(member string, _, value jsonrpc.Span) error {
			switch member {
			case "name":
				one := jsonrpc.Message{Raw: tool}
				name, _ = one.Text(value)
			case "inputSchema":
				schema = tool[value.Start:value.End]
			}
			return nil
		})
		t.set(name, schema)
		return nil
	})
}

func (t *tools) set(name string, schema []byte) {
	params, err := mcp.HeaderParams(schema)
	if err != nil {
		params = nil // a tool that is marked wrongly has no headers
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(params) == 0 {
		delete(t.params, name)
		return
	}
	if len(t.params) >= maxTools {
		clear(t.params)
	}
	t.params[name] = params
}

// dress adds the headers of a call.
func (t *tools) dress(h http.Header, m *jsonrpc.Message) {
	at, _ := m.Field("name")
	name, _ := m.Text(at)
	t.mu.Lock()
	params := t.params[name]
	t.mu.Unlock()
	at, _ = m.Field("arguments")
	for _, p := range mcp.ParamHeaders(params, m.Bytes(at)) {
		h.Set(p[0], p[1])
	}
}

// relist asks for the tools anew, as the client of c would: its call lacked
// headers that the client's last list, if there was one, did not tell of.
func (b *bridge) relist(ctx context.Context, c *call) error {
	cursor := []byte(nil)
	for page := range maxPages {
		params := fmt.Appendf(nil, `{"_meta":%s`, c.message.Bytes(c.message.MetaSpan))
		if cursor != nil {
			params = append(append(params, `,"cursor":`...), cursor...)
		}
		list, err := readCall(mcp.NewRequest(fmt.Appendf(nil, `"doorward-%d"`, page), methodList, append(params, '}')).Raw)
		if err != nil {
			return refuse(faultProtocol, "the tools cannot be listed: %v", err)
		}
		cursor = nil
		list.deliver = func(answer []byte) {
			if m, err := jsonrpc.Parse(answer, jsonrpc.UpstreamLimits()); err == nil && m.Kind == jsonrpc.Result {
				at, _ := m.Field("nextCursor")
				if _, ok := m.Text(at); ok {
					cursor = m.Bytes(at)
				}
			}
		}
		if err := b.attempt(ctx, list, state{}); err != nil {
			if kept, ok := errors.AsType[*held](err); ok {
				err = kept.or
			}
			return err
		}
		if cursor == nil {
			return nil
		}
	}
	return nil
}
