package config

import (
	"cmp"
	"net/netip"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// BuiltInRoleName is the role that exists when the file writes none.
const BuiltInRoleName = "user"

// defaults is what an empty file means: every value here is the safe one.
func defaults() Config {
	return Config{
		DataDir: "doorward-data",
		Listen: Listen{
			Address: Address{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8080)},
			TLS:     TLS{MinVersion: "1.2", ClientCertificate: "require"},
			MaxBody: 4 << 20,
			Stop:    Stop{Grace: Duration(10 * time.Second)},
		},
		Trust: Trust{
			Lock: "doorward.lock", FirstUse: "hold", OnChange: "hold",
			Findings:   Findings{High: "block", Medium: "hold", Low: "warn"},
			FlowMemory: Duration(time.Hour),
			Results:    Results{Injection: "wrap", Secrets: "mask", PersonalData: "mask"},
			Arguments:  Arguments{Secrets: "block", PersonalData: "warn"},
		},
		Audit:      Audit{Durability: "process", Arguments: "sealed", Identity: "sealed", Retain: defaultRetain(), Index: "on", Checkpoint: defaultCheckpoint()},
		Limits:     defaultPaces(),
		State:      State{Kind: "file"},
		Monitor:    defaultMonitor(),
		Telemetry:  defaultTelemetry(),
		Disclosure: Disclosure{Server: true},
		Vault:      Vault{Lease: Duration(time.Minute)},
	}
}

// The scopes that mean something where the file writes no roles. Those to write
// documents and on the configuration open nothing yet, and are kept for it.
const (
	ScopeReadDocuments  = "mcp:read:documents"
	ScopeWriteDocuments = "mcp:write:documents"
	ScopeExecuteTools   = "mcp:execute:tools"
	ScopeReadConfig     = "mcp:read:config"
	ScopeWriteConfig    = "mcp:write:config"
)

// builtInRoles are the roles of a file that writes none: everything for keys,
// and for tokens what their scopes say.
func builtInRoles(tokens bool) map[string]Role {
	all := map[string]Role{BuiltInRoleName: {Allow: []Rule{{
		Tools: []string{"*/**"}, Resources: []string{"**"}, Prompts: []string{"*/**"},
	}}}}
	if tokens {
		all["reader"] = Role{Scopes: []string{ScopeReadDocuments}, Allow: []Rule{{Resources: []string{"**"}, Prompts: []string{"*/**"}}}}
		all["caller"] = Role{Scopes: []string{ScopeExecuteTools}, Allow: []Rule{{Tools: []string{"*/**"}}}}
	}
	return all
}

// FirstScopes are those that a client without a token is told to ask for: never
// all that there are.
func (c *Config) FirstScopes() []string {
	if c.Identity.Scopes != nil {
		return c.Identity.Scopes
	}
	var first []string
	for _, s := range [...]string{ScopeReadDocuments, ScopeExecuteTools} {
		for _, r := range c.Roles {
			if slices.Contains(r.Scopes, s) {
				first = append(first, s)
				break
			}
		}
	}
	return first
}

func (u *Upstream) setDefaults() {
	u.UnknownArguments = "schema"
	u.Limits = Limits{Timeout: Duration(30 * time.Second), Concurrency: 64, Queue: 64, Result: 16 << 20, Arguments: 1 << 20, Values: 100_000}
}

func (i *Issuer) setDefaults() {
	i.TokenType = "any"
	i.Claims.Subject = "sub"
	i.MaxTokenAge, i.KeysStale = Duration(aDay), Duration(time.Hour)
}

func (i *Introspection) setDefaults() {
	i.Method, i.Cache = "client_secret_basic", Duration(2*time.Second)
}

func (o *OAuthCredential) setDefaults() { o.Method = "client_secret_basic" }

func (r *SignedRequests) setDefaults() { r.Window = Duration(5 * time.Minute) }

func (m *MTLS) setDefaults() { m.Subject = "san_uri" }

func (a *ACME) setDefaults() { a.Directory = "https://acme-v02.api.letsencrypt.org/directory" }

func (p *Profile) setDefaults() { p.Names = "prefixed" }

func (s *Secret) setDefaults() {
	s.Required, s.Type, s.Overlap, s.Lease = true, "string", Duration(time.Hour), "shared"
}

// absoluteFile is a reference to a secret, whose path does not depend on where Doorward
// was started.
func absoluteFile(dir, from string) string {
	if path, ok := strings.CutPrefix(from, "file:"); ok && path != "" && !filepath.IsAbs(path) {
		return "file:" + filepath.Join(dir, path)
	}
	return from
}

// finish fills in what depends on what the file says, and makes paths absolute.
func (c *Config) finish(dir string, written func(path string) bool) {
	if !written("identity") {
		c.Identity.APIKeys = true
	}
	if !written("trust.flows") {
		c.Trust.Flows = defaultFlows()
	}
	if !written("roles") {
		c.BuiltInRole = true
		c.Roles = builtInRoles(len(c.Identity.Issuers) > 0)
	}
	for name, u := range c.Upstreams {
		if u.Command != nil {
			u.Sandbox.Lifetime = cmp.Or(u.Sandbox.Lifetime, "session")
			u.Sandbox.Kind = cmp.Or(u.Sandbox.Kind, "process")
			u.Sandbox.finish(dir)
		}
		if u.Builtin == BuiltinCommands {
			u.finishCommands(dir, func(key string) bool { return written(join(join("upstreams", name), key)) })
		}
		if u.Builtin == BuiltinFiles && u.MaxFile == 0 {
			u.MaxFile = defaultMaxFile
		}
		if u.Builtin == BuiltinSQL {
			u.finishSQL()
		}
		if u.Builtin == BuiltinDocs {
			u.finishDocs()
		}
		if u.Transport == "" && u.URL != "" {
			u.Transport = "streamable"
			if isWebSocket(u.URL) {
				u.Transport = "websocket"
			}
		}
		for _, p := range u.paths() {
			*p = absolute(dir, *p)
		}
		c.Upstreams[name] = u
	}
	for name, s := range c.Secrets {
		s.From = absoluteFile(dir, s.From)
		c.Secrets[name] = s
	}
	c.SecretStore.Root = absoluteFile(dir, c.SecretStore.Root)
	paths := append(c.Vault.paths(), &c.DataDir, &c.Listen.TLS.Cert, &c.Listen.TLS.Key, &c.Listen.TLS.ClientCA, &c.Listen.TLS.ClientCRL, &c.State.CA, &c.Trust.Lock, &c.Trust.Signing)
	if a := c.Listen.TLS.ACME; a != nil {
		paths = append(paths, &a.CA)
	}
	if h := c.Approvals.Webhook; h != nil {
		paths = append(paths, &h.CA)
	}
	if j := c.Trust.Judge; j != nil {
		paths = append(paths, &j.CA)
	}
	c.Monitor.absolute(dir)
	for i := range c.Monitor.Alerts {
		paths = append(paths, &c.Monitor.Alerts[i].CA)
	}
	for i := range c.Audit.Sinks {
		s := &c.Audit.Sinks[i]
		s.finish()
		paths = append(paths, &s.Path, &s.CA)
	}
	paths = append(paths, c.Audit.Checkpoint.finish()...)
	paths = append(paths, c.Telemetry.finish()...)
	for i := range c.Identity.Issuers {
		issuer := &c.Identity.Issuers[i]
		if issuer.Algorithms == nil {
			issuer.Algorithms = []string{"ES256", "RS256"}
		}
		paths = append(paths, &issuer.CA)
	}
	for i, name := range c.Identity.RequestKeys {
		c.Identity.RequestKeys[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	for _, p := range paths {
		*p = absolute(dir, *p)
	}
}
