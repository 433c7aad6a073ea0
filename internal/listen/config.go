package listen

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
)

// Config is what a Server is made of. Serve and Settings are required.
type Config struct {
	// Serve walks one exchange along the line and answers through the client
	// (pipeline's Line.Serve; a func, so that a reload can swap the line).
	Serve func(context.Context, *gate.Exchange, gate.Client)
	// Settings is called once per request; a reload returns another value.
	Settings func() *Settings
	// SessionClosed is told once about every session that ended, also about one
	// whose handshake failed. It is called without locks. Nil: nobody cares.
	SessionClosed func(*gate.Session)
	// SessionKey seals the ids of sessions over HTTP: gateways with the same key can read each
	// other's. Zero: one of this server's own.
	SessionKey [32]byte
	// Replicas knows of the sessions of all gateways that share a state. Nil: this one is alone,
	// and has no session but those that it began.
	Replicas Replicas
	// Moves tells whether sessions under a profile hold nothing in this process that another
	// gateway could not make anew. Nil: none moves.
	Moves func(profile string) bool
	// Live tells whether a principal's credential is still good. Open streams
	// are asked about every few seconds, and end when it is not (HTT-40). Nil:
	// always.
	Live func(*gate.Principal) bool
	// Record writes an event to the audit log: of a request that was turned
	// away before it became an exchange. Nil: nobody keeps them.
	Record func(context.Context, gate.Event) error
	// Ready tells whether the gateway can serve, for /readyz. Strangers ask, so it must
	// be cheap. Nil: it can.
	Ready func(context.Context) bool
	// Approvals are what people decide about at /approvals. Nil: nothing is there.
	Approvals Approvals
	// Ceiling bounds what all clients have under way together. Nil: nothing does.
	Ceiling *ceiling.Ceiling
	// ProxyProtocol wants a PROXY protocol header (version 1 or 2) of every
	// connection from a trusted proxy, and refuses one from anybody else.
	ProxyProtocol bool
	Log           *slog.Logger // nil discards
	Meter         Meter        // nil counts nothing
	Limits        Limits
}

// Settings is the part of the configuration that a reload may change. It is
// never changed after Config.Settings has returned it.
type Settings struct {
	AllowedHosts     []string       // Host values beside the loopback names; an entry without a port fits the listener's own
	AllowedOrigins   []string       // exact Origin values, such as "https://app.example.com"
	AllowedAddresses []netip.Prefix // empty: every address
	MaxBody          int64          // bytes of one message; zero: 4 MiB
	TrustedProxies   []netip.Prefix // who is believed about a client's address and a request's id; empty: nobody (CVE-2026-76835)
	RequestKeys      []string       // canonical names of the headers that hold a client's own keys for upstreams
	PublicURL        *url.URL       // its host is an allowed Host, its origin an allowed Origin, and both are the Base of every exchange; may be nil
	Authorization    *Authorization // nil: no OAuth
	LegacySSE        bool           // serve HTTP+SSE (2024-11-05) at /sse and /messages; turning it off ends its streams
	WebSocket        bool           // serve WebSockets at /ws; turning it off ends them
	Health           bool           // serve /healthz and /readyz, to anybody
	Approvals        bool           // serve /approvals: a rule can hold calls for people
}

// Authorization is what clients are told about getting an access token.
type Authorization struct {
	Servers  []string // issuers
	Scopes   []string // to ask for at first; may be empty
	DPoP     []string // algorithms of DPoP proofs (RFC 9449); empty: bearer tokens alone
	Profiles []string // names of those that exist
}

// Meter counts what happens at the front. telemetry implements it.
type Meter interface {
	Turned(code gate.Code) // a request that never became an exchange, or a connection that was closed at once
	Metadata()             // an answer about how to get a token, which is no exchange either
	Sessions(delta int)
	Streams(delta int) // open GET streams, legacy SSE streams and WebSockets
	Dropped(n int)     // messages for a client that no queue had room for
}

// Limits bound what clients can make the gateway hold. A zero field takes the
// default that it names.
type Limits struct {
	Sessions              int           // 10,000 at once, and as many legacy SSE streams and WebSockets
	SessionsPerPrincipal  int           // 1,000 at once, and as many legacy SSE streams and WebSockets
	SessionIdle           time.Duration // 30 minutes without a request or an open stream
	SessionLife           time.Duration // 24 hours, however busy; a connection that is a session has no such bound
	KeepAlive             time.Duration // 15 s between comments on a quiet SSE stream; common proxies give up at 60 s
	WriteStall            time.Duration // 30 s for the client to take one write
	HeaderWait            time.Duration // 10 s for a request's header (HTT-10)
	BodyWait              time.Duration // 10 s for a body, and 1 s more for every 16 KiB that arrived
	Connections           int           // 4,096 open at once
	ConnectionsPerAddress int           // 512 of them from one IPv4 address or IPv6 /64; loopback and trusted proxies have no such bound
	InFlight              int           // 64 requests at once on a connection that is a session (stdio, legacy SSE, WebSocket), and 64 other messages
	Drain                 time.Duration // 10 s for the calls of such a connection in flight when stdin ends or the server stops
	ReplayEvents          int           // 256 events kept per session, and 256 messages that a connection's client has not read
	ReplayBytes           int           // 1 MiB of events kept per session, and 1 MiB of such messages
	ReplayTotal           int64         // 64 MiB of both in all
}

func (l Limits) orDefault() Limits {
	fill(&l.Sessions, 10_000)
	fill(&l.SessionsPerPrincipal, 1_000)
	fill(&l.SessionIdle, 30*time.Minute)
	fill(&l.SessionLife, 24*time.Hour)
	fill(&l.KeepAlive, 15*time.Second)
	fill(&l.WriteStall, 30*time.Second)
	fill(&l.HeaderWait, 10*time.Second)
	fill(&l.BodyWait, 10*time.Second)
	fill(&l.Connections, 4_096)
	fill(&l.ConnectionsPerAddress, 512)
	fill(&l.InFlight, 64)
	fill(&l.Drain, 10*time.Second)
	fill(&l.ReplayEvents, 256)
	fill(&l.ReplayBytes, 1<<20)
	fill(&l.ReplayTotal, 64<<20)
	return l
}

func fill[T int | int64 | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

// defaultMaxBody is 4 MiB, as config.md has it and as the Go SDK's server does.
const defaultMaxBody = 4 << 20

func (s *Settings) maxBody() int64 {
	if s.MaxBody <= 0 {
		return defaultMaxBody
	}
	return s.MaxBody
}

// Server is the client's side of the gateway. It is an http.Handler, the
// gate.Forwarder of the actions Empty, Stream and Close, and the keeper of
// client sessions for decode. Shutdown ends it and must be called.
type Server struct {
	cfg         Config
	sessions    *sessions
	gets        registry    // GET requests on their way along the line
	announced   atomic.Bool // it will stop soon
	closing     chan struct{}
	closed      sync.Once
	calls       atomic.Int64 // exchanges in flight over HTTP
	endless     flights      // subscriptions/listen, over HTTP
	connections connections  // legacy SSE streams and WebSockets
	servers     servers
	packers     packers
}

// New checks cfg and starts the goroutine that ends idle sessions. The error
// says what is missing.
func New(cfg Config) (*Server, error) {
	if cfg.Serve == nil || cfg.Settings == nil {
		return nil, errors.New("listen: serve and settings are required")
	}
	cfg.Limits = cfg.Limits.orDefault()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Meter == nil {
		cfg.Meter = unmetered{}
	}
	if cfg.Live == nil {
		cfg.Live = func(*gate.Principal) bool { return true }
	}
	if cfg.Record == nil {
		cfg.Record = func(context.Context, gate.Event) error { return nil }
	}
	if cfg.Ready == nil {
		cfg.Ready = func(context.Context) bool { return true }
	}
	if cfg.SessionClosed == nil {
		cfg.SessionClosed = func(*gate.Session) {}
	}
	s := &Server{cfg: cfg, closing: make(chan struct{}), packers: newPackers()}
	var err error
	if s.sessions, err = newSessions(&s.cfg); err != nil {
		return nil, err
	}
	return s, nil
}

// unmetered is the Meter of a server that has none.
type unmetered struct{}

func (unmetered) Turned(gate.Code) {}
func (unmetered) Metadata()        {}
func (unmetered) Sessions(int)     {}
func (unmetered) Streams(int)      {}
func (unmetered) Dropped(int)      {}
