// Package config reads Doorward's one file: YAML, decoded strictly into
// finished values, with every fault reported at once, its path and its line.
// The app and the CLI call it.
//
// It never fetches anything, never reads the environment, never starts what it
// reads about, and keeps no state: a Config is a value that nothing changes
// after Parse. The keys are a contract with every file in use: one may be added,
// none is renamed.
package config

//go:generate go test -run TestReferenceIsFresh -update .

// Config is one configuration file. Every path in it is absolute, and every
// value has passed Validate.
type Config struct {
	// Version of the file's format. The only one is 1.
	Version int `yaml:"version"`
	// DataDir is the directory of the audit log, the keys and the local socket. Doorward makes it, for its own user alone (0700). A relative path starts at the configuration file's directory, like every path in the file.
	DataDir string `yaml:"data_dir" type:"path"`
	// Listen says where clients connect.
	Listen Listen `yaml:"listen"`
	// Admin is a listener of its own for health and metrics. Off unless it has an address.
	Admin Admin `yaml:"admin"`
	// Identity says how clients prove who they are. Not written: API keys alone. Written: only what it names.
	Identity Identity `yaml:"identity"`
	// Roles grant tools, resources and prompts, by role name. Nothing is granted that no role allows. When the key is not written at all, there is one built-in role, user, that allows everything that is approved, and keys made without a role have it; as soon as it is written, nothing is built in.
	Roles map[string]Role `yaml:"roles" key:"role"`
	// Upstreams are the MCP servers behind Doorward, by name: lower-case letters, digits, hyphens and single underscores, at most 64.
	Upstreams map[string]Upstream `yaml:"upstreams" key:"name"`
	// Profiles are selections of upstreams, by name: /mcp serves all upstreams, /mcp/NAME those of one profile.
	Profiles map[string]Profile `yaml:"profiles" key:"name"`
	// Trust says what has to be approved by a person, and where approvals are kept.
	Trust Trust `yaml:"trust"`
	// Secrets are the credentials that the rest of the file refers to, by name: where each one is, never what it is. Names are lower-case letters, digits, hyphens and underscores, at most 64.
	Secrets map[string]Secret `yaml:"secrets" key:"name"`
	// Audit says how the audit log is written.
	Audit Audit `yaml:"audit"`
	// Telemetry is about Doorward's own log.
	Telemetry Telemetry `yaml:"telemetry"`

	// BuiltInRole tells that the file has no roles and Roles holds BuiltInRoleName alone.
	BuiltInRole bool `yaml:"-"`
}

// Listen is where clients connect.
type Listen struct {
	// Address and port for MCP over HTTP. Anything but loopback needs tls (or tls: {terminated_by: proxy}) and an identity method.
	Address Address `yaml:"address"`
	// PublicURL is the URL that clients use, when it is not the address. Never taken from the Host header.
	PublicURL string `yaml:"public_url" type:"url"`
	// TLS for this listener.
	TLS TLS `yaml:"tls"`
	// AllowedHosts are the Host headers that are answered, beside the address itself and the host of public_url.
	AllowedHosts []string `yaml:"allowed_hosts" type:"host"`
	// AllowedOrigins are the Origin headers that are answered: web pages that may call Doorward. None unless written.
	AllowedOrigins []string `yaml:"allowed_origins" type:"origin"`
	// AllowedAddresses are the networks that clients may come from. All unless written.
	AllowedAddresses []Prefix `yaml:"allowed_addresses"`
	// LegacySSE answers clients of the HTTP+SSE transport of 2024-11-05 too: GET /sse and POST /messages.
	LegacySSE bool `yaml:"legacy_sse"`
	// WebSocket answers clients that speak MCP over a WebSocket too, at /ws. The transport is none of MCP's specification.
	WebSocket bool `yaml:"websocket"`
	// MaxBody is the largest message that a client may send.
	MaxBody Size `yaml:"max_body"`
}

// TLS is a listener's certificate, or the statement that a proxy has it.
type TLS struct {
	// Cert is the file with the certificate chain, PEM.
	Cert string `yaml:"cert" type:"path"`
	// Key is the file with the private key, PEM.
	Key string `yaml:"key" type:"path"`
	// MinVersion is the oldest TLS version that is spoken.
	MinVersion string `yaml:"min_version" enum:"1.2 1.3"`
	// TerminatedBy says that TLS ends before Doorward, in a proxy that alone can reach the address.
	TerminatedBy string `yaml:"terminated_by" enum:"proxy"`
}

// Admin is the listener for health and metrics.
type Admin struct {
	// Address and port of /healthz, /readyz and /metrics. Loopback only. Off unless written.
	Address Address `yaml:"address"`
}

// Identity is how clients prove who they are.
type Identity struct {
	// APIKeys lets clients in with a key of doorward key create. On when identity is not written at all.
	APIKeys bool `yaml:"api_keys"`
	// Anonymous lets every client on this machine in without a credential. On loopback only; off unless written.
	Anonymous *Anonymous `yaml:"anonymous"`
}

// Anonymous is the principal of clients without a credential.
type Anonymous struct {
	// Subject is the name in the audit log.
	Subject string `yaml:"subject"`
	// Roles that such clients have.
	Roles []string `yaml:"roles"`
}

// Role is what its holders may and may not reach.
type Role struct {
	// Allow are the rules that open something.
	Allow []Rule `yaml:"allow"`
	// Deny are the rules that close something. They win over the allow of every role. In a deny on tools and prompts a star crosses slashes too, for the upstream chooses its names.
	Deny []Rule `yaml:"deny"`
}

// Rule names things by glob; it matches what any of its patterns matches.
type Rule struct {
	// Tools are globs of upstream/tool. A star never crosses a slash; /** takes in all below.
	Tools []string `yaml:"tools" type:"glob"`
	// Resources are globs of URIs, such as docs://**.
	Resources []string `yaml:"resources" type:"glob"`
	// Prompts are globs of upstream/prompt.
	Prompts []string `yaml:"prompts" type:"glob"`
}

// Upstream is one MCP server: a program to run, or a URL.
type Upstream struct {
	// Command is the program and its arguments, spoken to over standard input and output. Either command or url.
	Command []string `yaml:"command"`
	// URL of a server: http or https, or ws or wss for transport websocket. Either command or url.
	URL string `yaml:"url" type:"url"`
	// Transport that a url speaks: streamable is Streamable HTTP, sse the HTTP+SSE of 2024-11-05, websocket needs a ws or wss URL and is implied by one.
	Transport string `yaml:"transport" enum:"streamable sse websocket"`
	// Env are variables of a command's environment, each with the name of the secret that is its value. Nothing else of Doorward's own environment reaches a command, but PATH, HOME, LANG and their like.
	Env map[string]string `yaml:"env" key:"variable" type:"secret name"`
	// Credential that a url is sent with every request. It is attached last, and what a client sent never is.
	Credential *Credential `yaml:"credential"`
	// Limits of one upstream.
	Limits Limits `yaml:"limits"`
	// Sandbox of a command.
	Sandbox Sandbox `yaml:"sandbox"`
}

// Credential is what Doorward shows to an upstream: a bearer token, or a header
// of another name. Its values are names of secrets.
type Credential struct {
	// Bearer is the secret that is sent as Authorization: Bearer.
	Bearer string `yaml:"bearer" type:"secret name"`
	// Header is the name of the header that carries value, such as X-Api-Key. Headers of HTTP and of MCP themselves are refused.
	Header string `yaml:"header"`
	// Value is the secret that is the whole value of header.
	Value string `yaml:"value" type:"secret name"`
}

// Limits bound what one upstream may take.
type Limits struct {
	// Timeout of one call.
	Timeout Duration `yaml:"timeout"`
	// Concurrency is how many calls may be under way at once.
	Concurrency int `yaml:"concurrency"`
	// Result is the largest answer.
	Result Size `yaml:"result"`
}

// Sandbox is how a command's process is kept.
type Sandbox struct {
	// Lifetime of a process: session starts one for every principal and session, shared one for all.
	Lifetime string `yaml:"lifetime" enum:"session shared"`
}

// Profile is a selection of upstreams with a URL of its own.
type Profile struct {
	// Upstreams of the profile, by name.
	Upstreams []string `yaml:"upstreams"`
	// Names of tools and prompts: prefixed shows upstream__name, plain shows them as the upstream does and takes one upstream only.
	Names string `yaml:"names" enum:"prefixed plain"`
}

// Trust is what has to be approved.
type Trust struct {
	// Lock is the file of approvals, made for review in Git.
	Lock string `yaml:"lock" type:"path"`
	// FirstUse of something never seen before: hold it until a person approves it, or approve it.
	FirstUse string `yaml:"first_use" enum:"hold approve"`
	// OnChange of something approved: hold it until a person approves the change. There is no other value.
	OnChange string `yaml:"on_change" enum:"hold"`
}

// Secret says where a credential is.
type Secret struct {
	// From is env:NAME for a variable of Doorward's environment, read once at the start, or file:PATH for a file, read again when it changes. The secret itself never stands here.
	From string `yaml:"from" type:"reference"`
	// Description says to people what it is for.
	Description string `yaml:"description"`
	// Required secrets must be there when Doorward starts. Of one that is not, only what uses it fails.
	Required bool `yaml:"required"`
	// Type of the value: string, or url for one that must be an absolute URL.
	Type string `yaml:"type" enum:"string url"`
	// MaxAge after which a file counts as overdue for rotation. Never unless written.
	MaxAge Duration `yaml:"max_age"`
}

// Audit is how the audit log is written.
type Audit struct {
	// Durability of a record before the call goes on: process survives the death of Doorward, power that of the machine.
	Durability string `yaml:"durability" enum:"process power"`
}

// Telemetry is about Doorward's own log.
type Telemetry struct {
	// Log goes to standard error.
	Log Log `yaml:"log"`
}

// Log is Doorward's own log.
type Log struct {
	// Format of a line.
	Format string `yaml:"format" enum:"text json"`
	// Level is the least that is written.
	Level string `yaml:"level" enum:"debug info warn error"`
}
