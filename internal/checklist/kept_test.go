package checklist_test

import (
	"net/netip"
	"time"

	"doorward/internal/checklist"
	"doorward/internal/config"
)

func keys(all ...checklist.Key) func(*checklist.State) {
	return func(s *checklist.State) { s.Keys = all }
}

func defined(all ...checklist.Definition) func(*checklist.State) {
	return func(s *checklist.State) { s.Definitions = all }
}

func key(created, expires, used time.Time) checklist.Key {
	return checklist.Key{ID: "k_1", Name: "ci", Created: created, Expires: expires, LastUsed: used}
}

func keptCases() []itemCase {
	const bare, one, tokens = "upstreams: {}\n", "upstreams:\n  a: {command: [cat]}\n", issuer + "upstreams: {}\n"
	const file, env = "secrets: {t: {from: \"file:/run/t\", max_age: 90d}}\nupstreams: {}\n", "secrets: {t: {from: env:T}}\nupstreams: {}\n"
	const redis = "state: {redis: r}\nsecrets: {r: {from: env:R}}\nupstreams: {}\n"
	unread := func(s *checklist.State) { s.Unread = "nobody looked" }
	held := func(state string) checklist.Definition {
		return checklist.Definition{Upstream: "a", Kind: "tool", Name: "read", State: state}
	}
	at := func(r checklist.Redis) func(*checklist.State) { return func(s *checklist.State) { s.Redis = &r } }
	later := now().AddDate(0, 1, 0)
	return []itemCase{
		{id: "identity.key_expiry", name: "expires", file: bare, state: keys(key(ago(1), later, ago(1))), want: pass, seen: "live keys: 1"},
		{id: "identity.key_expiry", name: "never", file: bare, state: keys(key(ago(1), time.Time{}, ago(1))), want: warn, seen: "key ci (k_1) never expires"},
		{id: "identity.key_expiry", name: "revoked", file: bare, state: keys(checklist.Key{Created: ago(1), Revoked: ago(0)}), want: pass, seen: "live keys: 0"},
		{id: "identity.key_expiry", name: "expired", file: bare, state: keys(key(ago(9), now(), ago(1))), want: pass, seen: "live keys: 0"},
		{id: "identity.key_expiry", name: "no keys", file: tokens, want: none},
		{id: "identity.key_expiry", name: "unread", file: bare, state: unread, want: warn, seen: "not known: nobody looked"},
		{id: "identity.key_age", name: "90 days", file: bare, state: keys(key(ago(90), later, ago(1))), want: pass},
		{id: "identity.key_age", name: "91 days", file: bare, state: keys(key(ago(91), later, ago(1))), want: warn, seen: "is 91 days old"},
		{id: "identity.key_age", name: "another age", file: "monitor: {rotation: {api_keys: 30d}}\n" + bare, state: keys(key(ago(31), later, ago(1))), want: warn, seen: "is 31 days old", onLine: 2},
		{id: "identity.key_age", name: "a longer age", file: "monitor: {rotation: {api_keys: 200d}}\n" + bare, state: keys(key(ago(199), later, ago(1))), want: pass},
		{id: "identity.key_age", name: "no age", file: "monitor: {rotation: {api_keys: 0s}}\n" + bare, state: keys(key(ago(1), later, ago(1))), want: warn, seen: "no age at which they are replaced"},
		{id: "identity.key_use", name: "in use", file: bare, state: keys(key(ago(80), later, ago(1))), want: pass},
		{id: "identity.key_use", name: "new", file: bare, state: keys(key(ago(7), later, time.Time{})), want: pass},
		{id: "identity.key_use", name: "never", file: bare, state: keys(key(ago(8), later, time.Time{})), want: warn, seen: "was never used"},
		{id: "identity.key_use", name: "long ago", file: bare, state: keys(key(ago(200), later, ago(91))), want: warn, seen: "last used 91 days ago"},

		{id: "trust.first_use", name: "hold", file: bare, want: pass},
		{id: "trust.first_use", name: "approve", file: "trust: {first_use: approve}\nupstreams: {}\n", want: fail, seen: "is approve", onLine: 2},
		{id: "trust.reviewed", name: "no upstream", file: bare, want: none},
		{id: "trust.reviewed", name: "approved", file: one, state: defined(held("approved"), held("rejected")), want: pass, seen: "1 approved, 1 rejected"},
		{id: "trust.reviewed", name: "held", file: one, state: defined(held("approved"), held("held")), want: warn, seen: "upstreams.a: of a wait for a decision, and are withheld: 1 (tool read)", onLine: 3},
		{id: "trust.reviewed", name: "never seen", file: one, want: warn, seen: "nothing that a offers was seen"},
		{id: "trust.reviewed", name: "another upstream's", file: one, state: defined(checklist.Definition{Upstream: "gone", Kind: "tool", State: "held"}, held("approved")), want: pass},
		{id: "trust.changed", name: "nothing", file: one, state: defined(held("approved")), want: pass},
		{id: "trust.changed", name: "changed", file: one, state: defined(held("changed")), want: fail, seen: "differ from what was approved"},
		{id: "trust.changed", name: "unread", file: one, state: unread, want: warn},
		{id: "trust.lock_file", name: "there", file: one, want: pass, seen: "mode 0644"},
		{id: "trust.lock_file", name: "missing", file: one, state: func(s *checklist.State) { s.Lock.Exists = false }, want: warn},
		{id: "trust.lock_file", name: "group", file: one, state: func(s *checklist.State) { s.Lock.Mode = 0o664 }, want: warn, seen: "a group"},
		{id: "trust.lock_file", name: "everybody", file: one, state: func(s *checklist.State) { s.Lock.Mode = 0o666 }, want: fail, seen: "everybody"},

		{id: "secrets.files", name: "none", file: env, want: none},
		{id: "secrets.files", name: "fine", file: file, state: func(s *checklist.State) { s.Secrets = map[string]checklist.Secret{"t": {}} }, want: pass},
		{id: "secrets.files", name: "fault", file: file, state: func(s *checklist.State) { s.Secrets = map[string]checklist.Secret{"t": {Fault: "mode 0644"}} }, want: fail, seen: "mode 0644"},
		{id: "secrets.files", name: "not looked at", file: file, want: warn},
		{id: "secrets.usable", name: "none", file: bare, want: none},
		{id: "secrets.usable", name: "fine", file: env, state: func(s *checklist.State) { s.Secrets = map[string]checklist.Secret{"t": {}} }, want: pass},
		{id: "secrets.usable", name: "not there", file: env, state: func(s *checklist.State) { s.Secrets = map[string]checklist.Secret{"t": {Fault: "it is not set"}} }, want: fail, seen: "env: it is not set"},
		{id: "secrets.usable", name: "not asked for", file: env, state: func(s *checklist.State) { s.Secrets = map[string]checklist.Secret{"t": {Unasked: "it is far away"}} }, want: warn, seen: "it is far away"},
		{id: "secrets.usable", name: "not looked at", file: env, want: warn},
		{id: "secrets.environment", name: "none", file: bare, want: none},
		{id: "secrets.environment", name: "file", file: file, want: pass},
		{id: "secrets.environment", name: "variable", file: env, want: warn, seen: "secrets.t.from"},
		{id: "secrets.max_age", name: "set", file: file, want: pass},
		{id: "secrets.max_age", name: "unset", file: "secrets: {t: {from: \"file:/run/t\"}}\nupstreams: {}\n", want: warn, seen: "has no max_age"},
		{id: "secrets.overdue", name: "young", file: file, want: pass},
		{id: "secrets.overdue", name: "old", file: file, state: func(s *checklist.State) { s.Secrets = map[string]checklist.Secret{"t": {Overdue: true}} }, want: fail, seen: "more than 90d ago"},

		{id: "audit.durability", name: "power", file: "audit: {durability: power}\nupstreams: {}\n", want: pass},
		{id: "audit.durability", name: "process", file: bare, want: warn},
		{id: "monitor.alerts", name: "somebody", file: "monitor: {alerts: [{kind: exec, command: [page]}]}\nupstreams: {}\n", want: pass, seen: "receivers: 1"},
		{id: "monitor.alerts", name: "nobody", file: bare, want: warn},
		{id: "monitor.contain", name: "nothing", file: bare, want: none},
		{id: "monitor.contain", name: "for a time", file: "monitor: {contain: {failed_sign_ins: address 15m, canary: principal}}\nupstreams: {}\n", want: pass},
		{id: "monitor.contain", name: "for ever", file: "monitor: {contain: {failed_sign_ins: address}}\nupstreams: {}\n", want: warn, seen: "until somebody releases them"},
		{id: "monitor.contain", name: "everybody's principal", file: "monitor: {contain: {canary: principal}}\nidentity: {anonymous: {subject: x, roles: [r]}}\nroles: {r: {}}\nupstreams: {}\n", want: warn, seen: "identity.anonymous"},
		{id: "monitor.contain", name: "a proxy's address", file: "listen: {public_url: \"https://mcp.example.com\"}\nmonitor: {contain: {failed_sign_ins: address 15m}}\nupstreams: {}\n", want: warn, seen: "that of the proxy"},
		{id: "settings.weakened", name: "nothing", file: "upstreams: {}\n", want: checklist.Pass, seen: "none is"},
		{id: "settings.weakened", name: "a detector", file: "upstreams: {}\ntrust:\n  results: {injection: warn}\n", want: checklist.Warn, seen: "trust.results.injection: is warn, and wrap unless written", onLine: 4},
		{id: "monitor.contain", name: "an upstream", file: "monitor: {contain: {security_events: upstream}}\nupstreams: {}\n", want: warn, seen: "as an update changes them"},
		{id: "monitor.rules", name: "on", file: bare, want: pass},
		{id: "monitor.rules", name: "sign-ins", file: "monitor: {rules: {failed_sign_ins: off}}\nupstreams: {}\n", want: warn, seen: "monitor.rules.failed_sign_ins: is off", onLine: 2},
		{id: "monitor.rules", name: "silence", file: "monitor: {rules: {audit_silence: 0s, canary: false}}\nupstreams: {}\n", want: warn, seen: "monitor.rules.audit_silence: is off"},
		{id: "audit.arguments", name: "sealed", file: bare, want: pass},
		{id: "audit.arguments", name: "plain", file: "audit: {arguments: plain}\nupstreams: {}\n", want: warn, seen: "whoever reads the log"},
		{id: "audit.arguments", name: "hashed", file: "audit: {arguments: hashed}\nupstreams: {}\n", want: warn},
		{id: "audit.retain", name: "as it comes", file: bare, want: pass, seen: "184d or more"},
		{id: "audit.retain", name: "six months of calls alone", file: "audit: {retain: {lists: 30d}}\nupstreams: {}\n", want: warn, seen: "keeps lists for less"},
		{id: "audit.sinks", name: "another machine", file: "audit: {sinks: [{kind: syslog, address: \"logs.example.com:6514\", transport: tls, required: true}]}\nupstreams: {}\n", want: pass, seen: "1 of them required"},
		{id: "audit.sinks", name: "a file", file: "audit: {sinks: [{kind: file, path: copy}]}\nupstreams: {}\n", want: warn, seen: "has files alone"},
		{id: "audit.sinks", name: "nobody", file: bare, want: warn, seen: "names nobody"},
		{id: "audit.checkpoint", name: "a witness", file: "audit: {checkpoint: {witness: {url: https://witness.example.com, key: witness.example.com+bc5b89b9+BP+5ewBE1TR35p0XRvLw8L8pnetCdvCE3/7ew4N4qUju}}}\nupstreams: {}\n", want: pass, seen: "1 witnesses, of which 1 must cosign"},
		{id: "audit.checkpoint", name: "a remote", file: "audit: {checkpoint: {anchors: [{kind: git, dir: kept, remote: git@git.example.com:x.git}]}}\nupstreams: {}\n", want: pass},
		{id: "audit.checkpoint", name: "a file", file: "audit: {checkpoint: {anchors: [{kind: file, path: kept}]}}\nupstreams: {}\n", want: warn, seen: "on this machine alone"},
		{id: "audit.checkpoint", name: "nobody", file: bare, want: warn, seen: "names nobody"},
		{id: "audit.arguments", name: "none", file: "audit: {arguments: none}\nupstreams: {}\n", want: fail},

		{id: "state.data_dir", name: "0700", file: bare, want: pass},
		{id: "state.data_dir", name: "0750", file: bare, state: func(s *checklist.State) { s.DataDir.Mode = 0o750 }, want: fail, seen: "mode 0750"},
		{id: "state.data_dir", name: "missing", file: bare, state: func(s *checklist.State) { s.DataDir.Exists = false }, want: none},
		{id: "state.config_file", name: "0644", file: bare, want: pass},
		{id: "state.config_file", name: "0664", file: bare, state: func(s *checklist.State) { s.Config.Mode = 0o664 }, want: warn},
		{id: "state.redis", name: "none", file: bare, want: none},
		{id: "state.redis", name: "TLS", file: redis, state: at(checklist.Redis{Host: "cache.example", TLS: true}), want: pass, seen: "cache.example over TLS"},
		{id: "state.redis", name: "loopback", file: redis, state: at(checklist.Redis{Host: "127.0.0.1", Loopback: true}), want: pass},
		{id: "state.redis", name: "plain", file: redis, state: at(checklist.Redis{Host: "cache.example"}), want: fail, seen: "without TLS", onLine: 2},
		{id: "state.redis", name: "not known", file: redis, want: warn},

		{id: "admin.listener", name: "none", file: bare, want: none},
		{id: "admin.listener", name: "loopback", file: "admin: {address: \"127.0.0.1:8081\"}\nupstreams: {}\n", want: pass},
		{id: "admin.listener", name: "open", file: bare, edit: func(c *config.Config) { c.Admin.Address.AddrPort = netip.MustParseAddrPort("0.0.0.0:8081") }, want: fail},

		{id: "gateway.ready", name: "none runs", file: bare, want: none},
		{id: "gateway.ready", name: "ready", file: bare, state: func(s *checklist.State) { s.Gateway = &checklist.Gateway{Ready: true} }, want: pass},
		{id: "gateway.ready", name: "not ready", file: bare, state: func(s *checklist.State) { s.Gateway = &checklist.Gateway{Reasons: []string{"audit log: full"}} }, want: fail, seen: "audit log: full"},
	}
}
