package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// Bounds of values. The upper ones are above any deployment and keep a slip of
// the pen from turning a limit off.
const (
	maxNames   = 64
	minBody    = Size(1 << 10)
	maxBody    = Size(64 << 20)
	maxEntries = 1000 // of upstreams, roles, profiles, secrets
	maxSubject = 256
)

// Validate returns everything that is wrong with a configuration, and changes
// nothing. Parse calls it; so may whoever makes a Config without a file.
func Validate(c *Config) []Fault {
	v := checker{c: c}
	if c.Version != 1 {
		v.fault("version", "must be 1")
	}
	if c.DataDir == "" {
		v.fault("data_dir", "must name a directory")
	}
	v.listen()
	v.identity()
	v.issuers()
	v.requestKeys()
	v.roles()
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		v.upstream(name, c.Upstreams[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
		v.profile(name, c.Profiles[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		v.secret(name, c.Secrets[name])
	}
	v.secretStore()
	v.vault()
	for key, n := range map[string]int{"upstreams": len(c.Upstreams), "roles": len(c.Roles), "profiles": len(c.Profiles), "secrets": len(c.Secrets)} {
		if n > maxEntries {
			v.fault(key, "has more than %d entries", maxEntries)
		}
	}
	v.state()
	if h := c.Approvals.Webhook; h != nil {
		v.endpoint("approvals.webhook.url", h.URL)
		v.reference("approvals.webhook.secret", h.Secret)
	}
	v.paces()
	v.trust()
	v.flows()
	v.inspection()
	v.judge()
	v.monitor()
	v.disclosure()
	v.privacy()
	v.sinks()
	v.telemetry()
	v.checkpoint()
	v.retain()
	v.fields()
	v.tenancy()
	return v.faults
}

type checker struct {
	c      *Config
	faults []Fault
}

func (v *checker) fault(path, format string, args ...any) {
	v.faults = append(v.faults, Fault{Path: path, Text: fmt.Sprintf(format, args...)})
}

// Longer than any balancer takes to notice, or any call by default may last; whoever stops a
// gateway waits for both.
const (
	maxNotice = Duration(5 * time.Minute)
	maxGrace  = Duration(10 * time.Minute)
)

func (v *checker) listen() {
	l := &v.c.Listen
	if !l.Address.IsValid() {
		v.fault("listen.address", "must be an IP address and a port")
	}
	if l.PublicURL != "" {
		v.url("listen.public_url", l.PublicURL, "http", "https")
		if u, err := url.Parse(l.PublicURL); err == nil && (u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Host != strings.ToLower(u.Host)) {
			v.fault("listen.public_url", "must not have a path, a query or upper-case letters in its host: /mcp follows it")
		} else if err == nil && (u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80") {
			v.fault("listen.public_url", "must not have the port that its scheme has anyway: what tokens are for is compared as it is written")
		}
	}
	if s := l.Stop; s.Notice < 0 || s.Notice > maxNotice {
		v.fault("listen.stop.notice", "must be at most %v", maxNotice)
	}
	if s := l.Stop; s.Grace <= 0 || s.Grace > maxGrace {
		v.fault("listen.stop.grace", "must be more than 0 and at most %v", maxGrace)
	}
	if l.MaxBody < minBody || l.MaxBody > maxBody {
		v.fault("listen.max_body", "must be between %v and %v", minBody, maxBody)
	}
	for i, h := range l.AllowedHosts {
		if u, err := url.Parse("http://" + h); err != nil || h == "" || u.Host != h || strings.Contains(h, "*") {
			v.fault(fmt.Sprintf("listen.allowed_hosts[%d]", i), "must be a host, such as mcp.example.com or mcp.example.com:8443")
		}
	}
	for i, o := range l.AllowedOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme == "" || u.Scheme+"://"+u.Host != o || strings.Contains(o, "*") {
			v.fault(fmt.Sprintf("listen.allowed_origins[%d]", i), "must be an origin, such as https://app.example.com, without a path")
		}
	}
	if a := v.c.Admin.Address; a.IsValid() && !a.Addr().IsLoopback() {
		v.fault("admin.address", "must be a loopback address, such as 127.0.0.1:8081: it answers without asking who it is")
	}
	if a := v.c.Admin.Address; a.IsValid() && a.Port() != 0 && a.Port() == l.Address.Port() && (a.Addr() == l.Address.Addr() || l.Address.Addr().IsUnspecified()) {
		v.fault("admin.address", "has the port of listen.address: give it another, or take it out")
	}
	v.tls()
	v.open()
}

func (v *checker) roles() {
	for _, name := range slices.Sorted(maps.Keys(v.c.Roles)) {
		if !matches(`^[a-z0-9][a-z0-9_-]*$`, name) {
			v.fault(join("roles", name), "the name must be lower-case letters, digits, hyphens and underscores, at most %d", maxNames)
		}
		v.members(join("roles", name), v.c.Roles[name])
		v.bounds(join("roles", name)+".allow", v.c.Roles[name].Allow)
		v.filesRules(join("roles", name)+".allow", v.c.Roles[name].Allow)
	}
	_, faults := policy.Compile(v.c.PolicySource())
	for _, f := range faults {
		v.fault(f.Path, "%s", f.Text)
	}
}

// goodUpstream allows what can stand in a tool's shown name before the two
// underscores that end a prefix.
func goodUpstream(name string) bool {
	return matches(`^[a-z0-9](?:[a-z0-9-]|_[a-z0-9-])*$`, name)
}

func matches(pattern, name string) bool {
	return len(name) <= maxNames && regexp.MustCompile(pattern).MatchString(name)
}

func (v *checker) upstream(name string, u Upstream) {
	path := join("upstreams", name)
	if !goodUpstream(name) {
		v.fault(path, "the name must be lower-case letters, digits, hyphens and single underscores within, at most %d", maxNames)
	}
	switch hasCommand, hasURL, own := u.Command != nil, u.URL != "", u.Builtin != ""; {
	case hasCommand && hasURL:
		v.fault(path, "has both command and url: keep one")
	case own && (hasCommand || hasURL):
		v.fault(path, "has builtin beside command or url: keep one")
	case own:
	case !hasCommand && !hasURL:
		v.fault(path, "needs command, url or builtin")
	case hasURL:
		v.remote(path, u)
	case len(u.Command) == 0 || strings.TrimSpace(u.Command[0]) == "":
		v.fault(path+".command", "must name a program")
	}
	v.builtin(path, &u)
	v.launch(path, &u)
	v.sandbox(path+".sandbox", &u)
	v.tlsKey(path+".tls_key", u)
	if u.CA != "" && !isTLS(u.URL) {
		v.fault(path+".ca", "is for a https or wss url")
	}
	v.credentials(path, u)
	v.limits(path+".limits", u.Limits)
	v.labels(path+".labels", u.Labels)
	v.declares(path+".declares", u.Declares)
}

func (v *checker) tlsKey(path string, u Upstream) {
	if u.TLSKey == "" {
		return
	}
	if !isTLS(u.URL) {
		v.fault(path, "is for a https or wss url")
	}
	if _, err := gate.ParseDigest(u.TLSKey); err != nil {
		v.fault(path, "must be sha256: and 64 hex digits")
	}
}

func isTLS(url string) bool {
	return strings.HasPrefix(url, "https:") || strings.HasPrefix(url, "wss:")
}

// remote checks an upstream's URL against its transport.
func (v *checker) remote(path string, u Upstream) {
	if u.Transport == "websocket" {
		v.url(path+".url", u.URL, "ws", "wss")
		return
	}
	if u.Transport != "" && isWebSocket(u.URL) {
		v.fault(path+".transport", "is %s, and a ws or wss URL is spoken to by websocket alone", u.Transport)
		return
	}
	v.url(path+".url", u.URL, "http", "https")
}

func isWebSocket(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "ws" || u.Scheme == "wss")
}

func (v *checker) url(path, s string, schemes ...string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" || u.Opaque != "":
		v.fault(path, "must be an absolute %s URL", strings.Join(schemes, " or "))
	case u.User != nil:
		v.fault(path, "must not hold a user name or a password")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		v.fault(path, "must not have a fragment")
	}
}

func (v *checker) profile(name string, p Profile) {
	path := join("profiles", name)
	if !matches(`^[a-z0-9-]+$`, name) {
		v.fault(path, "the name stands in a URL: lower-case letters, digits and hyphens, at most %d", maxNames)
	}
	if len(p.Upstreams) == 0 {
		v.fault(path+".upstreams", "must name an upstream")
	}
	for i, up := range p.Upstreams {
		at := fmt.Sprintf("%s.upstreams[%d]", path, i)
		if _, ok := v.c.Upstreams[up]; !ok {
			v.fault(at, "there is no upstream %q%s", shorten(up), among(v.c.Upstreams))
		}
		if slices.Contains(p.Upstreams[:i], up) {
			v.fault(at, "is named twice")
		}
	}
	if p.Names == "plain" && len(p.Upstreams) != 1 {
		v.fault(path+".names", "plain takes exactly one upstream, for names could clash")
	}
}

// among lists what there is, for a fault about what there is not.
func among[T any](m map[string]T) string {
	const most = 10
	names := slices.Sorted(maps.Keys(m))
	if len(names) == 0 || len(names) > most {
		return ""
	}
	return "; there are " + shorten(strings.Join(names, ", "))
}
