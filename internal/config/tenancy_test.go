package config_test

import (
	"strings"
	"testing"

	"doorward/internal/config"
)

// ofTwo is a file of two tenants, with the parts that a case is about.
const ofTwo = `version: 1
vault: {address: "https://vault.example.com", auth: {token_file: token}}
identity: {api_keys: true, issuers: [{issuer: "https://idp.example", claims: {tenant: org}, tenants: [acme, globex]}]}
secrets:
  a-key: {from: "vault:kv/acme#key", tenant: acme}
  b-key: {from: "vault:kv/globex#key", tenant: globex}
  all: {from: "vault:kv/all#key"}
`

// TEN-10: a secret of one tenant is handed to nothing that serves another, or everybody.
func TestTEN10_SecretsOfTenants(t *testing.T) {
	for name, tc := range map[string]struct{ more, fault string }{
		"its own upstream":  {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme], credential: {bearer: a-key}}}`, ""},
		"its own command":   {`upstreams: {a: {command: [/bin/a], tenants: [acme], env: {KEY: a-key, OTHER: all}}}`, ""},
		"its own receiver":  {`monitor: {alerts: [{kind: webhook, url: "https://a.example", secret: a-key, tenant: acme}]}`, ""},
		"everybody's":       {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme], credential: {bearer: all}}}`, ""},
		"another's":         {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme], credential: {bearer: b-key}}}`, "upstreams.a.credential.bearer: is a secret of one tenant"},
		"of two":            {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme, globex], credential: {bearer: a-key}}}`, "upstreams.a.credential.bearer: is a secret of one tenant"},
		"of all":            {`upstreams: {a: {url: "https://a.example/mcp", credential: {header: X-Key, value: a-key}}}`, "upstreams.a.credential.value: is a secret of one tenant"},
		"another's command": {`upstreams: {a: {command: [/bin/a], tenants: [globex], env: {KEY: a-key}}}`, "upstreams.a.env.KEY: is a secret of one tenant"},
		"another's key":     {`upstreams: {a: {url: "https://a.example/mcp", tenants: [globex], credential: {certificate: {cert: c.pem, key: a-key}}}}`, "upstreams.a.credential.certificate.key: is a secret of one tenant"},
		"another's client":  {`upstreams: {a: {url: "https://a.example/mcp", tenants: [globex], credential: {oauth: {issuer: "https://i.example", client_id: x, client_secret: a-key}}}}`, "upstreams.a.credential.oauth.client_secret: is a secret of one tenant"},
		"all receivers":     {`monitor: {alerts: [{kind: webhook, url: "https://a.example", secret: a-key}]}`, "monitor.alerts[0].secret: is a secret of one tenant"},
		"another receiver":  {`monitor: {alerts: [{kind: slack, secret: a-key, tenant: globex}]}`, "monitor.alerts[0].secret: is a secret of one tenant"},
		"the state":         {`state: {redis: a-key}`, "state.redis: is a secret of one tenant"},
		"approvals":         {`approvals: {webhook: {url: "https://a.example", secret: a-key}}`, "approvals.webhook.secret: is a secret of one tenant"},
		"telemetry":         {`telemetry: {otlp: "https://o.example:4317", headers: {x-key: a-key}}`, "telemetry.headers.x-key: is a secret of one tenant"},
		"a path":            {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme], credential: {bearer: "../globex/key"}}}`, "must be the name of an entry of secrets"},
		"a path to it":      {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme], credential: {bearer: "a-key/../b-key"}}}`, "must be the name of an entry of secrets"},
		"a template":        {`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme], credential: {bearer: "${tenant}-key"}}}`, "must be the name of an entry of secrets"},
		"another case":      {`upstreams: {a: {url: "https://a.example/mcp", tenants: [globex], credential: {bearer: A-KEY}}}`, "must be the name of an entry of secrets"},
	} {
		_, err := config.Parse("/etc/doorward/doorward.yaml", []byte(ofTwo+tc.more+"\n"))
		if (err == nil) != (tc.fault == "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
			t.Errorf("%s: %v, want %q", name, err, tc.fault)
		}
	}
	for entry, fault := range map[string]string{
		`c: {from: "vault:kv/acme#key", tenant: globex}`:         "is the place of secrets.a-key too",
		`c: {from: "vault:kv/acme#key"}`:                         "is the place of secrets.a-key too",
		`c: {from: "vault:kv/acme#key", tenant: acme}`:           "",
		`c: {from: "file:/s/acme/../globex/key", tenant: acme}`:  "has .. in it",
		`c: {from: "file:../globex/key", tenant: acme}`:          "is the place of secrets.c too",
		`c: {from: "file:/etc/globex/./key", tenant: acme}`:      "is the place of secrets.c too",
		`c: {from: "file:/etc/globex//key"}`:                     "is the place of secrets.c too",
		`c: {from: store, tenant: acme}`:                         "",
		`c: {from: store, tenant: initech}`:                      "is in identity.issuers[].tenants of no issuer",
		`c: {from: "env:ACME_KEY", tenant: acme}`:                "",
		`c: {from: "vault:kv/acme/../globex#key", tenant: acme}`: "from",
		`c: {from: "vault:kv/%2e%2e/globex#key", tenant: acme}`:  "from",
	} {
		text := ofTwo + "  d: {from: \"file:/etc/globex/key\", tenant: globex}\n  " + entry + "\n"
		_, err := config.Parse("/etc/doorward/doorward.yaml", []byte(text))
		if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", entry, err, fault)
		}
	}
}

// What is said to be a tenant's must be of one that somebody can be of.
func TestWhatIsOfTenants(t *testing.T) {
	for more, fault := range map[string]string{
		`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme]}}`:           "",
		`upstreams: {a: {url: "https://a.example/mcp", tenants: []}}`:               "must name a tenant",
		`upstreams: {a: {url: "https://a.example/mcp", tenants: [acme, acme]}}`:     "is written twice",
		`upstreams: {a: {url: "https://a.example/mcp", tenants: [Acme]}}`:           "of no issuer",
		`upstreams: {a: {url: "https://a.example/mcp", tenants: [""]}}`:             "must be 1 to 256 bytes",
		`monitor: {alerts: [{kind: exec, command: [/bin/a], tenant: initech}]}`:     "monitor.alerts[0].tenant: is in identity.issuers[].tenants of no issuer",
		`trust: {markers: {acme: [org_7f3kq29xwz], globex: [globex.example.com]}}`:  "",
		`trust: {markers: {acme: [short]}}`:                                         "trust.markers.acme[0]: must be 12 to 256 bytes",
		`trust: {markers: {acme: ["-- -- -- -- ab"]}}`:                              "with 8 letters and digits",
		`trust: {markers: {acme: [org_7f3kq29xwz], globex: [ORG-7F3KQ29XWZ]}}`:      "has a marker of another tenant in it",
		`trust: {markers: {acme: [crm.example.com], globex: [eu.crm.example.com]}}`: "trust.markers.globex[0]: has a marker of another tenant in it",
		`trust: {markers: {acme: [eu.crm.example.com], globex: [CRM-example-com]}}`: "trust.markers.globex[0]: has a marker of another tenant in it",
		`trust: {markers: {acme: [crm.example.com, eu.crm.example.com]}}`:           "",
		`trust: {markers: {acme: []}}`:                                              "trust.markers.acme: has no text",
		`trust: {markers: {initech: [org_7f3kq29xwz]}}`:                             "trust.markers.initech: is in",
	} {
		_, err := config.Parse("/etc/doorward/doorward.yaml", []byte(ofTwo+more+"\n"))
		if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", more, err, fault)
		}
	}
	for issuers, fault := range map[string]string{
		`[]`: "needs an issuer with claims.tenant", `[{issuer: "https://idp.example"}]`: "needs an issuer with claims.tenant",
		`[{issuer: "https://idp.example", claims: {tenant: org}}]`:                                                              "",
		`[{issuer: "https://idp.example", claims: {tenant: org}, introspection: {client_id: x, client_secret: s, cache: 31s}}]`: "must be 1s to 30s",
		`[{issuer: "https://idp.example", claims: {tenant: org}, introspection: {client_id: x, client_secret: s, cache: 0s}}]`:  "must be 1s to 30s",
	} {
		text := "version: 1\nsecrets: {s: {from: store}}\nupstreams: {a: {url: \"https://a.example/mcp\", tenants: [acme]}}\nidentity: {api_keys: true, issuers: " + issuers + "}\n"
		_, err := config.Parse("/etc/doorward/doorward.yaml", []byte(text))
		if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", issuers, err, fault)
		}
	}
}
