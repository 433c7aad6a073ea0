package audit

import (
	"encoding/hex"
	"io"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// maxCounted is the most digits of a request's id that can only be a count: a longer one may
// be somebody's number.
const maxCounted = 9

// asked says what the client asked for, and by which id. Both are texts of the client's, in
// which anything may stand of a person: where identities are sealed, a method that MCP does
// not have, and an id that is no count, are under a keyed hash.
func (e *entry) asked(ex *gate.Exchange) {
	name := method(ex)
	m := ex.Call.Message
	if m != nil && name == m.Method {
		if _, known := mcp.Lookup(name); !known {
			name = e.veiled(name)
		}
	}
	e.rec.Method = clip(name, maxShort)
}

// numbered is the id of a message.
func (e *entry) numbered(m *gate.Message) {
	if m == nil {
		return
	}
	id := m.Bytes(m.ID)
	if id == nil {
		return
	}
	text := string(id[:min(len(id), maxShort+1)])
	if !counts(text) {
		text = e.veiled(string(id))
	}
	e.rec.ID = clip(text, maxShort)
}

// counts tells whether an id is one that a client counts with.
func counts(id string) bool {
	for _, c := range []byte(id) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(id) <= maxCounted
}

// veiled is a text of the client's as it may stand on record: the same wherever the text is
// the same.
func (e *entry) veiled(text string) string {
	if e.note.plain {
		return text
	}
	const shown = 8 // bytes: enough that no two of a log meet
	e.mac.Reset()
	_, _ = io.WriteString(e.mac, "doorward audit word\x00"+text) // no params of a call begin so
	return "~" + hex.EncodeToString(e.mac.Sum(nil)[:shown])
}
