package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"doorward/internal/policy/places"
)

// maxTried is how many of a name's addresses are tried one after the other.
const maxTried = 4

// reach connects to a target: the way says how. The address is judged before it is
// dialled, and nothing is looked up again, so a name that leads elsewhere the second
// time is asked once (DNS rebinding, POL-38).
func (p *Proxy) reach(ctx context.Context, t target, w way) (net.Conn, netip.Addr, Code) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.Dial)
	defer cancel()
	list, code := p.addresses(ctx, t, w)
	if code != "" {
		return nil, netip.Addr{}, code
	}
	list = list[:min(len(list), maxTried)]
	for i, a := range list {
		conn, err := p.try(ctx, netip.AddrPortFrom(a, t.port), len(list)-i)
		if err == nil {
			return conn, a, ""
		}
	}
	return nil, list[0], Unreachable
}

// try dials one of so many addresses that are left, with its share of the time.
func (p *Proxy) try(ctx context.Context, at netip.AddrPort, left int) (net.Conn, error) {
	if until, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(until)/time.Duration(left))
		defer cancel()
	}
	return p.cfg.Dial(ctx, at)
}

// addresses are where a target is. What the operator wrote as an address is dialled as
// it is; of what a name leads to every address must be public, since an answer that
// mixes public and private ones is no honest host's.
func (p *Proxy) addresses(ctx context.Context, t target, w way) ([]netip.Addr, Code) {
	for _, written := range []netip.Addr{t.addr, w.at} {
		if written.IsValid() {
			if !places.Named(written) {
				return nil, Inward
			}
			return []netip.Addr{written}, ""
		}
	}
	found, err := p.cfg.Resolve(ctx, t.name)
	if err != nil || len(found) == 0 || len(found) > p.limits.Answers {
		return nil, Unresolved
	}
	list := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		if !places.Public(a) {
			return nil, Inward
		}
		list = append(list, a.Unmap())
	}
	return list, ""
}

var errAddress = errors.New("another address than the one that was judged")

// dial connects to one address, and makes sure of it where the kernel is asked.
func dial(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if address != at.String() {
			return errAddress
		}
		return nil
	}}
	return d.DialContext(ctx, "tcp", at.String())
}

// resolve asks the system's resolver for a whole name: the dot at its end keeps the
// search list of a cluster out.
func resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name+".")
}
