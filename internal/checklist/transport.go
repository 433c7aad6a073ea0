package checklist

import (
	"fmt"
	"net/url"
	"strings"

	"doorward/internal/loopback"
)

func transportChecks() []check {
	const nginx = "docs/how-to/run-behind-nginx.md"
	return []check{
		{Entry{
			"transport.tls", "Clients connect over TLS, or from this machine alone",
			"set listen.tls: {cert: …, key: …}, or tls: {terminated_by: proxy} where a proxy in front has it", nginx,
		}, (*subject).tls},
		{Entry{
			"transport.proxy", "The proxy in front is named, and nobody passes it by",
			"name the proxy's own address in listen.trusted_proxies, and let nothing else reach listen.address", nginx,
		}, (*subject).proxy},
		{Entry{
			"transport.public_url", "Clients know the gateway by an https URL",
			"set listen.public_url to the https URL that clients use: tokens and metadata are for it", nginx,
		}, (*subject).publicURL},
		{Entry{
			"transport.hosts", "Only the gateway's own names are answered",
			"take names of this machine out of listen.allowed_hosts: a page in a browser can rebind its own name to them", "docs/reference/configuration.md",
		}, (*subject).hosts},
		{Entry{
			"transport.origins", "Web pages that may call came over https",
			"write https origins in listen.allowed_origins: anybody on the way can put a script into a page over http", "docs/reference/configuration.md",
		}, (*subject).origins},
		{Entry{
			"transport.upstreams", "Upstreams elsewhere are spoken to over TLS",
			"use the https (wss) URL of the upstream: calls, results and credentials are readable on the way otherwise", "docs/reference/configuration.md",
		}, (*subject).upstreamTLS},
	}
}

func (s *subject) tls(a *answer) {
	l := &s.cfg.Listen
	switch {
	case l.TLS.Cert != "" || l.TLS.ACME != nil:
		a.pass("listen.tls", "TLS ends here; the oldest version is %s", l.TLS.MinVersion)
	case l.TLS.TerminatedBy != "":
		a.pass("listen.tls.terminated_by", "TLS ends in a %s in front", l.TLS.TerminatedBy)
	case s.loopback():
		a.pass("listen.address", "%s is loopback: nothing leaves this machine", l.Address)
	default:
		a.fail("listen.address", "%s is reached from other machines, without TLS", l.Address)
	}
}

func (s *subject) loopback() bool {
	at := s.cfg.Listen.Address
	return at.IsValid() && at.Addr().IsLoopback()
}

// The widest networks that are taken for proxies: a site's own.
const (
	widest4 = 16 // bits
	widest6 = 48
)

func (s *subject) proxy(a *answer) {
	l := &s.cfg.Listen
	if l.TLS.TerminatedBy == "" && len(l.TrustedProxies) == 0 {
		a.none("listen.trusted_proxies", "there is no proxy in front")
		return
	}
	for i, p := range l.TrustedProxies {
		if least := map[bool]int{true: widest4, false: widest6}[p.Addr().Is4()]; p.Bits() < least {
			a.warn(fmt.Sprintf("listen.trusted_proxies[%d]", i), "%s is far more than a proxy: each address in it may say who a client is", p)
		}
	}
	switch {
	case len(l.TrustedProxies) > 0:
	case s.loopback():
		a.warn("listen.trusted_proxies", "does not say who the proxy is: every client has its address, and who guesses credentials has all of them refused (limit.address)")
	default:
		a.warn("listen.address", "%s is open beside the proxy, without TLS, and trusted_proxies does not say who the proxy is", l.Address)
	}
	a.otherwise("", "networks that are believed about a client's address: %d", len(l.TrustedProxies))
}

func (s *subject) publicURL(a *answer) {
	switch written := s.cfg.Listen.PublicURL; {
	case written == "" && s.loopback():
		a.none("listen.public_url", "clients use the address itself, on this machine")
	case written == "":
		a.warn("listen.public_url", "is not written: what the gateway says of itself rests on the address")
	case plain(written):
		a.fail("listen.public_url", "%s is not https, and others than this machine use it", written)
	default:
		a.pass("listen.public_url", "%s", written)
	}
}

// plain tells whether a URL leads to another machine without TLS. One that cannot
// be read does.
func plain(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return true
	}
	return u.Scheme != "https" && u.Scheme != "wss" && !loopback.Host(u.Hostname())
}

func (s *subject) hosts(a *answer) {
	all := s.cfg.Listen.AllowedHosts
	for i, h := range all {
		if u, err := url.Parse("http://" + h); !s.loopback() && (err != nil || loopback.Host(u.Hostname())) {
			a.warn(fmt.Sprintf("listen.allowed_hosts[%d]", i), "%s is a name of this machine, and the gateway answers others", h)
		}
	}
	if len(all) == 0 {
		a.otherwise("listen.allowed_hosts", "only the address itself and the host of public_url are answered")
	}
	a.otherwise("listen.allowed_hosts", "%s", strings.Join(all, ", "))
}

func (s *subject) origins(a *answer) {
	all := s.cfg.Listen.AllowedOrigins
	for i, o := range all {
		if plain(o) {
			a.warn(fmt.Sprintf("listen.allowed_origins[%d]", i), "%s is a page that comes without TLS", o)
		}
	}
	if len(all) == 0 {
		a.otherwise("listen.allowed_origins", "no web page may call")
	}
	a.otherwise("listen.allowed_origins", "%s", strings.Join(all, ", "))
}

func (s *subject) upstreamTLS(a *answer) {
	n := 0
	for _, name := range sorted(s.cfg.Upstreams) {
		u := s.cfg.Upstreams[name]
		if u.URL == "" {
			continue
		}
		n++
		switch path := "upstreams." + name + ".url"; {
		case !plain(u.URL):
		case u.Credential != nil:
			a.fail(path, "a credential is sent to %s without TLS", name)
		default:
			a.warn(path, "%s is spoken to without TLS", name)
		}
	}
	if n == 0 {
		a.none("upstreams", "no upstream has a url")
	}
	a.otherwise("", "upstreams by url: %d, none of them elsewhere without TLS", n)
}
