package config

import (
	"maps"
	"net/textproto"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of what refers to secrets.
const (
	maxEnv         = 64   // variables of one upstream
	maxVariable    = 128  // bytes of a variable's name
	maxHeaderName  = 128  // bytes
	maxDescription = 1024 // bytes
	maxCredential  = 255  // bytes of the name of a credential of systemd
	maxItem        = 512  // bytes of the service and account of an item of a keyring
)

// Secret says where a credential is.
type Secret struct {
	// From is env:NAME for a variable of Doorward's environment, read once at the start; file:PATH for a file, read again when it changes; systemd:NAME for a credential of the unit (LoadCredential=); keyring:SERVICE/ACCOUNT for an item of the operating system's keyring, read again when it changes; vault:MOUNT/PATH#FIELD for a field of a secret in Vault or OpenBao; or store for Doorward's encrypted store (doorward secret set). The secret itself never stands here.
	From string `yaml:"from" type:"reference"`
	// Description says to people what it is for.
	Description string `yaml:"description"`
	// Required secrets must be there when Doorward starts. Of one that is not, only what uses it fails.
	Required bool `yaml:"required"`
	// Type of the value: string, or url for one that must be an absolute URL.
	Type string `yaml:"type" enum:"string url"`
	// MaxAge after which the value counts as overdue for rotation. Never unless written.
	MaxAge Duration `yaml:"max_age"`
	// Overlap is for how long the version before counts too, once there is another: what Doorward signs then has a signature with each, and a receiver that turns one away is shown the other. At most 30d; 0s: not at all. A version in Doorward's own store has the overlap that it was set with.
	Overlap Duration `yaml:"overlap"`
	// Lease of what Vault makes: shared by all that use it, renewed and given back at the end; or call: made for each call, and given back when the call is over. With call the secret can be a variable of a command with sandbox: {lifetime: call}, or the bearer or value of a credential of the transport streamable, and nothing else.
	Lease string `yaml:"lease" enum:"shared call"`
	// Tenant that the secret belongs to: only an upstream whose tenants are this one alone, or a receiver of its alerts, may use it, and no secret of others may be at the same place. Everybody's unless written.
	Tenant string `yaml:"tenant"`
}

// PerCall tells whether the secret is made for each call.
func (s Secret) PerCall() bool { return s.Lease == leasePerCall }

const leasePerCall = "call"

// SecretStore is about Doorward's own encrypted store of secrets.
type SecretStore struct {
	// Root is where the key is that seals it: env:NAME, file:PATH, systemd:NAME or keyring:SERVICE/ACCOUNT, 32 bytes in base64, and while it is replaced the old key after it and a space; or transit:MOUNT/KEY for a key of Vault's or OpenBao's transit engine, which never leaves it. Unless written, Doorward makes one, secrets.root in data_dir.
	Root string `yaml:"root" type:"reference"`
}

// maxOverlap is the longest overlap of two versions of a secret.
const maxOverlap = Duration(30 * 24 * time.Hour)

// secret checks where a secret is said to be. No fault repeats what stands in
// from: a token that was written there by mistake must not reach a log.
func (v *checker) secret(name string, s Secret) {
	path := join("secrets", name)
	if !GoodSecretName(name) {
		v.fault(path, "the name must be lower-case letters, digits, hyphens and underscores, at most %d", maxNames)
	}
	if len(s.Description) > maxDescription {
		v.fault(path+".description", "is longer than %d bytes", maxDescription)
	}
	if s.Overlap < 0 || s.Overlap > maxOverlap {
		v.fault(path+".overlap", "must be 0s to %s", maxOverlap)
	}
	if s.PerCall() {
		v.leased(path, s)
	}
	switch {
	case s.From == "":
		v.fault(path, "must say where the secret is: from: env:NAME, file:PATH, systemd:NAME, keyring:SERVICE/ACCOUNT, store or vault:MOUNT/PATH#FIELD")
	case s.From == "store":
	case strings.HasPrefix(s.From, "vault:"):
		v.inVault(path+".from", strings.TrimPrefix(s.From, "vault:"))
	case !v.outside(path+".from", s.From):
		v.fault(path+".from", "must be env:NAME, file:PATH, systemd:NAME, keyring:SERVICE/ACCOUNT, store or vault:MOUNT/PATH#FIELD. If the secret itself stands here, take it out and replace it where it was issued")
	}
}

// outside checks a reference to what somebody else keeps; false when it is to none of
// the places that those can be.
func (v *checker) outside(path, from string) bool {
	kind, rest, _ := strings.Cut(from, ":")
	switch {
	case kind == "env" && !GoodVariable(rest):
		v.fault(path, "env: must be followed by a variable's name: letters, digits and underscores, at most %d", maxVariable)
	case kind == "file" && (rest == "" || rest == string(filepath.Separator)):
		v.fault(path, "file: must be followed by the path of a file")
	case kind == "systemd" && !goodCredential(rest):
		v.fault(path, "systemd: must be followed by the name of a credential: that of a file, without a colon, at most %d bytes", maxCredential)
	case kind == "keyring" && !goodItem(rest):
		v.fault(path, "keyring: must be followed by SERVICE/ACCOUNT of an item of the keyring, at most %d bytes", maxItem)
	default:
		return kind == "env" || kind == "file" || kind == "systemd" || kind == "keyring"
	}
	return true
}

// secretStore checks where the root key of the encrypted store is.
func (v *checker) secretStore() {
	root := v.c.SecretStore.Root
	if where, ok := strings.CutPrefix(root, "transit:"); ok {
		v.inTransit(where)
		return
	}
	if root != "" && !v.outside("secret_store.root", root) {
		v.fault("secret_store.root", "must be env:NAME, file:PATH, systemd:NAME, keyring:SERVICE/ACCOUNT or transit:MOUNT/KEY. If the key itself stands here, take it out and replace it")
	}
}

// goodCredential tells whether a credential of systemd may have this name.
func goodCredential(name string) bool {
	return name != "." && name != ".." && len(name) <= maxCredential && regexp.MustCompile(`^[^/:\x00-\x1f\x7f]+$`).MatchString(name)
}

// goodItem tells whether an item of a keyring can be referred to so.
func goodItem(where string) bool {
	return len(where) <= maxItem && regexp.MustCompile(`^[^-/\x00-\x1f\x7f\x{FFFD}][^/\x00-\x1f\x7f\x{FFFD}]*/[^\x00-\x1f\x7f\x{FFFD}]+$`).MatchString(where)
}

// credentials checks the secrets that an upstream uses, and on what.
func (v *checker) credentials(path string, u Upstream) {
	if u.URL == "" && u.Transport != "" {
		v.fault(path+".transport", "is for a url")
	}
	if u.Env != nil && u.Command == nil {
		v.fault(path+".env", "is for a command")
	}
	if len(u.Env) > maxEnv {
		v.fault(path+".env", "has more than %d variables", maxEnv)
	}
	for _, variable := range slices.Sorted(maps.Keys(u.Env)) {
		if !GoodVariable(variable) {
			v.fault(join(path+".env", variable), "a variable's name is letters, digits and underscores, at most %d", maxVariable)
		}
		at := join(path+".env", variable)
		header, brought := RequestKey(u.Env[variable])
		switch {
		case !brought && v.c.Secrets[u.Env[variable]].PerCall():
			v.leasedVariable(at, u)
		case !brought:
			v.reference(at, u.Env[variable])
		case u.Sandbox.Lifetime != "call":
			v.fault(at, "is a client's own key, and needs sandbox: {lifetime: call}: a process that outlives a call would serve others with it")
		default:
			v.requestKey(at, header)
		}
	}
	if u.Credential != nil {
		v.credential(path, u)
	}
}

func (v *checker) credential(path string, u Upstream) {
	c := u.Credential
	path += ".credential"
	if u.URL == "" {
		v.fault(path, "is for a url; a command gets its secrets by env")
	}
	bearer, header := c.Bearer != "", c.Header != "" || c.Value != ""
	kinds := 0
	for _, there := range []bool{bearer, header, c.Basic != nil, c.OAuth != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		v.fault(path, "has more than one of bearer, header, basic and oauth: keep one")
	case bearer:
		v.held(path+".bearer", c.Bearer, u)
	case header && (c.Header == "" || c.Value == ""):
		v.fault(path, "needs both header and value")
	case header:
		v.held(path+".value", c.Value, u)
		if why := BadHeader(c.Header); why != "" {
			v.fault(path+".header", "%s", why)
		}
	case c.Basic != nil:
		v.basic(path+".basic", c.Basic)
	case c.OAuth != nil:
		v.oauth(path+".oauth", c.OAuth)
	case c.Certificate == nil:
		v.fault(path, "needs bearer, header and value, basic, oauth or certificate")
	}
	if c.Certificate != nil {
		v.clientCertificate(path+".certificate", c.Certificate, u)
	}
}

// held checks what a credential's value refers to.
func (v *checker) held(path, name string, u Upstream) {
	header, brought := RequestKey(name)
	switch {
	case !brought && v.c.Secrets[name].PerCall():
		v.leasedHeader(path, u)
	case !brought:
		v.reference(path, name)
	case u.Transport == "websocket" || isWebSocket(u.URL):
		v.fault(path, "is a client's own key, and a WebSocket has headers once for all its calls: use a transport of HTTP")
	default:
		v.requestKey(path, header)
	}
}

// RequestKey is the header of a reference to a client's own key
// (request:X-Gemini-Key), in canonical form.
func RequestKey(name string) (header string, ok bool) {
	header, ok = strings.CutPrefix(name, "request:")
	return textproto.CanonicalMIMEHeaderKey(header), ok
}

// reference checks the name of a secret. The fault does not repeat it, for it
// may be the secret itself.
func (v *checker) reference(path, name string) {
	s, ok := v.c.Secrets[name]
	switch {
	case !ok:
		v.fault(path, "must be the name of an entry of secrets, and there is none of this name%s", among(v.c.Secrets))
	case s.PerCall():
		v.fault(path, "is made for each call (lease: call), and can only be a variable of a command, or a bearer or a value of a credential")
	}
}

// GoodSecretName tells whether an entry of secrets may have this name.
func GoodSecretName(name string) bool { return matches(`^[a-z0-9][a-z0-9_-]*$`, name) }

// GoodVariable tells whether name is one that a process may have in its
// environment on every system (IEEE 1003.1, 8.1), and not too long.
func GoodVariable(name string) bool {
	return len(name) <= maxVariable && regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name)
}

// BadHeader says why a credential may not have a header of this name; empty
// when it may. Those that HTTP (RFC 9110, 7.6 and 8) and MCP's transport write
// themselves are refused: a second one would be read by one side and not by the
// other.
func BadHeader(name string) string {
	if len(name) > maxHeaderName || !regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$").MatchString(name) {
		return "must be the name of a header, such as X-Api-Key"
	}
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	for _, prefix := range []string{"Content-", "Mcp-", "Proxy-", "Sec-", "Accept-", "X-Forwarded-", "Access-Control-"} {
		if strings.HasPrefix(canonical, prefix) {
			return "must not be one of " + prefix + "*, which HTTP and MCP themselves use"
		}
	}
	if slices.Contains([]string{
		"Host", "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Accept", "Expect", "Origin",
		"Forwarded", "Via", "Last-Event-Id", "User-Agent", "Date", "Range", "Traceparent", "Tracestate", "Baggage",
	}, canonical) {
		return "must not be " + canonical + ", which HTTP and MCP themselves use"
	}
	return ""
}
