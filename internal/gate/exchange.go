package gate

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
	"time"
)

// Era says which of MCP's two families a message belongs to.
type Era uint8

// The eras. The zero value is unknown and refuses.
const (
	NoEra     Era = iota
	Stateful      // 2024-11-05 to 2025-11-25: initialize, sessions
	Stateless     // 2026-07-28: everything in each request's _meta
)

// String is the era's word in logs, metrics and the audit log.
func (e Era) String() string {
	switch e {
	case Stateful:
		return "stateful"
	case Stateless:
		return "stateless"
	case NoEra:
	}
	return "unknown"
}

// Inbound is what the transport knows about a message before anybody has
// looked into its body. listen fills it and nothing changes it.
type Inbound struct {
	Transport string // "http", "stdio", "sse" (the HTTP+SSE transport of 2024-11-05) or "websocket"
	Profile   string // the profile in the URL; empty for all
	Op        string // "" for a JSON-RPC message; OpStream, OpClose and OpOpen for what is none
	Session   string // id of the session that the connection itself stands for (stdio, sse, websocket); empty before a handshake, and on http
	Header    http.Header
	Method    string // of HTTP; empty where the transport has none
	Base      string // scheme and authority by which clients know the gateway, from the configuration or the listener, never from Host: "https://mcp.example.com"
	Target    string // the request line's path and query, as sent
	Remote    netip.Addr
	Request   string // id that a trusted proxy gave the request; bounded, printable
	UserAgent string // bounded, printable
	// Certificate is the client's own, after TLS has verified it; nil without one.
	Certificate *x509.Certificate
	// Keys are the client's own keys for upstreams (identity.request_keys), by the
	// canonical name of their header. They are in Header no more.
	Keys  map[string]Secret
	Local bool // the transport itself proves the local user (stdio)
	// Body reads the message, bounded. decode alone calls it, once, after
	// identify has let the exchange pass. Nil when Op is set.
	Body func(context.Context) ([]byte, error)
	// Decoded, unless nil, is called by decode once it has let the message pass:
	// a client that waits only to hear that its message was taken need not wait
	// for the call. It may be called again for each item of a batch.
	Decoded func()
}

// The operations that are HTTP methods and not JSON-RPC messages. They walk
// the line like any method; their rows are in mcp's method table.
const (
	OpStream = "http/stream"     // GET: a stream for messages outside a call
	OpClose  = "http/close"      // DELETE: end of a session
	OpOpen   = "connection/open" // GET: a connection that is its own session (sse, websocket)

	// OpApprovals is a look at what waits for people. It walks no line: who looks is
	// identified as everybody is, and that is all.
	OpApprovals = "http/approvals"
)

// MaxSessionID bounds the id of a client's session, in bytes. Clients and what is between take an id
// of visible ASCII (2025-11-25, session management); a header of 1 KiB is what all of them have room
// for.
const MaxSessionID = 1024

// Session is a client's MCP session (stateful era). listen makes it when a
// handshake succeeds; its fields do not change after that. It belongs to one
// principal: decode refuses it to any other.
type Session struct {
	ID           string
	Owner        string     // Principal.Key
	Principal    *Principal // who began it; for the records of what upstreams send later
	Profile      string
	Version      string // negotiated protocol version
	Capabilities []byte // the client's, raw JSON
	ClientInfo   []byte // the client's, raw JSON; never used for decisions
	Shared       bool   // other gateways may serve it too, and have calls of it under way
}

// Call is the parsed view of an exchange's message. decode fills it.
type Call struct {
	Message *Message
	Route   Route
	Era     Era
	Version string   // protocol version that governs the message
	Session *Session // nil outside the stateful era, and for initialize
	Item    ItemKind // kind of the named thing; Route.Item, or what a completion's ref says
	Name    string   // the named thing, decoded: tool or prompt name as shown, URI
	NameAt  Span     // where its value stands in Message.Raw, quotes included
	Batch   [][]byte // set instead of Message when the body was a batch
}

// Target is what resolve made of the call: which upstreams and which pinned
// definition it concerns.
type Target struct {
	Upstream  string   // the one upstream; empty for methods that concern several
	Weaker    []string // layers that what confines its command may lack (audit.Record)
	Upstreams []string // candidates of a method that concerns several, sorted
	Plain     bool     // the profile shows names as the upstream gives them
	Item      *Item    // the approved tool, prompt, resource or template
	Items     []Item   // approved definitions of a list; authorize and validate narrow it
	Task      *Task    // what the id of a task stands for; nil for methods that name none
	Answers   string   // for a client's answer: the method of the request that it answers
	// Unavailable are the candidates that a list was made without, because they
	// did not answer in time; sorted.
	Unavailable []string
	Stale       []string // those of whom a list has what was read before they failed; sorted
}

// Exchange is one client message and all that came of it. A stage fills its
// own part and changes no other.
type Exchange struct {
	ID        string // random, time-ordered, unique; shown to clients in refusals
	Start     time.Time
	Trace     Trace // pipeline begins and settles it; decode, where the message has its own
	Inbound   Inbound
	Attempt   Attempt    // identify, also when it refuses
	Principal *Principal // identify, also of whom it refuses as revoked or suspended
	Digest    *[32]byte  // identify: the SHA-256 that the body must have; nil when nothing was signed
	Call      Call       // decode
	Target    Target     // resolve
	Grant     Grant      // authorize
	Flow      Flow       // carry before authorize, judge before approve
	Approved  string     // approve: id of the approval that let the call pass; empty without one
	Bare      bool       // approve: people agreed to what they saw, so nothing of _meta but the protocol's own goes upstream
	Confirm   []byte     // approve: params of the elicitation that the caller must accept before the call is made; nil for none
	Findings  []Finding  // inspect appends, at most MaxFindings
	Marks     []Mark     // inspect: what redact changes in the reply at hand
	Heard     string     // inspect: the end of what messages before the result have said so far
	Allowance Allowance  // limit: what the caller is told of the budget that leaves them least
	Cached    string     // the forwarder: id of the exchange whose answer, kept since, is given here; empty where the upstream was asked
	Tally     Tally      // pipeline counts
}

// Grant is what policy gave a call: the rule that let it pass, and on what terms.
type Grant struct {
	Policy   string   // version of the policy that decided
	Role     string   // whose rule it is
	Rule     string   // "roles.reader.allow[0].tools[1]: files/read_*"
	Judged   bool     // arguments were judged by meaning, so what has none that is known is refused
	Observed []string // rules in observe mode that would have refused, and why
	Approval *Terms   // people must agree first; nil when nobody need
}

// Terms are those on which people let a held call pass.
type Terms struct {
	Roles   []string      // whose holders may approve
	Count   int           // how many of them, from 1
	Self    bool          // the caller's own confirmation, in place of Roles
	Expires time.Duration // from the first request on
}

// Tally is what the pipeline counted while the exchange ran.
type Tally struct {
	RequestBytes  int
	ReplyBytes    int
	Notifications int           // messages relayed before the final answer
	Asks          int           // server-to-client requests among them
	Sent          time.Duration // from Start to the forward; 0 where nothing was forwarded
	Upstream      time.Duration // of the call there, without Waited
	Waited        time.Duration // for a place at the upstream, before anything was sent; upstream counts it
	Stages        []StageTime   // in the order in which they first ran, at most MaxStages
	Failure       int64         // code of the upstream's JSON-RPC error; only where the trace is sampled
	ToolError     bool          // the tool's result says that it failed; only where the trace is sampled
}

// MaxStages bounds the stages whose time is counted: the line has some fifteen.
const MaxStages = 24

// StageTime is how long one stage took, over all messages of the exchange.
type StageTime struct {
	Name string // "authorize", "reply.inspect"
	Time time.Duration
	At   time.Duration // when it first ran, from Start
}

// Attempt is what is known of a sign-in whether or not it succeeded, for the
// record. Nothing in it is a credential, and nothing is the client's mere claim:
// the subject is set when the proof was good and the credential was refused all
// the same (expired, revoked).
type Attempt struct {
	Method     string // one of the Method constants; empty when no credential came
	Realm      string
	Subject    string
	Credential string // public id
}
