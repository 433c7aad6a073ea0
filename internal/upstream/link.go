package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// outgoing is one request on its way to an upstream: the bytes with the
// upstream's id in place, and what a transport must know beside them. The
// progress token, where the client gave one, is the id as well.
type outgoing struct {
	raw     []byte
	pieces  [][]byte // instead of raw, for a large message over HTTP
	id      int64
	method  string
	version string                  // MCP-Protocol-Version
	header  http.Header             // Mcp-Method, Mcp-Name, Mcp-Param-*; in the stateful era those of a trace, or nil
	token   bool                    // a progress token was sent
	logs    bool                    // messages about logs may come back to this call
	tasks   bool                    // the upstream hears that the client knows tasks
	asks    bool                    // the upstream may ask the client during this call
	keyed   bool                    // it goes with a key of the client's own
	own     gate.Secret             // that key, until it is sent; see spend
	roles   []string                // of the principal, for a server of Doorward's own that goes by them; nil for none
	caller  string                  // a mark of the principal, for one that runs commands; empty for none
	taken   bool                    // the upstream has it: what fails from here on is no failure to send it
	room    [5]jsonrpc.Edit         // for rewrite
	cancel  context.CancelCauseFunc // ends the context of the exchange; nil where the link has to make one
	held    *ceiling.Holding        // of the answer, while the exchange waits for it; nil where it is of the gateway's own account
}

// idToken is the JSON token of the id.
func (o *outgoing) idToken() []byte { return strconv.AppendInt(nil, o.id, 10) }

// link is a connection of one channel to its upstream: an HTTP session, or a
// process.
type link interface {
	// exchange sends a request and hands every message that belongs to it to
	// take, in order, from the caller's goroutine; it returns nil after the
	// final one. When ctx ends or take returns an error, the upstream is told
	// that the request is cancelled.
	exchange(ctx context.Context, o *outgoing, take func(*gate.Message) error) error
	// send sends a notification or a response.
	send(ctx context.Context, raw []byte) error
	// reply sends a client's response, with the key that the client brought for it;
	// zero for none.
	reply(ctx context.Context, raw []byte, own gate.Secret) error
	// done is closed when the link is no longer of use.
	done() <-chan struct{}
	// close ends the link and waits until nothing of it is left.
	close()
}

// Why a link failed; classified for the client in fault.go.
var (
	errDown     = errors.New("connection to the upstream is closed")
	errGone     = errors.New("the upstream's session has ended")
	errProtocol = errors.New("the upstream broke the protocol")
	errRefused  = errors.New("the upstream refused the request")
	errBusy     = errors.New("the upstream has too many requests")
	errTimeout  = errors.New("the upstream took too long")
	errEnded    = fmt.Errorf("%w: its client, or time, ended the session", errDown)
	errCancel   = errors.New("the client cancelled the call")
)

// withheld is a request that was not sent, for want of the credential that goes with it. It
// counts as refused.
type withheld struct{ err error }

func (w withheld) Error() string {
	return "nothing was sent, for want of the credential: " + w.err.Error()
}

func (w withheld) Unwrap() []error { return []error{errRefused, w.err} }

// maxID bounds an upstream's answer id; ours count from 1.
const maxID = 1 << 53

// idOf reads an id that Doorward gave: a plain positive integer.
func idOf(tok []byte) (int64, bool) {
	if len(tok) == 0 || tok[0] < '1' || tok[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(tok), 10, 64)
	return n, err == nil && n < maxID
}

// answers tells whether m is the final message of o. A failure without an id
// answers it when the transport leaves no doubt (alone).
func (o *outgoing) answers(m *gate.Message, alone bool) bool {
	if !m.Final() {
		return false
	}
	if alone && m.Kind == gate.Failure && !m.ID.Present() {
		return true
	}
	id, ok := idOf(m.Bytes(m.ID))
	return ok && id == o.id
}

// progressOf is the progress token of a progress notification, if it is one of ours.
func progressOf(m *gate.Message) (int64, bool) {
	span, ok := m.Field("progressToken")
	if !ok {
		return 0, false
	}
	return idOf(m.Bytes(span))
}

// metaSubscription is the _meta key that ties a notification to a listen
// request (2026-07-28, subscriptions/listen).
const metaSubscription = "io.modelcontextprotocol/subscriptionId"

func subscriptionOf(m *gate.Message) (int64, bool) {
	span, ok := m.MetaField(metaSubscription)
	if !ok {
		return 0, false
	}
	return idOf(m.Bytes(span))
}

// Methods that this package knows beyond relaying them.
const (
	methodInitialize  = "initialize"
	methodInitialized = "notifications/initialized"
	methodDiscover    = "server/discover"
	methodListen      = "subscriptions/listen"
	methodAck         = "notifications/subscriptions/acknowledged"
	methodCancelled   = "notifications/cancelled"
	methodProgress    = "notifications/progress"
	methodLog         = "notifications/message"
	methodUpdated     = "notifications/resources/updated"
	methodRoots       = "notifications/roots/list_changed"
	methodPing        = "ping"
	methodRootsList   = "roots/list"
	methodSampling    = "sampling/createMessage"
	methodElicit      = "elicitation/create"
	methodSetLevel    = "logging/setLevel"
	methodCall        = "tools/call"
	methodRead        = "resources/read"
	methodSubscribe   = "resources/subscribe"
	methodUnsubscribe = "resources/unsubscribe"
	methodTaskGet     = "tasks/get"
	methodTaskResult  = "tasks/result"
)

// cancelled is the notification that cancels the request with that id.
func cancelled(id int64) []byte {
	return []byte(`{"jsonrpc":"2.0","method":"` + methodCancelled + `","params":{"requestId":` + strconv.FormatInt(id, 10) + `,"reason":"cancelled"}}`)
}

// emptyResult answers the request with that id token.
func emptyResult(id []byte) []byte {
	return append(append([]byte(`{"jsonrpc":"2.0","id":`), id...), `,"result":{}}`...)
}

// refusal answers an upstream's request that Doorward does not pass on: -32601,
// as a peer without the method would.
func refusal(id []byte) []byte {
	return append(append([]byte(`{"jsonrpc":"2.0","id":`), id...), `,"error":{"code":-32601,"message":"Method not found"}}`...)
}

// moot answers an upstream's request whose call is over: nobody is asked any more. The code is that of MCP's
// example of a client that declines (2025-11-25, client/sampling).
func moot(id []byte) []byte {
	return append(append([]byte(`{"jsonrpc":"2.0","id":`), id...), `,"error":{"code":-1,"message":"the call that this was asked during is over"}}`...)
}

// modern tells whether a revision belongs to the stateless era.
func modern(version string) bool { return version >= mcp.V20260728 }
