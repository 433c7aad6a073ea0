package mcp

import (
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// Note is what the gateway itself says on an answer, beside what the upstream
// said.
type Note struct {
	Name  string // of the member of _meta that is the gateway's alone
	Value []byte // of that member; JSON
	Text  string // said to the user in a tool's content, or in a serverInfo's description; empty for neither
}

// Noted is an answer with a note in the _meta of the result: of what a tool, a
// prompt or a resource gave, also where a task brings it. A complete result of a
// tool gets the note's text as a block for the user at the end of its content; not
// where structured content alone speaks, which older clients read in place of
// content that is missing. What the upstream said under the note's name is
// replaced, and goes where there is no note. Every other byte stays; m itself is
// returned when nothing changes. disclose calls it.
func Noted(ex *gate.Exchange, m *gate.Message, n Note) (*gate.Message, error) {
	r := &ex.Call.Route
	if m.Kind != gate.Result || r.Action != gate.Relay || r.Item != gate.Tool && r.Item != gate.Prompt && r.Method != methodRead {
		return Unnoted(m, n.Name)
	}
	p := codec(m).Patch()
	_, complete := ToolResultOf(ex, m)
	if r.Task && r.Method != methodTaskResult {
		at, ok := m.Field("result")
		if !ok || !isObject(m.Bytes(at)) {
			return Unnoted(m, n.Name)
		}
		p.SetField("result", notedResult(m.Bytes(at), n))
		p.DropMeta(n.Name)
		return reread(m, p)
	}
	p.SetMeta(n.Name, n.Value)
	if complete && n.Text != "" {
		content, _ := m.Field(fieldContent)
		_, structured := m.Field(fieldStruct)
		if list, ok := withBlock(m.Bytes(content), structured, n.Text); ok {
			p.SetField(fieldContent, list)
		}
	}
	return reread(m, p)
}

// notedResult is the result of a tool, as it stands in the state of a task, with
// a note.
func notedResult(result []byte, n Note) []byte {
	meta, _ := object(result, "_meta")
	out := jsonrpc.With(result, "_meta", jsonrpc.With(meta, n.Name, n.Value))
	if n.Text == "" {
		return out
	}
	content, _ := member(result, fieldContent)
	_, structured := member(result, fieldStruct)
	if list, ok := withBlock(content, structured, n.Text); ok {
		out = jsonrpc.With(out, fieldContent, list)
	}
	return out
}

// withBlock is the content of a tool's result with a block of text for the user
// at its end; false where it stays as it is.
func withBlock(content []byte, structured bool, text string) ([]byte, bool) {
	empty := true
	if content == nil {
		content = []byte("[]")
	} else if err := jsonrpc.Elements(content, func(jsonrpc.Span) error { empty = false; return nil }); err != nil {
		return nil, false // which is no list, and no client can read
	}
	if empty && structured {
		return nil, false
	}
	list := append([]byte(nil), content[:len(content)-1]...)
	if !empty {
		list = append(list, ',')
	}
	list = jsonrpc.AppendString(append(list, `{"type":"text","text":`...), text)
	return append(list, `,"annotations":{"audience":["user"]}}]`...), true
}

// NotedServer is Doorward's own answer to initialize or server/discover with a
// note in its _meta, and with the note's text at the end of the serverInfo's
// description where the client's revision has one (since 2025-11-25). disclose
// calls it.
func NotedServer(ex *gate.Exchange, m *gate.Message, n Note) (*gate.Message, error) {
	r := &ex.Call.Route
	if m.Kind != gate.Result || r.Action != gate.Handshake && r.Action != gate.Discover {
		return nil, fmt.Errorf("noting a server: %s tells of none", r.Method)
	}
	p := codec(m).Patch()
	p.SetMeta(n.Name, n.Value)
	if at, ok := m.Field("serverInfo"); ok && clientVersion(ex) >= V20251125 {
		p.SetField("serverInfo", described(m.Bytes(at), n.Text))
	}
	if at, ok := m.MetaField(MetaServerInfo); ok {
		p.SetMeta(MetaServerInfo, described(m.Bytes(at), n.Text))
	}
	return reread(m, p)
}

// described is a serverInfo whose description ends with a text.
func described(info []byte, text string) []byte {
	if text == "" || !isObject(info) {
		return info
	}
	if was, _ := memberText(info, "description"); was != "" {
		text = was + " " + text
	}
	return jsonrpc.With(info, "description", jsonrpc.AppendString(nil, text))
}

// Unnoted is a message without what an upstream said under a name in _meta that
// is the gateway's alone; m itself when there is none.
func Unnoted(m *gate.Message, name string) (*gate.Message, error) {
	if _, ok := m.MetaField(name); !ok {
		return m, nil
	}
	p := codec(m).Patch()
	p.DropMeta(name)
	return reread(m, p)
}
