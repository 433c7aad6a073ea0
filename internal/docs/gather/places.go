package gather

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	judge "doorward/internal/policy/places"
)

// Bounds of a name's addresses.
const (
	maxAddresses = 32
	maxTried     = 4
)

var (
	errInward  = errors.New("its host leads to an address that is not public: name the host if it may be fetched from")
	errPrivate = errors.New("its host leads to an address that is not public")
)

// places says what may be fetched, and connects to it: https on public addresses, and on
// hosts that the operator named.
type places struct {
	public  *judge.Judge
	named   map[string]*judge.Judge // by host:port
	resolve func(ctx context.Context, name string) ([]netip.Addr, error)
}

func newPlaces(named []string, resolve func(context.Context, string) ([]netip.Addr, error)) (places, error) {
	public, faults := judge.New(judge.Rule{Schemes: []string{"https"}})
	if len(faults) > 0 {
		return places{}, errors.New(faults[0].Text)
	}
	p := places{public: public, named: map[string]*judge.Judge{}, resolve: resolve}
	if p.resolve == nil {
		p.resolve = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name+".") // the dot keeps a search list out
		}
	}
	for _, n := range named {
		u, err := url.Parse("https://" + strings.ToLower(n))
		if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return places{}, fmt.Errorf("%q is no host, or host:port", n)
		}
		port, err := strconv.Atoi(portOf(u))
		if err != nil {
			return places{}, fmt.Errorf("%q is no host, or host:port", n)
		}
		j, faults := judge.New(judge.Rule{Schemes: []string{"https"}, Hosts: []string{u.Hostname()}, Ports: []int{port}, Private: true})
		if len(faults) > 0 {
			return places{}, fmt.Errorf("%q may not be fetched from: %s", n, faults[0].Text)
		}
		p.named[net.JoinHostPort(u.Hostname(), portOf(u))] = j
	}
	return p, nil
}

// Public dials public addresses alone, as places without a named host do: whoever asks over
// it is led nowhere else, by a name or by a redirect. The download of a model's files goes
// through it.
func Public() (dial func(ctx context.Context, network, address string) (net.Conn, error), err error) {
	p, err := newPlaces(nil, nil)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := p.dial(ctx, network, address)
		if errors.Is(err, errInward) {
			err = errPrivate
		}
		if err != nil && !errors.As(err, new(*net.OpError)) {
			err = &net.OpError{Op: "dial", Net: network, Err: err}
		}
		return conn, err
	}, nil
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return "443"
}

// check reads a URL that may be fetched.
func (p *places) check(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || len(raw) > maxURL {
		return nil, errors.New("it is no URL that can be fetched")
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":443") // one host has one name, which access rules go by
	u.Fragment, u.RawFragment = "", ""
	j := p.public
	if p.private(u) {
		j = p.named[net.JoinHostPort(u.Hostname(), portOf(u))]
	}
	if why := j.URL(u.String()); why != "" {
		return nil, errors.New("it may not be fetched: " + why)
	}
	return u, nil
}

// private tells whether a host is one that was named, and may lie inside.
func (p *places) private(u *url.URL) bool {
	return p.named[net.JoinHostPort(u.Hostname(), portOf(u))] != nil
}

// dial connects for the client. Every address of a name is judged before one is dialled,
// and nothing is looked up again (DNS rebinding).
func (p *places) dial(ctx context.Context, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	list, err := p.addresses(ctx, name)
	if err != nil {
		return nil, err
	}
	may := judge.Public
	if p.named[address] != nil {
		may = judge.Named
	}
	if slices.ContainsFunc(list, func(a netip.Addr) bool { return !may(a) }) {
		return nil, errInward
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	for _, a := range list[:min(len(list), maxTried)] {
		var conn net.Conn
		if conn, err = d.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// addresses are those of a name, or the one that is written.
func (p *places) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	list, err := p.resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > maxAddresses {
		return nil, fmt.Errorf("the host has %d addresses", len(list))
	}
	return list, nil
}
