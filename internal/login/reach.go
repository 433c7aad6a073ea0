package login

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// reach says how near an address is. What a server's documents lead to may be no
// nearer than the server itself, or a stranger's gateway could make this machine
// knock at its owner's own doors (SSRF; MCP security best practices). The zero
// value reaches nothing.
type reach int

const (
	nowhere reach = iota
	world         // public addresses
	private       // private networks (RFC 1918, 4193, 6598), and those for tests
	local         // this machine
	odd           // link-local, where clouds keep credentials, multicast, and what nobody listens at
)

// reachOf classifies an address. An IPv4 address that is wrapped in IPv6 is what
// it leads to: mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056).
func reachOf(a netip.Addr) reach {
	a = unwrap(a)
	switch {
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast():
		return odd
	case a.IsLoopback():
		return local
	case a.IsPrivate() || within(a, "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "64:ff9b:1::/48", "fec0::/10", "2001:db8::/32"):
		return private
	case within(a, "0.0.0.0/8", "240.0.0.0/4", "2001::/32", "100::/64"):
		return odd
	}
	return world
}

func unwrap(a netip.Addr) netip.Addr {
	a = a.Unmap()
	b := a.As16()
	switch {
	case within(a, "64:ff9b::/96"):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case within(a, "2002::/16"):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

func within(a netip.Addr, prefixes ...string) bool {
	for _, p := range prefixes {
		if netip.MustParsePrefix(p).Contains(a.WithZone("")) {
			return true
		}
	}
	return false
}

// errReach is that a document led nearer than where it came from.
var errReach = errors.New("leads to an address nearer to this machine than the server that named it; if that is right, name the issuer yourself")

// errPlain is http to another machine.
var errPlain = errors.New("is http and does not lead to this machine")

// fence lets connections through that lead no nearer than limit. Hosts that the
// user named are let through, and move the limit to where they are.
type fence struct {
	named map[string]bool // host:port

	mu    sync.Mutex
	limit reach // guarded by mu
}

func newFence(limit reach) *fence { return &fence{named: map[string]bool{}, limit: limit} }

// pass judges the address that a connection is about to be made to.
func (f *fence) pass(target, address string, plain bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errReach
	}
	near := reachOf(at.Addr())
	if plain && near != local {
		return errPlain
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.named[target] {
		f.limit = max(f.limit, near)
		return nil
	}
	if near > f.limit {
		return errReach
	}
	return nil
}

// reached is the limit so far.
func (f *fence) reached() reach {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limit
}

// dialer connects through the fence. plain is for http. The address is judged
// when it is dialled: a name may lead elsewhere the second time it is asked.
func (f *fence) dialer(plain bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, target string) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
			return f.pass(target, address, plain)
		}}
		conn, err := d.DialContext(ctx, network, target)
		if errors.Is(err, errReach) || errors.Is(err, errPlain) {
			return nil, fmt.Errorf("%s %w", target, err)
		}
		return conn, err
	}
}
