package listen

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	// surplusPlaces is how many connections beyond their address's share are told
	// so at a time; the others are closed at once.
	surplusPlaces = 32

	// proxyWait is how long a proxy may take to send its PROXY protocol header,
	// which comes with the first packet.
	proxyWait = 3 * time.Second
)

// bounded is a listener with bounds on its open connections, in all and from one
// address. At the first, connections between two requests are closed, the longest
// idle first, and without one clients wait in the kernel's backlog until those
// that send nothing have run into their timeouts. Nothing under way is cut off.
type bounded struct {
	net.Listener
	server  *Server
	secure  bool          // TLS comes on top
	slots   chan struct{} // a place for every open connection
	surplus chan struct{} // a place for every connection beyond its address's share
	closed  chan struct{}
	once    sync.Once
	full    atomic.Bool   // a connection waits for a place
	idled   chan struct{} // while full: another became idle

	mu   sync.Mutex
	open map[*slot]struct{}
	from map[netip.Prefix]int // open connections that count, by where they came from
}

func (s *Server) bound(l net.Listener, secure bool) *bounded {
	return &bounded{
		Listener: l, server: s, secure: secure,
		slots:   make(chan struct{}, s.cfg.Limits.Connections),
		surplus: make(chan struct{}, surplusPlaces),
		closed:  make(chan struct{}),
		idled:   make(chan struct{}, 1),
		open:    make(map[*slot]struct{}),
		from:    make(map[netip.Prefix]int),
	}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		raw, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := b.slot(raw)
		if !b.enter(c) {
			b.server.cfg.Meter.Turned(codeAddressLimit)
			b.server.cfg.Log.Debug("connection closed at once", "code", codeAddressLimit, "remote", c.peer)
			_ = raw.Close() // nobody has used it
			continue
		}
		if !b.place() {
			_ = c.Close() // as above
			return nil, net.ErrClosed
		}
		c.placed = true
		return c, nil
	}
}

// slot is the connection as the server uses it.
func (b *bounded) slot(raw net.Conn) *slot {
	c := &slot{Conn: raw, bounded: b, peer: addressOf(raw.RemoteAddr()).Addr()}
	c.at = arrival{Addr: raw.LocalAddr(), slot: c, local: addressOf(raw.LocalAddr())}
	if c.at.local.IsValid() {
		c.base = scheme(b.secure) + "://" + c.at.local.String()
	}
	if !b.secure {
		c.head = &head{on: true}
	}
	trusted := b.server.cfg.Settings().trusts(c.peer)
	if !trusted && !c.peer.IsLoopback() {
		c.counts = network(c.peer)
	}
	if b.server.cfg.ProxyProtocol {
		policy := proxyproto.REJECT
		if trusted {
			policy = proxyproto.REQUIRE
		}
		c.Conn = proxyproto.NewConn(raw, proxyproto.WithPolicy(policy),
			proxyproto.SetReadHeaderTimeout(proxyWait), proxyproto.ValidateHeader(tellsClient))
	}
	return c
}

// errNoClient says that a PROXY protocol header names no client. The proxy's own
// address in its place would make everybody the proxy.
var errNoClient = errors.New("the PROXY protocol header names no TCP client")

// tellsClient lets a header pass that names the client, and one of version 2 that
// says that the proxy speaks for itself (LOCAL: it looks whether the gateway
// lives). UNKNOWN of version 1 is neither.
func tellsClient(h *proxyproto.Header) error {
	if _, _, tcp := h.TCPAddrs(); tcp || h.Version == 2 && h.Command.IsLocal() {
		return nil
	}
	return errNoClient
}

// network is what one client can have many addresses of: an IPv4 address, and
// the /64 of an IPv6 address.
func network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // the zero address has none, and does not count
	return p
}

// enter counts a connection. False: there are too many from its address, and no
// place to tell it so.
func (b *bounded) enter(c *slot) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.counts.IsValid() && b.from[c.counts] >= b.server.cfg.Limits.ConnectionsPerAddress {
		select {
		case b.surplus <- struct{}{}:
			c.surplus = true
		default:
			return false
		}
	}
	if c.counts.IsValid() {
		b.from[c.counts]++
	}
	b.open[c] = struct{}{}
	return true
}

func (b *bounded) leave(c *slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
	if !c.counts.IsValid() {
		return
	}
	if b.from[c.counts]--; b.from[c.counts] <= 0 {
		delete(b.from, c.counts)
	}
	if c.surplus {
		<-b.surplus
	}
}

// place waits for a place. False: the listener was closed.
func (b *bounded) place() bool {
	select {
	case b.slots <- struct{}{}:
		return true
	default:
	}
	b.full.Store(true)
	defer b.full.Store(false)
	for {
		b.evict()
		select {
		case b.slots <- struct{}{}: // first: what else may be ready would have one more closed
			return true
		default:
		}
		select {
		case b.slots <- struct{}{}:
			return true
		case <-b.closed:
			return false
		case <-b.idled:
		}
	}
}

// evict closes the connection that has been idle the longest, if any is.
func (b *bounded) evict() {
	b.mu.Lock()
	var oldest *slot
	var since int64
	for c := range b.open {
		if at := c.idle.Load(); at > 0 && (oldest == nil || at < since) {
			oldest, since = c, at
		}
	}
	b.mu.Unlock()
	if oldest != nil && oldest.idle.CompareAndSwap(since, 0) {
		_ = oldest.Close() // whoever reads from it is told
	}
}

// Close implements net.Listener.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// slot is an accepted connection. It frees its place when it closes.
type slot struct {
	net.Conn
	at      arrival
	bounded *bounded
	peer    netip.Addr   // the other end of the TCP connection: a client or a proxy
	counts  netip.Prefix // what it counts against; the zero value for nothing
	surplus bool         // beyond its address's share: it is told so, and closed
	head    *head        // of the newest request; nil beneath TLS
	base    string       // scheme and authority of the listener
	placed  bool         // it has a place to free
	idle    atomic.Int64 // Unix nanoseconds since when it waits for a request; zero: it does not
	once    sync.Once
}

// arrival is the local address of a connection, and the connection: its addresses
// are all that net/http shows a handler of it. The local address is the
// listener's, whatever a PROXY protocol header says.
type arrival struct {
	net.Addr
	slot  *slot
	local netip.AddrPort
}

// LocalAddr implements net.Conn.
func (c *slot) LocalAddr() net.Addr { return &c.at }

// Read implements net.Conn.
func (c *slot) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.head != nil && n > 0 {
		c.head.note(b[:n])
	}
	return n, err
}

// Close implements net.Conn.
func (c *slot) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.bounded.leave(c)
		if c.placed {
			<-c.bounded.slots
		}
	})
	return err
}

// changed is called by net/http when a connection's state changes.
func changed(conn net.Conn, state http.ConnState) {
	secure, _ := conn.(*tls.Conn)
	if secure != nil {
		conn = secure.NetConn()
	}
	c, is := conn.(*slot)
	switch {
	case !is:
	case state == http.StateIdle:
		if c.head != nil {
			c.head.begin()
		}
		c.idle.Store(time.Now().UnixNano())
		c.limit(secure)
		if c.bounded.full.Load() {
			select {
			case c.bounded.idled <- struct{}{}:
			default: // it is told already
			}
		}
	case state == http.StateActive:
		c.idle.Store(0)
		c.limit(secure)
	}
}

// limit bounds the time of what net/http writes and reads by itself: an answer where a head is
// no request, or expects what it does not know, and the body of that. It sets no deadlines for
// them. Those of a handler take their place, and that of an idle connection. changed calls it
// at a request's head, and before, for the head may have come with the request before, and is
// then not told of. secure is nil without TLS.
func (c *slot) limit(secure *tls.Conn) {
	if secure != nil && secure.ConnectionState().NegotiatedProtocol == "h2" {
		return // it keeps the time of each request
	}
	now, limits := time.Now(), &c.bounded.server.cfg.Limits
	_ = c.SetReadDeadline(now.Add(limits.BodyWait)) // a connection that is closed needs none
	_ = c.SetWriteDeadline(now.Add(limits.WriteStall))
}

// addressOf is a TCP address as it is compared; the zero value for another.
func addressOf(addr net.Addr) netip.AddrPort {
	tcp, is := addr.(*net.TCPAddr)
	if !is {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
