package config

import (
	"net/netip"
	"path/filepath"
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
			TLS:     TLS{MinVersion: "1.2"},
			MaxBody: 4 << 20,
		},
		Trust:     Trust{Lock: "doorward.lock", FirstUse: "hold", OnChange: "hold"},
		Audit:     Audit{Durability: "process"},
		Telemetry: Telemetry{Log: Log{Format: "text", Level: "info"}},
	}
}

func (u *Upstream) setDefaults() {
	u.Limits = Limits{Timeout: Duration(30 * time.Second), Concurrency: 64, Result: 16 << 20}
}

func (p *Profile) setDefaults() { p.Names = "prefixed" }

func (s *Secret) setDefaults() { s.Required, s.Type = true, "string" }

// finish fills in what depends on what the file says, and makes paths absolute.
func (c *Config) finish(dir string, written func(path string) bool) {
	if !written("identity") {
		c.Identity.APIKeys = true
	}
	if !written("roles") {
		c.BuiltInRole = true
		c.Roles = map[string]Role{BuiltInRoleName: {Allow: []Rule{{
			Tools: []string{"*/**"}, Resources: []string{"**"}, Prompts: []string{"*/**"},
		}}}}
	}
	for name, u := range c.Upstreams {
		if u.Sandbox.Lifetime == "" && u.Command != nil {
			u.Sandbox.Lifetime = "session"
		}
		if u.Transport == "" && u.URL != "" {
			u.Transport = "streamable"
			if isWebSocket(u.URL) {
				u.Transport = "websocket"
			}
		}
		c.Upstreams[name] = u
	}
	for name, s := range c.Secrets {
		if path, ok := strings.CutPrefix(s.From, "file:"); ok && path != "" && !filepath.IsAbs(path) {
			s.From = "file:" + filepath.Join(dir, path)
			c.Secrets[name] = s
		}
	}
	for _, p := range []*string{&c.DataDir, &c.Listen.TLS.Cert, &c.Listen.TLS.Key, &c.Trust.Lock} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}
