package checklist_test

import (
	"net/netip"

	"doorward/internal/checklist"
	"doorward/internal/config"
)

const (
	fail = checklist.Fail
	warn = checklist.Warn
	pass = checklist.Pass
	none = checklist.NotApplicable

	public = "listen: {address: \"0.0.0.0:8443\", public_url: \"https://mcp.example.com\", tls: {cert: a.crt, key: a.key}}\nupstreams: {}\n"
	behind = "listen: {address: \"10.0.0.5:8080\", public_url: \"https://mcp.example.com\", tls: {terminated_by: proxy}, trusted_proxies: [10.0.0.4]}\nupstreams: {}\n"
	issuer = "listen: {public_url: \"https://mcp.example.com\"}\nidentity:\n  issuers:\n    - issuer: https://id.example.com\n"
)

func edgeCases() []itemCase {
	open := func(c *config.Config) { c.Listen.Address.AddrPort = netip.MustParseAddrPort("0.0.0.0:8080") }
	return []itemCase{
		{id: "transport.tls", name: "loopback", file: "upstreams: {}\n", want: pass, seen: "loopback"},
		{id: "transport.tls", name: "certificate", file: public, want: pass, seen: "oldest version is 1.2", onLine: 2},
		{id: "transport.tls", name: "proxy", file: behind, want: pass, seen: "in a proxy"},
		{id: "transport.tls", name: "none", file: "listen: {address: \"127.0.0.1:8080\"}\nupstreams: {}\n", edit: open, want: fail, seen: "without TLS", onLine: 2},

		{id: "transport.proxy", name: "no proxy", file: public, want: none},
		{id: "transport.proxy", name: "named", file: behind, want: pass},
		{id: "transport.proxy", name: "not named", file: "listen: {address: \"10.0.0.5:8080\", tls: {terminated_by: proxy}}\nupstreams: {}\n", want: warn, seen: "beside the proxy"},
		{id: "transport.proxy", name: "not named, on this machine", file: "listen: {tls: {terminated_by: proxy}}\nupstreams: {}\n", want: warn, seen: "does not say who the proxy is"},
		{id: "transport.proxy", name: "wide", file: "listen: {trusted_proxies: [10.0.0.0/8]}\nupstreams: {}\n", want: warn, seen: "listen.trusted_proxies[0]: 10.0.0.0/8"},
		{id: "transport.proxy", name: "wide IPv6", file: "listen: {trusted_proxies: [\"2001:db8::/32\"]}\nupstreams: {}\n", want: warn, seen: "2001:db8::/32"},

		{id: "transport.public_url", name: "loopback", file: "upstreams: {}\n", want: none},
		{id: "transport.public_url", name: "https", file: public, want: pass, seen: "https://mcp.example.com"},
		{id: "transport.public_url", name: "missing", file: "listen: {address: \"0.0.0.0:8443\", tls: {cert: a.crt, key: a.key}}\nupstreams: {}\n", want: warn, seen: "not written"},
		{id: "transport.public_url", name: "http", file: "listen: {public_url: \"http://mcp.example.com\"}\nupstreams: {}\n", want: fail, seen: "not https"},

		{id: "transport.hosts", name: "none", file: public, want: pass},
		{id: "transport.hosts", name: "named", file: "listen: {allowed_hosts: [localhost]}\nupstreams: {}\n", want: pass, seen: "localhost"},
		{id: "transport.hosts", name: "this machine's", file: "listen: {address: \"0.0.0.0:8443\", allowed_hosts: [\"localhost:8443\"], tls: {cert: a.crt, key: a.key}}\nupstreams: {}\n", want: warn, seen: "localhost:8443"},

		{id: "transport.origins", name: "none", file: public, want: pass, seen: "no web page"},
		{id: "transport.origins", name: "https", file: "listen: {allowed_origins: [\"https://app.example.com\", \"http://localhost:3000\"]}\nupstreams: {}\n", want: pass},
		{id: "transport.origins", name: "http", file: "listen: {allowed_origins: [\"http://app.example.com\"]}\nupstreams: {}\n", want: warn, seen: "without TLS"},

		{id: "transport.upstreams", name: "commands", file: "upstreams: {a: {command: [cat]}}\n", want: none},
		{id: "transport.upstreams", name: "https", file: "upstreams: {a: {url: \"https://a.example/mcp\"}, b: {url: \"http://127.0.0.1:1/mcp\"}}\n", want: pass},
		{id: "transport.upstreams", name: "http", file: "upstreams:\n  a: {url: \"http://a.example/mcp\"}\n", want: warn, seen: "upstreams.a.url", onLine: 3},
		{id: "transport.upstreams", name: "ws", file: "upstreams: {a: {url: \"ws://a.example/mcp\"}}\n", want: warn},
		{id: "transport.upstreams", name: "credential", file: "upstreams: {a: {url: \"http://a.example/mcp\", credential: {bearer: t}}}\nsecrets: {t: {from: env:T}}\n", want: fail, seen: "credential is sent to a"},

		{id: "identity.anonymous", name: "off", file: "upstreams: {}\n", want: pass},
		{id: "identity.anonymous", name: "on", file: "identity: {anonymous: {subject: local, roles: [user]}}\nupstreams: {}\n", want: fail, seen: "every process on this machine is local, with the roles user", onLine: 2},

		{id: "identity.algorithms", name: "no issuer", file: "upstreams: {}\n", want: none},
		{id: "identity.algorithms", name: "default", file: issuer + "upstreams: {}\n", want: pass, seen: "ES256, RS256"},
		{id: "identity.algorithms", name: "many", file: issuer + "      algorithms: [ES256, RS256, PS256]\nupstreams: {}\n", want: warn, seen: "identity.issuers[0].algorithms: 3 ways", onLine: 6},

		{id: "identity.audience", name: "this gateway", file: issuer + "upstreams: {}\n", want: pass},
		{id: "identity.audience", name: "others", file: issuer + "      other_audiences: true\nupstreams: {}\n", want: warn},

		{id: "identity.token_age", name: "a day", file: issuer + "upstreams: {}\n", want: pass, seen: "1d at most"},
		{id: "identity.token_age", name: "a month", file: issuer + "      max_token_age: 30d\nupstreams: {}\n", want: warn, seen: "may live 30d"},

		{id: "identity.crl", name: "no certificates", file: public, want: none},
		{id: "identity.crl", name: "missing", file: "listen: {tls: {cert: a.crt, key: a.key, client_ca: ca.pem}}\nidentity: {mtls: {}}\nupstreams: {}\n", want: warn, seen: "no client_crl"},
		{id: "identity.crl", name: "there", file: "listen: {tls: {cert: a.crt, key: a.key, client_ca: ca.pem, client_crl: crl.pem}}\nidentity: {mtls: {}}\nupstreams: {}\n", want: pass, seen: "/etc/doorward/crl.pem"},
	}
}
