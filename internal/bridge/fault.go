package bridge

import (
	"errors"
	"fmt"
	"unicode"

	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// fault is an error that a client is answered with. name is stable, in
// error.data.code; the text says what to do.
type fault struct {
	kind kindOfFault
	text string
}

func (f *fault) Error() string { return f.text }

// kindOfFault is a name and its JSON-RPC code: Doorward's own are positive, as
// MCP reserves −32768 to −32000 (2026-07-28, error codes).
type kindOfFault struct {
	code int
	name string
}

//nolint:gochecknoglobals // a table; read-only
var (
	faultTooLarge    = kindOfFault{mcp.CodeInvalidRequest, "remote.too_large"}
	faultUnreachable = kindOfFault{5030, "remote.unreachable"}
	faultStatus      = kindOfFault{5020, "remote.status"}
	faultProtocol    = kindOfFault{5020, "remote.protocol"}
	faultCut         = kindOfFault{5020, "remote.cut"}
	faultSignIn      = kindOfFault{4010, "remote.sign_in"}
	faultScope       = kindOfFault{4030, "remote.scope"}
	faultDenied      = kindOfFault{4030, "remote.denied"}
	faultSession     = kindOfFault{4040, "remote.session"}
	faultBusy        = kindOfFault{4290, "bridge.busy"}
	faultStopped     = kindOfFault{4990, "bridge.stopped"}
)

func refuse(kind kindOfFault, format string, args ...any) *fault {
	return &fault{kind, fmt.Sprintf(format, args...)}
}

// answer tells the client that a request failed. Without an id it is null
// (JSON-RPC 2.0, section 5): the client must learn of it.
func (b *bridge) answer(id []byte, err error) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = refuse(faultUnreachable, "%v", err)
	}
	if id == nil {
		id = []byte("null")
	}
	var data []byte
	if f.kind.name != "" {
		data = append(jsonrpc.AppendString([]byte(`{"code":`), f.kind.name), '}')
	}
	b.opts.Log.Debug("a request failed", "code", f.kind.name, "error", f.text)
	b.write(mcp.NewError(id, f.kind.code, f.text, data).Raw)
}

// shown is a server's text for a person: printable, on one line, and cut.
func shown(text string) string {
	const limit = 300
	out := make([]rune, 0, min(len(text), limit))
	for _, r := range text {
		if len(out) == limit {
			return string(out) + "…"
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
