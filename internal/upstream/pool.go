package upstream

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/sandbox"
)

// Defaults of Settings, and the bounds of a pool.
const (
	defaultTimeout     = 60 * time.Second
	defaultConcurrency = 64
	defaultQueue       = 64
	defaultResult      = 10 << 20
	maxChannels        = 10_000 // sessions and processes, of all upstreams
	idleExpiry         = 30 * time.Minute
	sweepEvery         = time.Minute
)

// Settings is one upstream. Exactly one of Command and URL is set.
type Settings struct {
	Name        string
	Command     []string          // argv of a stdio server
	URL         string            // of a server that is reached over the network
	Transport   string            // towards URL: "" or "streamable", "sse", "websocket"
	Dir         string            // working directory of Command; empty: Doorward's
	Timeout     time.Duration     // of one call; 0: 60 s
	Concurrency int               // calls at a time; 0: 64
	Queue       int               // calls that wait for one of those to end; 0: 64
	MaxResult   int64             // bytes of one message; 0: 10 MiB
	Shared      bool              // one process or session for every principal
	PerCall     bool              // of Command: a process for each relayed call, which ends with it
	Env         map[string]string // variables of Command's environment, with the name of the secret that is the value, or with PerCall "request:" and the header of the client's own key
	AllowLaunch []string          // the launch rules that Command, or Runs, may break
	Absent      string            // why Command is not started, whatever is on this machine: what it names is not installed; empty: nothing
	Sandbox     *Confinement      // of Command, or of Runs; nil: it has Doorward's own rights
	Credential  Credential        // for URL
	Certificate Certificate       // for URL, where its server asks for one; zero: none
	CA          string            // certificates, PEM, that the server's is verified by; empty: the system's
	TLSKey      gate.Digest       // SHA-256 of the SubjectPublicKeyInfo that the server of URL must have; zero: any that its certificate allows
	Wire        http.RoundTripper // instead of the network, for an upstream in this process; it may be Failing
	Roles       bool              // each call over Wire says in HeaderRoles which roles its principal has
	Builtin     any               // how the server of Doorward's own behind Wire is set, as it marshals to JSON: the lock pins that, and not URL; nil for none
	Handed      []string          // of Builtin: the names of the secrets that it asks for by itself, which are looked for in what it answers
	Runs        map[string]Run    // of Builtin: the commands that it runs, by name, each confined by Sandbox; the lock pins how each is started
}

// Credential is how Doorward proves to an upstream who it is: a header with a
// secret's value, or with the key that the client brought for itself. The zero
// value is none.
type Credential struct {
	Header  string // its name; "Authorization" for a bearer token
	Prefix  string // before the value, such as "Bearer "
	Secret  string // the name of the secret
	Request string // instead of Secret: the canonical name of the header with the client's own key, which goes with that client's own messages alone
}

// Certificate is one of Doorward's own, for mutual TLS.
type Certificate struct {
	Chain string // PEM: the certificate, and those that vouch for it
	Key   string // the name of the secret that is its key, PEM
}

// Secret is the value of a secret, which prints as something else.
type Secret interface {
	Reveal() string
	Header() (string, error) // Reveal, where it may be a header's value
}

// Pins answers for doorward.lock.
type Pins interface {
	// State is how a definition stands against its pin, now.
	State(upstream string, kind gate.ItemKind, name string, d gate.Digest) gate.PinState
	// ReachAllowed tells whether an upstream may be started or contacted; it is
	// how that is done, of kind Command.
	ReachAllowed(it gate.Item) gate.Verdict
	// ServerAllowed tells whether an upstream that says this of itself may be
	// listed and called; both are zero when it says nothing.
	ServerAllowed(upstream string, d gate.Digest, definition []byte) gate.Verdict
}

// Meter counts what happens to an upstream: child_start, child_weaker (of those, with less around
// it than there could be), child_exit, timeout,
// breaker_open, breaker_close, breaker_probe, retry, retry_refused (for want of budget),
// dropped, stray_answer, stray_progress, malformed, secret_leaked, cache_hit, cache_miss,
// cache_wait (a call that waited for the answer to another like it), nested (a call that was refused
// as too deep in questions for its client's model).
type Meter interface {
	Count(upstream, what string)
}

// QueueMeter is told of calls that find no free place at an upstream.
type QueueMeter interface {
	Waited(upstream string, d time.Duration) // a call that got one after all
	Shed(upstream, reason string)            // a call that did not; one of queue.Reasons
}

// Config is what a Pool is made of. Pins and Events are required.
type Config struct {
	Upstreams []Settings
	Pins      Pins
	// Events writes to the audit log. It must accept the event before a child
	// is started or an upstream asked something on Doorward's own account.
	Events func(context.Context, gate.Event) error
	// Seen is told each catalogue that was read, before its states are asked
	// for (lock's Observe), with what cannot be used of it: a name that came twice
	// is there with both definitions. May be nil.
	Seen func([]gate.Item)
	// Unsolicited takes what an upstream sends outside any call to the client's
	// GET stream. May be nil.
	Unsolicited func(session *gate.Session, upstream string, m *gate.Message)
	// Open tells whether a client's session has not ended. Nil: always.
	Open func(session *gate.Session) bool
	// Serves tells whether an upstream is for a principal's tenant. Nil: always.
	Serves func(who *gate.Principal, upstream string) bool
	// MayRead tells whether the exchange's principal may be told of changes to
	// a resource. Nil refuses all.
	MayRead func(ex *gate.Exchange, upstream, uri string) bool
	// Live tells whether a principal's credential is still good; an open
	// subscription is asked about every few seconds. Nil: always.
	Live func(*gate.Principal) bool
	// Secret is asked at each use of a secret. Nil knows none.
	Secret func(name string) (Secret, error)
	// Lend has secrets made for one call of an upstream, all or none, by what stands behind LeasePrefix; back
	// is called when the call is over. Nil knows none.
	Lend func(ctx context.Context, upstream string, names []string) (made map[string]gate.Secret, back func(), err error)
	// BlockLeaks tells whether a message in which an upstream returns a secret that it
	// was handed is refused. Nil: the secret is masked.
	BlockLeaks func() bool
	// Instead is asked for another version of a secret that an upstream has refused.
	// Nil knows none.
	Instead     func(name string, refused gate.Secret) (Secret, bool)
	Owner       string   // of the data directory, in hex: containers that it left behind are found by it
	StateKey    [32]byte // seals requestState, cursors and the ids of tasks
	Environment []string // Doorward's own; children get PATH, HOME, LANG, LC_ALL, TMPDIR, TZ, USER of it
	// Supervised says that this binary runs supervise.Run when argv[0] is supervise.Name, and
	// sandbox.Init when it is sandbox.Name. Without it nothing can be confined.
	Supervised bool
	// Egress serves the proxy of a confined command until the listener is closed. Needed
	// where a Confinement allows any place.
	Egress func(upstream string, allow []string, l net.Listener)
	// Propagation is what upstreams are told of traces.
	Propagation Propagation
	Log         *slog.Logger
	Version     string
	Meter       Meter
	Queues      QueueMeter       // nil: nobody counts
	Ceiling     *ceiling.Ceiling // bounds the answers that are held together; nil: nothing does
}

// Pool is every upstream and what is open towards them. Any number of
// goroutines may use it.
type Pool struct {
	cfg      Config
	log      *slog.Logger
	sealer   cipher.AEAD
	spawner  *spawner
	maker    sandbox.Maker
	prover   sandbox.Prover
	digests  digests
	packages packages
	clients  clients
	calls    inflight
	asks     asks
	nestings nestings
	tasks    tasks
	parked   parkedCalls
	levels   levels
	bridges  bridges
	pulses   pulses

	listening listeners
	lists     interned
	answers   *answers

	channels atomic.Int64
	closed   atomic.Bool
	stopping chan struct{}
	ended    chan struct{} // closed when Close has nothing left to wait for
	once     sync.Once
	wg       sync.WaitGroup

	mu      sync.RWMutex
	servers map[string]*server
}

// New checks the configuration and starts nothing but the pool's own
// goroutines; Close ends them.
func New(cfg Config) (*Pool, error) {
	if cfg.Pins == nil || cfg.Events == nil {
		return nil, errors.New("upstream: pins and events are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	sealer, err := newSealer(cfg.StateKey)
	if err != nil {
		return nil, fmt.Errorf("making the requestState key: %w", err)
	}
	ids, err := newTaskSealer(cfg.StateKey)
	if err != nil {
		return nil, fmt.Errorf("making the keys of tasks: %w", err)
	}
	p := &Pool{cfg: cfg, log: cfg.Log, sealer: sealer, tasks: tasks{sealer: ids}, answers: newAnswers(), stopping: make(chan struct{}), ended: make(chan struct{}), servers: map[string]*server{}}
	p.asks.nestings = &p.nestings
	if err := check(cfg.Upstreams); err != nil {
		return nil, err
	}
	for _, set := range cfg.Upstreams {
		p.servers[set.Name] = p.newServer(set)
	}
	p.spawner = newSpawner()
	p.wg.Go(p.sweep)
	p.wg.Go(p.tidy)
	return p, nil
}

// check refuses settings that cannot work.
func check(all []Settings) error {
	names := map[string]bool{}
	for _, s := range all {
		u, err := url.Parse(s.URL)
		switch {
		case s.Name == "" || names[s.Name]:
			return fmt.Errorf("upstream: name %q is empty or used twice", s.Name)
		case (s.Builtin != nil || s.Roles) && s.Wire == nil:
			return fmt.Errorf("upstream %s: a built-in server needs a wire", s.Name)
		case (len(s.Command) == 0) == (s.URL == ""):
			return fmt.Errorf("upstream %s: exactly one of command and url is needed", s.Name)
		case err != nil || s.URL != "" && !goodScheme(s.Transport, u.Scheme):
			return fmt.Errorf("upstream %s: url is not one of the transport's: http or https, and ws or wss for websocket", s.Name)
		}
		if err := s.checkKeys(u); err != nil {
			return err
		}
		names[s.Name] = true
	}
	return nil
}

func goodScheme(transport, scheme string) bool {
	return scheme == "http" || scheme == "https" || transport == transportWebSocket && (scheme == "ws" || scheme == "wss")
}

// Reconfigure replaces the set of upstreams. One whose settings are the same
// keeps its channels; calls of the others end with their channels. No answer that was
// kept before is given afterwards. told tells the clients of the others that their lists
// have changed: once everything else is as it will be.
func (p *Pool) Reconfigure(all []Settings) (told func(), err error) {
	if err := check(all); err != nil {
		return nil, err
	}
	clients := map[*server][]*gate.Session{}
	for _, s := range p.list() {
		clients[s] = s.sessions()
	}
	p.mu.Lock()
	if p.closed.Load() {
		p.mu.Unlock()
		return nil, errClosing
	}
	old := p.servers
	p.servers = make(map[string]*server, len(all))
	for _, set := range all {
		set = set.withDefaults()
		if had := old[set.Name]; had != nil && had.same(set) {
			had.queue.Resize(set.Concurrency, set.Queue)
			had.forget()
			p.servers[set.Name] = had
			delete(old, set.Name)
			continue
		}
		p.servers[set.Name] = p.newServer(set)
	}
	p.answers.forget()
	// Under the lock, so that Close waits for these too.
	for _, s := range old {
		p.wg.Go(s.drain)
	}
	p.mu.Unlock()
	return func() {
		for name, s := range old {
			p.announce(name, clients[s], nil)
		}
	}, nil
}

// Close ends listens, calls, sessions and processes and waits for all of them,
// at most until ctx ends; what is left then is ended by force in the background.
func (p *Pool) Close(ctx context.Context) error {
	p.once.Do(func() {
		p.mu.Lock()
		p.closed.Store(true)
		close(p.stopping)
		for _, s := range p.servers {
			p.wg.Go(s.drain)
		}
		p.mu.Unlock()
		go func() {
			p.wg.Wait()
			p.spawner.close()
			p.maker.Close()
			close(p.ended)
		}()
	})
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing upstreams: %w", ctx.Err())
	}
}

// CloseSession ends what is open for a client's session.
func (p *Pool) CloseSession(session *gate.Session) {
	if session == nil {
		return
	}
	p.asks.dropSession(session.ID)
	p.tasks.drop(session)
	p.levels.drop(session)
	p.bridges.end(session)
	p.pulses.drop(session)
	for _, s := range p.list() {
		s.latecomers.drop(session)
		s.closeSession(session)
	}
}

// Status is how an upstream is doing, for the CLI and /readyz.
type Status struct {
	Name      string
	Transport string   // "http", "sse", "websocket", "stdio" or "builtin"
	Eras      []string // seen so far: "stateful", "stateless"
	Sessions  int      // channels, whether open or not
	Children  int
	Places    int    // for calls at a time now: fewer than configured where the upstream bears no more
	Calls     int    // that have a place
	Waiting   int    // calls that wait for one
	Breaker   string // "closed", "open" or "half-open": whether calls are kept from it
	HeldBack  int    // clients with processes of their own whose calls are
	LastError string // of the last failure; empty when the last use went well
	Answers   bool   // although it has failed: LastError is of what a server in this process needs
}

// Failing is a way to a server in this process that answers also when what it needs, a
// database, fails: it says why, or nothing. Status asks it.
type Failing interface{ Failing() string }

// Status lists the upstreams by name.
func (p *Pool) Status() []Status {
	all := p.list()
	out := make([]Status, 0, len(all))
	for _, s := range all {
		out = append(out, s.status())
	}
	return out
}

// list is the upstreams, sorted by name.
func (p *Pool) list() []*server {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := make([]*server, 0, len(p.servers))
	for _, name := range slices.Sorted(maps.Keys(p.servers)) {
		all = append(all, p.servers[name])
	}
	return all
}

func (p *Pool) server(name string) (*server, error) {
	p.mu.RLock()
	s := p.servers[name]
	p.mu.RUnlock()
	switch {
	case p.closed.Load():
		return nil, &gate.Error{Code: gate.CodeShuttingDown, Op: "finding upstream " + name, Err: errClosing, Public: "the gateway is stopping"}
	case s == nil:
		return nil, &gate.Error{Code: gate.CodeUpstreamDown, Op: "finding upstream " + name, Err: errors.New("not configured"), Public: "no such upstream"}
	}
	return s, nil
}

// sweep closes channels that nobody has used for long.
func (p *Pool) sweep() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-p.stopping:
			return
		case now := <-t.C:
			p.bridges.sweep(func(session *gate.Session, s *server) bool {
				return (p.cfg.Open == nil || p.cfg.Open(session)) && p.serves(session.Principal, s.set.Name)
			})
			p.answers.expire(now)
			p.nestings.expire(now)
			for _, s := range p.list() {
				s.expire(now)
			}
		}
	}
}

func (p *Pool) count(upstream, what string) {
	if p.cfg.Meter != nil {
		p.cfg.Meter.Count(upstream, what)
	}
}

func (s Settings) withDefaults() Settings {
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	if s.Concurrency <= 0 {
		s.Concurrency = defaultConcurrency
	}
	if s.Queue <= 0 {
		s.Queue = defaultQueue
	}
	if s.MaxResult <= 0 {
		s.MaxResult = defaultResult
	}
	return s
}
