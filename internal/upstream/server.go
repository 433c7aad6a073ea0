package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
	"doorward/internal/queue"
)

// errReplaced is a channel whose upstream was removed or changed by a reload.
var errReplaced = fmt.Errorf("%w: the configuration of the upstream changed", errDown)

// server is one configured upstream and its channels.
type server struct {
	pool     *Pool
	set      Settings
	log      *slog.Logger
	wire     http.RoundTripper // nil for a command
	guard    *guard
	queue    *queue.Queue // who has, and who waits for, one of the upstream's places
	children children
	eras     [3]eraState  // indexed by gate.Era
	doubted  atomic.Int64 // Unix nanoseconds, when its eras were last put to the test
	old      atomic.Bool  // it was found to speak HTTP+SSE, unconfigured
	failure  atomic.Pointer[string]
	unproven atomic.Bool // its command was last not started for the sake of its sandbox
	drift    drift
	standing standing
	ownKeys  []string     // the headers with keys of the clients' own
	lone     atomic.Int64 // channels made for one call alone

	breakers   breakers
	retries    retries
	kept       keptLists
	changed    atomic.Uint64 // how often what its kept answers rest on may have changed
	starts     backoff       // of a command that does not come up, for everybody
	offences   offences
	latecomers latecomers
	mu         sync.Mutex
	warm       map[warmKey]*warmth // processes that wait for a call
	refusals   *allowance          // of questions that are put on record as declined
	channels   map[channelKey]*channel
	gone       bool
	running    sync.WaitGroup // runs of its commands; added to under mu while it is not gone
	stopped    chan struct{}  // closed when it is
}

func (p *Pool) newServer(set Settings) *server {
	set = set.withDefaults()
	s := &server{pool: p, set: set, log: p.log, queue: queue.New(set.Concurrency, set.Queue), channels: map[channelKey]*channel{}, warm: map[warmKey]*warmth{}, starts: backoff{least: startBackoff}, ownKeys: set.ownKeys(), refusals: newAllowance(declinedNoted, declinedEvery), stopped: make(chan struct{})}
	if len(set.Runs) > 0 {
		s.queue.Halve()
	}
	s.guard = s.newGuard()
	s.log = slog.New(quietLog{p.log.Handler(), s.guard})
	if set.URL != "" {
		s.wire = quietWire{s.proving(newWire(set)), s.guard}
	}
	return s
}

// newWire makes one upstream's connections: no redirects (a RoundTripper follows
// none, and an upstream must not choose where a call goes; CVE-2026-115750), no
// proxy from the environment, and as many idle connections as calls at a time,
// so that none is opened anew.
func newWire(set Settings) http.RoundTripper {
	if set.Wire != nil {
		return set.Wire
	}
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           set.Concurrency,
		MaxIdleConnsPerHost:    set.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  set.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        maxSpliced, // headers and a message that is sent whole leave together
	}
	t.TLSClientConfig = believing(&set)
	if set.Credential.Request != "" || leaseOf(set.Credential.Secret) != "" {
		// The header compression of HTTP/2 remembers values for the whole connection,
		// where the requests of other clients go too (RFC 7541, section 7.1).
		t.Protocols = &http.Protocols{}
		t.Protocols.SetHTTP1(true)
	}
	return t
}

// believing is how the server of the URL is known.
func believing(set *Settings) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if set.TLSKey != (gate.Digest{}) {
		c.VerifyConnection = onlyKey(set.TLSKey)
	}
	if set.CA != "" {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM([]byte(set.CA)) // nobody is believed where it holds none
	}
	return c
}

// proving has connections show Doorward's own certificate to a server that asks for one. Its key
// is asked for with each connection; without it there is none.
func (s *server) proving(wire http.RoundTripper) http.RoundTripper {
	own := s.set.Certificate
	t, ok := wire.(*http.Transport)
	if !ok || own.Key == "" {
		return wire
	}
	t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		key, err := s.pool.secret(own.Key)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair([]byte(own.Chain), []byte(key.Reveal()))
		if err != nil {
			return nil, errCertificate
		}
		return &pair, nil
	}
	return t
}

// errCertificate is a certificate and a key that do not belong together, or cannot be read.
var errCertificate = errors.New("the certificate and the key of upstreams.X.credential.certificate are no pair")

// errKey is a server with another key than the pinned one.
var errKey = errors.New("the server's TLS key is not upstreams.X.tls_key")

// onlyKey refuses a server without the pinned key, once its certificate has been
// found good.
func onlyKey(pinned gate.Digest) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 || gate.Digest(sha256.Sum256(cs.PeerCertificates[0].RawSubjectPublicKeyInfo)) != pinned {
			return errKey
		}
		return nil
	}
}

// event puts on record what Doorward does on its own account; without the
// record it is not done.
func (s *server) event(ctx context.Context, kind, detail string) error {
	err := s.pool.cfg.Events(ctx, gate.Event{Kind: kind, Actor: "doorward", Upstream: s.set.Name, Detail: detail, Status: "ok"})
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*gate.Error](err); ok {
		return err
	}
	return &gate.Error{Code: gate.CodeAudit, Op: "recording " + kind, Err: err}
}

// channel finds or makes the channel with that key. session is the client's
// where the channel is that session's own.
func (s *server) channel(key channelKey, session *gate.Session) (*channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[key]; c != nil {
		c.used.Store(time.Now().UnixNano())
		return c, nil
	}
	return s.enter(key, session)
}

// enter makes the channel with that key; it needs mu.
func (s *server) enter(key channelKey, session *gate.Session) (*channel, error) {
	if s.gone {
		return nil, errReplaced
	}
	if s.pool.channels.Add(1) > maxChannels {
		s.pool.channels.Add(-1)
		return nil, fmt.Errorf("%w: %d sessions are open", errBusy, maxChannels)
	}
	c := newChannel(s, key, session)
	s.channels[key] = c
	return c, nil
}

// take removes the channels that match, for the caller to close.
func (s *server) take(match func(*channel) bool) []*channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*channel
	for key, c := range s.channels {
		if match(c) {
			delete(s.channels, key)
			s.pool.channels.Add(-1)
			out = append(out, c)
		}
	}
	return out
}

// closeAside closes channels without making the caller wait.
func (s *server) closeAside(list []*channel) {
	for _, c := range list {
		s.pool.wg.Go(func() { c.close(errEnded) })
	}
}

// expire closes the channels that nobody has used for long. A child process
// costs more than an HTTP session and is kept for less.
func (s *server) expire(now time.Time) {
	s.guard.expire(now)
	s.coolDown(now)
	s.offences.expire()
	s.breakers.expire(now)
	s.kept.expire(now)
	before := now.Add(-idleExpiry)
	if s.wire == nil {
		before = now.Add(-childIdle)
	}
	s.closeAside(s.take(func(c *channel) bool {
		return c.busy.Load() == 0 && c.used.Load() < before.UnixNano()
	}))
}

func (s *server) closeSession(session *gate.Session) {
	owner := ownerOfSession(session)
	s.closeAside(s.take(func(c *channel) bool {
		c.leave(session)
		return c.key.owner == owner
	}))
}

// leaving is why a server that is gone is.
func (s *server) leaving() error {
	if s.pool.closed.Load() {
		return errClosing
	}
	return errReplaced
}

// drain closes every channel, ends every run, and waits. It is called once.
func (s *server) drain() {
	s.mu.Lock()
	s.gone = true
	close(s.stopped)
	s.mu.Unlock()
	s.queue.Close()
	cause := s.leaving()
	var wg sync.WaitGroup
	for _, c := range s.take(func(*channel) bool { return true }) {
		wg.Go(func() { c.close(cause) })
	}
	wg.Wait()
	s.running.Wait()
	if idle, ok := s.wire.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

func (s *server) status() Status {
	st := Status{Name: s.set.Name, Transport: "http", Children: s.children.count()}
	st.Calls, st.Waiting = s.queue.Depth()
	st.Places = s.queue.Places()
	switch {
	case s.set.Builtin != nil:
		st.Transport = transportBuiltin
	case s.wire == nil:
		st.Transport = "stdio"
	case s.set.Transport == transportSSE || s.old.Load():
		st.Transport = transportSSE
	case s.set.Transport == transportWebSocket:
		st.Transport = transportWebSocket
	}
	for _, era := range [...]gate.Era{gate.Stateful, gate.Stateless} {
		if s.eras[era].spoken.Load() {
			st.Eras = append(st.Eras, era.String())
		}
	}
	if f := s.failure.Load(); f != nil {
		st.LastError = *f
	} else if own, ok := s.set.Wire.(Failing); ok {
		st.LastError = printable([]byte(own.Failing()), 2*maxShown)
		st.Answers = st.LastError != ""
	}
	st.Breaker, st.HeldBack = s.breakers.states()
	s.mu.Lock()
	st.Sessions = len(s.channels)
	s.mu.Unlock()
	return st
}

// noteError remembers the last failure, bounded and printable.
func (s *server) noteError(err error) {
	if err != nil {
		text := printable([]byte(err.Error()), 2*maxShown)
		s.failure.Store(&text)
	}
}

// speaks notes that the upstream was used in an era, and that it works.
func (s *server) speaks(era gate.Era) {
	s.eras[era].spoken.Store(true)
	s.eras[era].wrong.Store(nil)
	s.failure.Store(nil)
}
