package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
)

// maxAddresses bounds how many addresses of a name are tried.
const maxAddresses = 8

// checkDNS resolves the host and tries each of its addresses.
func checkDNS(ctx context.Context, e *exam) []Finding {
	host := e.target.Hostname()
	addrs, err := e.lookUp(ctx, host)
	if err != nil {
		return []Finding{unresolved(host, err)}
	}
	port := e.port()
	ends := e.dialAll(ctx, addrs, port)
	for _, d := range ends {
		switch {
		case d.err == nil && !e.reached.IsValid():
			e.reached = d.at
		case errors.Is(d.err, syscall.ECONNREFUSED):
			e.refused = true
		}
	}
	names := list(addrs)
	seen := host + " is " + names
	if names == host {
		seen = "the URL has an address and no name"
	}
	switch {
	case e.reached.IsValid() && ends[0].err != nil:
		return []Finding{{
			ID: "dns", Status: Problem, Cause: "first_address",
			Seen: fmt.Sprintf("%s is %s; at the first of them nothing answers (%s), at %s something does", host, names, ends[0].why(), e.reached),
			Why:  "clients that try only the first address do not connect",
			Fix:  fmt.Sprintf("give clients the address that answers, %s, or take the others out of the name", e.with(e.reached.Addr())),
		}}
	case e.reached.IsValid():
		return fine("dns", seen)
	}
	if f, found := e.otherLoopback(ctx, addrs, port); found {
		e.refused = false // it has been said
		return []Finding{f}
	}
	if e.refused {
		return fine("dns", seen)
	}
	return []Finding{{
		ID: "dns", Status: Problem, Cause: "unreachable",
		Seen: fmt.Sprintf("%s is %s, and none of that can be reached: %s", host, names, ends[0].why()),
		Why:  "no connection gets as far as the gateway's machine",
		Fix:  fmt.Sprintf("check that the address is that of the gateway's machine, and that firewalls and the VPN let port %d through", port),
	}}
}

// lookUp is the host's addresses, the first ones.
func (e *exam) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	resolver := e.opts.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs[:min(len(addrs), maxAddresses)], err
}

func unresolved(host string, err error) Finding {
	f := Finding{ID: "dns", Status: Problem, Why: "without an address there is nowhere to connect to"}
	d, _ := errors.AsType[*net.DNSError](err)
	switch {
	case d != nil && d.IsNotFound:
		f.Cause, f.Seen = "unknown_name", "there is no host named "+host
		f.Fix = fmt.Sprintf("correct the name in the URL, or make it known: a DNS record, or a line such as \"127.0.0.1 %s\" in the hosts file", host)
	case timedOut(err):
		f.Cause, f.Seen = "timeout", "the name server does not answer when asked for "+host
		f.Fix = "check the network and the name server of this machine: getent hosts " + host
	default:
		f.Cause, f.Seen = "failed", fmt.Sprintf("looking up %s failed: %v", host, err)
		f.Fix = "check the name server of this machine: getent hosts " + host
	}
	return f
}

// dialled is how trying one address ended.
type dialled struct {
	at  netip.AddrPort
	err error
}

// why is the failure in few words.
func (d dialled) why() string {
	switch {
	case errors.Is(d.err, syscall.ECONNREFUSED):
		return "connection refused"
	case timedOut(d.err):
		return "no answer in time"
	}
	if s, ok := errors.AsType[syscall.Errno](d.err); ok {
		return s.Error()
	}
	return fmt.Sprint(d.err)
}

// dialAll tries every address at the same time and waits for all of them.
func (e *exam) dialAll(ctx context.Context, addrs []netip.Addr, port uint16) []dialled {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	ends := make([]dialled, len(addrs))
	var all sync.WaitGroup
	for i, addr := range addrs {
		all.Go(func() {
			at := netip.AddrPortFrom(addr, port)
			ends[i] = dialled{at: at}
			var c net.Conn
			if c, ends[i].err = e.web.dialer.DialContext(ctx, "tcp", at.String()); ends[i].err == nil {
				_ = c.Close()
			}
		})
	}
	all.Wait()
	return ends
}

// otherLoopback looks for a gateway on the loopback address of the other family
// (a name such as localhost that is only ::1 here).
func (e *exam) otherLoopback(ctx context.Context, addrs []netip.Addr, port uint16) (Finding, bool) {
	for _, a := range addrs {
		if !a.IsLoopback() {
			return Finding{}, false
		}
	}
	other := netip.IPv6Loopback()
	if addrs[0].Is6() {
		other = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if end := e.dialAll(ctx, []netip.Addr{other}, port)[0]; end.err != nil {
		return Finding{}, false
	}
	return Finding{
		ID: "dns", Status: Problem, Cause: "loopback_family",
		Seen: fmt.Sprintf("%s is %s, where nothing listens on port %d; at %s something does", e.target.Hostname(), list(addrs), port, other),
		Why:  "the name leads to the other of the two loopback addresses",
		Fix:  "give clients " + e.with(other),
	}, true
}

// with is the target with an address in the place of the host.
func (e *exam) with(addr netip.Addr) string {
	u := *e.target
	u.Host = netip.AddrPortFrom(addr, e.port()).String()
	return shownURL(&u)
}

// port is the target's.
func (e *exam) port() uint16 {
	if p := e.target.Port(); p != "" {
		return parsePort(p)
	}
	if e.target.Scheme == "https" {
		return 443
	}
	return 80
}

func list(addrs []netip.Addr) string {
	words := make([]string, 0, len(addrs))
	for _, a := range addrs {
		words = append(words, a.String())
	}
	return strings.Join(words, " and ")
}
