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
	// SecretStore is Doorward's own encrypted store of secrets (secrets.NAME.from: store), secrets.json in data_dir.
	SecretStore SecretStore `yaml:"secret_store"`
	// Vault is HashiCorp Vault or OpenBao, for secrets that are there (secrets.NAME.from: vault:MOUNT/PATH#FIELD).
	Vault Vault `yaml:"vault"`
	// Limits are how much clients may ask for. What is too much is refused with the time to wait.
	Limits Paces `yaml:"limits"`
	// State is where several gateways keep what they must agree on.
	State State `yaml:"state"`
	// Approvals says how people hear of calls that wait for them (roles.ROLE.allow[].mode: approve).
	Approvals Approvals `yaml:"approvals"`
	// Audit says how the audit log is written.
	Audit Audit `yaml:"audit"`
	// Monitor says what is watched for in what is recorded, and who is told.
	Monitor Monitor `yaml:"monitor"`
	// Telemetry is about Doorward's own log, and the traces and metrics that it sends to a collector.
	Telemetry Telemetry `yaml:"telemetry"`
	// Disclosure says to clients and people that what they get came through an AI tool gateway. Nothing is said unless it has a label.
	Disclosure Disclosure `yaml:"disclosure"`
	// Privacy is what the register of processing says beside what the rest of the file shows.
	Privacy Privacy `yaml:"privacy"`

	// BuiltInRole tells that the file has no roles and Roles holds BuiltInRoleName alone.
	BuiltInRole bool `yaml:"-"`
	// Digest names the file's bytes: the first 16 hexadecimal digits of their SHA-256.
	Digest string `yaml:"-"`
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
	// AllowedAddresses are the networks that clients may come from, once trusted_proxies have told. All unless written.
	AllowedAddresses []Prefix `yaml:"allowed_addresses"`
	// TrustedProxies are the networks of proxies that are believed about a client's address (X-Forwarded-For, Forwarded, the PROXY protocol) and a request's id (X-Request-Id). None unless written: what anybody else sends of these changes nothing.
	TrustedProxies []Prefix `yaml:"trusted_proxies"`
	// ProxyProtocol says that connections of trusted proxies begin with a PROXY protocol header. One of theirs without it is refused, and so is one with it from anybody else, who is served under the own address without it.
	ProxyProtocol bool `yaml:"proxy_protocol"`
	// LegacySSE answers clients of the HTTP+SSE transport of 2024-11-05 too: GET /sse and POST /messages.
	LegacySSE bool `yaml:"legacy_sse"`
	// WebSocket answers clients that speak MCP over a WebSocket too, at /ws. The transport is none of MCP's specification.
	WebSocket bool `yaml:"websocket"`
	// MaxBody is the largest message that a client may send.
	MaxBody Size `yaml:"max_body"`
	// Health answers GET /healthz and /readyz here too, with a word and without a reason, for kubelets and balancers: to anybody, whatever allowed_hosts and allowed_addresses say. With a client_ca and client_certificate require, nobody without a certificate gets that far.
	Health bool `yaml:"health"`
	// Stop is how the gateway ends.
	Stop Stop `yaml:"stop"`
}

// Stop is how the gateway ends, once it is told to.
type Stop struct {
	// Notice is how long it goes on serving while /readyz says no and every answer closes its connection, so that balancers choose another. 5m at most.
	Notice Duration `yaml:"notice"`
	// Grace is how long calls under way may take after that. Then they are cut off, which is on record. 10m at most.
	Grace Duration `yaml:"grace"`
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
	// ClientCA is the file with the certificates, PEM, of those who certify clients. Written: clients show a certificate.
	ClientCA string `yaml:"client_ca" type:"path"`
	// ClientCertificate says whether every client must show one: require, or optional where other identity methods are in use. One that is shown is verified either way.
	ClientCertificate string `yaml:"client_certificate" enum:"require optional"`
	// ClientCRL is the file with the revocation list of client_ca. A list that cannot be read or is out of date refuses every certificate.
	ClientCRL string `yaml:"client_crl" type:"path"`
	// ACME gets the certificate from an authority, in place of cert and key. Doorward itself must answer on port 443 of every host.
	ACME *ACME `yaml:"acme"`
}

// ACME is how a certificate is had from an authority (RFC 8555), by the
// TLS-ALPN-01 challenge (RFC 8737) on the listener itself.
type ACME struct {
	// Hosts that the certificate is for.
	Hosts []string `yaml:"hosts" type:"host"`
	// Email that the authority may write to.
	Email string `yaml:"email"`
	// Directory of the authority. Let's Encrypt unless written.
	Directory string `yaml:"directory" type:"url"`
	// CA is the file with the certificates, PEM, that the authority's own is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
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
	// Issuers are the OAuth authorization servers whose access tokens are accepted.
	Issuers []Issuer `yaml:"issuers"`
	// Scopes that a client without a token is told to ask for. Not written: those of mcp:read:documents and mcp:execute:tools that a role has.
	Scopes []string `yaml:"scopes" type:"scope"`
	// SignedRequests lets clients in by a signature (RFC 9421) made with a key of doorward key create --signing. Off unless written.
	SignedRequests *SignedRequests `yaml:"signed_requests"`
	// MTLS makes the certificate that a client shows (listen.tls.client_ca) its identity. Off unless written: then a certificate only opens the connection.
	MTLS *MTLS `yaml:"mtls"`
	// RequestKeys are headers in which a client brings a key of its own for an upstream, usable as request:HEADER in credential and env. Such a key reaches the one call that it came with, and nothing else.
	RequestKeys []string `yaml:"request_keys" type:"header"`
}

// Issuer is an OAuth authorization server whose access tokens are accepted.
type Issuer struct {
	// Issuer is its identifier, exactly as tokens and its metadata have it: an https URL, or http on loopback.
	Issuer string `yaml:"issuer" type:"url"`
	// Audience that its tokens have for this gateway. Not written, or public_url with /mcp: the URL that the client uses, public_url with /mcp or /mcp/NAME, so that a token of one profile is none of another.
	Audience string `yaml:"audience"`
	// OtherAudiences accepts tokens that are for others too.
	OtherAudiences bool `yaml:"other_audiences"`
	// Algorithms of signatures that are accepted.
	Algorithms []string `yaml:"algorithms" enum:"RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA"`
	// JWKSURL is where its keys are. Not written: where its metadata says.
	JWKSURL string `yaml:"jwks_url" type:"url"`
	// TokenType that a JWT must say it is: any accepts at+jwt, JWT and none, at+jwt (RFC 9068) only that.
	TokenType string `yaml:"token_type" enum:"any at+jwt"`
	// Clients are the client_ids whose tokens are accepted. All unless written.
	Clients []string `yaml:"clients"`
	// Tenants whose tokens are accepted, as claims.tenant has them. All unless written.
	Tenants []string `yaml:"tenants"`
	// Claims of a token, by what they say.
	Claims Claims `yaml:"claims"`
	// MaxTokenAge is the longest that a token may live.
	MaxTokenAge Duration `yaml:"max_token_age"`
	// KeysStale is how long its keys are used while it cannot be reached.
	KeysStale Duration `yaml:"keys_stale"`
	// Introspection asks the issuer about tokens that are no JWTs (RFC 7662). At most one issuer has it.
	Introspection *Introspection `yaml:"introspection"`
	// CA is the file with the certificates, PEM, that its certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// Claims are the names of a token's claims, or JSON Pointers to them
// (/realm_access/roles).
type Claims struct {
	// Subject is who the token is about.
	Subject string `yaml:"subject"`
	// Tenant of the subject. Written: a token without it is refused.
	Tenant string `yaml:"tenant"`
	// Groups of the subject, for the groups of roles. None unless written.
	Groups string `yaml:"groups"`
	// Roles of the subject: names of roles of this file, which must be written. None unless written.
	Roles string `yaml:"roles"`
}

// Introspection is how an issuer is asked about a token.
type Introspection struct {
	// URL of the endpoint. Not written: where the issuer's metadata says.
	URL string `yaml:"url" type:"url"`
	// ClientID that Doorward has at the issuer.
	ClientID string `yaml:"client_id"`
	// ClientSecret is the secret of client_secret_basic and client_secret_post.
	ClientSecret string `yaml:"client_secret" type:"secret name"`
	// PrivateKey is the secret with the PEM key of private_key_jwt.
	PrivateKey string `yaml:"private_key" type:"secret name"`
	// Method by which Doorward proves to the issuer who it is.
	Method string `yaml:"method" enum:"client_secret_basic client_secret_post private_key_jwt"`
	// Cache is how long an answer is used: so long may somebody who moved to another tenant, or lost a group, go on with an opaque token. 1s to 30s.
	Cache Duration `yaml:"cache"`
}

// SignedRequests is how signatures are judged.
type SignedRequests struct {
	// Window is how far a signature's time may be from this machine's.
	Window Duration `yaml:"window"`
}

// MTLS is how a certificate names its subject.
type MTLS struct {
	// Subject is the one name of the certificate that counts: its URI (SPIFFE), DNS name or e-mail address. A certificate without exactly one is refused.
	Subject string `yaml:"subject" enum:"san_uri san_dns san_email"`
}

// State is what several gateways share.
type State struct {
	// Kind is where lists are kept that must outlive every gateway: file is data_dir, or redis where that is written; postgres is the database of dsn, for what is revoked, suspended and approved, beside redis for the rest: nothing is taken over from files or redis. file unless written.
	Kind string `yaml:"kind" enum:"file postgres"`
	// DSN of postgres: the secret with its URL, postgres://USER:PASSWORD@HOST/DATABASE. To another machine with sslmode=verify-full. User and password are read for each new connection, the rest at the start.
	DSN string `yaml:"dsn" type:"secret name"`
	// Redis is the secret with the URL of a Redis that holds what was used once, what was revoked and what is left of limits. Not written: this gateway keeps all of it itself.
	Redis string `yaml:"redis" type:"secret name"`
	// CA is the file with the certificates, PEM, that those of redis and postgres are verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
	// Key is the secret, 64 hex digits, that seals what gateways share and what clients carry: the same for all of them. Not written: state.key in data_dir, made at the first start.
	Key string `yaml:"key" type:"secret name"`
}

// Anonymous is the principal of clients without a credential.
type Anonymous struct {
	// Subject is the name in the audit log.
	Subject string `yaml:"subject"`
	// Roles that such clients have.
	Roles []string `yaml:"roles"`
}

// Credential is what Doorward shows to an upstream: a bearer token, a header of another name, a
// user with a password, a token that an issuer gives Doorward; and a certificate, alone or beside
// one of these. Its values are names of secrets.
type Credential struct {
	// Bearer is the secret that is sent as Authorization: Bearer; or request:HEADER for the client's own key of identity.request_keys.
	Bearer string `yaml:"bearer" type:"secret name"`
	// Header is the name of the header that carries value, such as X-Api-Key. Headers of HTTP and of MCP themselves are refused.
	Header string `yaml:"header"`
	// Value is the secret that is the whole value of header; or request:HEADER.
	Value string `yaml:"value" type:"secret name"`
	// Basic is a user and a password (RFC 7617).
	Basic *BasicCredential `yaml:"basic"`
	// OAuth gets a token for Doorward itself from an issuer, by client credentials (RFC 6749, section 4.4), and sends it as Authorization: Bearer.
	OAuth *OAuthCredential `yaml:"oauth"`
	// Certificate is shown to a server that asks for one (mutual TLS), alone or beside one of the others.
	Certificate *ClientCertificate `yaml:"certificate"`
}

// BasicCredential is a user and a password.
type BasicCredential struct {
	// User by which the server knows Doorward. It has no colon.
	User string `yaml:"user"`
	// Password is the secret of the user.
	Password string `yaml:"password" type:"secret name"`
}

// OAuthCredential is how Doorward is given a token for an upstream. Who gives it stands here; what the
// server itself says of issuers is never followed.
type OAuthCredential struct {
	// Issuer that gives tokens out. Its metadata says where, unless token_url does.
	Issuer string `yaml:"issuer" type:"url"`
	// TokenURL is where tokens are given out. Not written: where the issuer's metadata says.
	TokenURL string `yaml:"token_url" type:"url"`
	// ClientID that Doorward has at the issuer.
	ClientID string `yaml:"client_id"`
	// ClientSecret is the secret of client_secret_basic and client_secret_post.
	ClientSecret string `yaml:"client_secret" type:"secret name"`
	// PrivateKey is the secret with the PEM key of private_key_jwt.
	PrivateKey string `yaml:"private_key" type:"secret name"`
	// Method by which Doorward proves to the issuer who it is.
	Method string `yaml:"method" enum:"client_secret_basic client_secret_post private_key_jwt"`
	// Resource that the token is for (RFC 8707). The upstream's url, without its query, unless written.
	Resource string `yaml:"resource" type:"url"`
	// Scopes that are asked for. The issuer decides unless written.
	Scopes []string `yaml:"scopes"`
	// CA is the file with the certificates, PEM, that the issuer's is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// ClientCertificate is a certificate of Doorward's own.
type ClientCertificate struct {
	// Cert is the file with the certificate, PEM, and those that vouch for it.
	Cert string `yaml:"cert" type:"path"`
	// Key is the secret with its private key, PEM. It is read for each connection.
	Key string `yaml:"key" type:"secret name"`
}

// Limits bound what one upstream may take.
type Limits struct {
	// Timeout of one call.
	Timeout Duration `yaml:"timeout"`
	// Concurrency is how many calls may be under way at once.
	Concurrency int `yaml:"concurrency"`
	// Queue is how many calls may wait for one of those to end. Callers take turns, and none keeps others out.
	Queue int `yaml:"queue"`
	// Result is the largest answer.
	Result Size `yaml:"result"`
	// Arguments are the largest arguments of a tool or a prompt.
	Arguments Size `yaml:"arguments"`
	// Values is how many JSON values arguments may hold, and the structured content of a result. A client's message holds 10000 at most, whatever stands here.
	Values int `yaml:"values"`
}

// Sandbox is how a command's process is kept, and what it is given beside what it needs to run: the system's libraries, its interpreter, its own package.
type Sandbox struct {
	// Kind of sandbox: process confines the command with what the system has, runsc does so and has gVisor answer its system calls, docker and podman run it in a container of image, none gives it Doorward's own rights, which each start and each record of a call then says.
	Kind string `yaml:"kind" enum:"process runsc docker podman none"`
	// Image of a container, by its digest: NAME@sha256:DIGEST, or sha256:ID of one that is there. It is never pulled. The first word of command is a program in it.
	Image string `yaml:"image"`
	// Read are files and directories of this system that the command may read.
	Read []string `yaml:"read" type:"path"`
	// Write are those that it may write, too. Everything else that it writes, in its home or in /tmp, is gone when it ends.
	Write []string `yaml:"write" type:"path"`
	// Network is none, or the places that the command may reach through Doorward's proxy, such as api.example.com:443. None unless written.
	Network []string `yaml:"network" type:"host:port" list:"or one"`
	// Memory of all its processes together, without what files back. 512MiB unless written.
	Memory Size `yaml:"memory"`
	// CPU is how many processors it may use, such as 0.5. One unless written.
	CPU Processors `yaml:"cpu"`
	// Processes and threads that it may have. 256 unless written.
	Processes int `yaml:"processes"`
	// Files that one of its processes may have open. 1024 unless written.
	Files int `yaml:"files"`
	// FileSize is the largest file that it may write. 1GiB unless written.
	FileSize Size `yaml:"file_size"`
	// Disk is the size of what it has for itself: home, /tmp and /dev/shm, in memory. 64MiB unless written.
	Disk Size `yaml:"disk"`
	// Time after which a process is ended, whatever it does. Never unless written.
	Time Duration `yaml:"time"`
	// AllowWeaker are layers that the command may run without where this system lacks them: landlock and seccomp on an old Linux, limits on macOS, files and network on Windows; and of runsc and containers runtime, which lets versions serve that have known holes or are not known. Each start and each record of a call says so.
	AllowWeaker []string `yaml:"allow_weaker" enum:"landlock seccomp limits files network runtime"`
	// Lifetime of a process: session starts one for every principal and session, shared one for all, call one for every call.
	Lifetime string `yaml:"lifetime" enum:"session shared call"`
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
	// Signing is the file of the Ed25519 key (PKCS #8, PEM; doorward trust keygen) that this gateway signs the lock with. Not signed unless written.
	Signing string `yaml:"signing" type:"path"`
	// Signers are the public keys of those who may approve: a lock that none of them signed, or that is older than one that was in force here, is refused. The key of signing unless written.
	Signers []string `yaml:"signers"`
	// FirstUse of something never seen before: hold it until a person approves it, or approve it.
	FirstUse string `yaml:"first_use" enum:"hold approve"`
	// Findings says what follows from what is found in a definition.
	Findings Findings `yaml:"findings"`
	// OnChange of something approved: hold it until a person approves the change. There is no other value.
	OnChange string `yaml:"on_change" enum:"hold"`
	// Results says what happens to what is found in results.
	Results Results `yaml:"results"`
	// Arguments says what happens to what is found in arguments.
	Arguments Arguments `yaml:"arguments"`
	// Markers are texts that are one tenant's alone, such as its id in a server's data or a planted value, by tenant: an answer that holds one is refused to everybody else, and raises an alert (security_events). Each has 12 bytes and 8 letters and digits at least, and is found in any case, reversed and encoded. None unless written.
	Markers map[string][]string `yaml:"markers" key:"tenant"`
	// Judge is somebody outside who is asked about definitions, and about calls before people are. His answer can only refuse or hold. Nobody unless written.
	Judge *Judge `yaml:"judge"`
	// Flows say which calls must not follow which, by the labels of tools (upstreams.NAME.labels). Unless written, what has read both private data and text that anybody may have written asks before a call that leaves, and what has read such text before a call that acts. An empty list turns it off.
	Flows []Flow `yaml:"flows"`
	// FlowMemory is how long what somebody read counts, whatever session or client it was read with.
	FlowMemory Duration `yaml:"flow_memory"`
}

// Flow is one rule about what may follow what was read.
type Flow struct {
	// From are the labels that must all have been read: private, untrusted.
	From []string `yaml:"from" enum:"private untrusted"`
	// To is the label of the call that must not follow unasked: leaves or acts.
	To string `yaml:"to" enum:"leaves acts"`
	// Then approve holds the call until people have agreed, block refuses it.
	Then string `yaml:"then" enum:"approve block"`
	// Approvers are those who must agree. The caller itself, by MCP elicitation, unless written.
	Approvers *Approvers `yaml:"approvers"`
}

// Approvals is how people hear of calls that wait for them.
type Approvals struct {
	// Webhook is told of every call that begins to wait, and of every decision; never of its arguments. Nobody is unless written.
	Webhook *Webhook `yaml:"webhook"`
}

// Webhook is a receiver of signed notices (Standard Webhooks).
type Webhook struct {
	// URL that notices are posted to: https, or http on loopback.
	URL string `yaml:"url" type:"url"`
	// Secret that notices are signed with, at least 24 bytes: whsec_ and base64, or the text as it is.
	Secret string `yaml:"secret" type:"secret name"`
	// CA is the file with the certificates, PEM, that its certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// Audit is how the audit log is written.
type Audit struct {
	// Durability of a record before the call goes on: process survives the death of Doorward, power that of the machine.
	Durability string `yaml:"durability" enum:"process power"`
	// Arguments of tools and prompts on record: sealed (a digest, and the exact arguments encrypted with data_dir/audit.key), hashed (a digest alone), plain (a digest, and the arguments readable by whoever reads the log) or none.
	Arguments string `yaml:"arguments" enum:"sealed hashed plain none"`
	// Fields are rules for single arguments, in place of arguments. Each is a name or, for one that lies in others, a JSON Pointer (/customer/name).
	Fields map[string]map[string]string `yaml:"fields" key:"upstream/tool, or upstream/* for tools without rules of their own" enum:"sealed hashed plain none"`
	// Identity of whom a record is about, which are subject, address and agent: sealed (encrypted with a key of that person's own, which can be destroyed) or plain.
	Identity string `yaml:"identity" enum:"sealed plain"`
	// Retain is how long records stay in the log: one duration for all, or one by class. What is older is pruned, and the log says so and verifies all the same. A change is in force with the next run, once a day.
	Retain Retain `yaml:"retain"`
	// Index says whether a search index of the log is kept (data_dir/index.db), so that `doorward audit search` need not read all of it. It holds hashes, can be thrown away at any time, and no call waits for it.
	Index string `yaml:"index" enum:"on off"`
	// Sinks are copies of the log elsewhere. The local log is always first, and each copy gets every record from it, in order and at least once.
	Sinks []Sink `yaml:"sinks"`
	// Checkpoint is what shows others that nothing of the log was changed or cut off.
	Checkpoint Checkpoint `yaml:"checkpoint"`
}
