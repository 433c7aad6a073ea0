package mcp

// JSON-RPC error codes: of JSON-RPC 2.0 section 5.1, and of MCP.
const (
	CodeParseError     = -32700
	CodeInvalidRequest = -32600
	CodeMethodNotFound = -32601
	CodeInvalidParams  = -32602
	CodeInternalError  = -32603

	CodeResourceNotFound   = -32002 // stateful era; never sent in 2026-07-28
	CodeURLElicitation     = -32042 // 2025-11-25; never sent in 2026-07-28
	CodeHeaderMismatch     = -32020 // 2026-07-28
	CodeMissingCapability  = -32021 // 2026-07-28; data.requiredCapabilities
	CodeUnsupportedVersion = -32022 // 2026-07-28; data.supported, data.requested
)

// The members of _meta that the protocol reserves (2026-07-28, basic, _meta).
const (
	MetaVersion      = "io.modelcontextprotocol/protocolVersion"
	MetaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	MetaClientInfo   = "io.modelcontextprotocol/clientInfo"
	MetaLogLevel     = "io.modelcontextprotocol/logLevel"
	MetaServerInfo   = "io.modelcontextprotocol/serverInfo"
	MetaSubscription = "io.modelcontextprotocol/subscriptionId"
	MetaRelatedTask  = "io.modelcontextprotocol/related-task" // 2025-11-25, tasks
	MetaProgress     = "progressToken"
)

// MetaUnavailable is Doorward's own member of _meta in a list: the names of the
// upstreams whose things are missing from it.
const MetaUnavailable = "doorward/unavailable"

// MetaStale is as MetaUnavailable: the names of the upstreams that fail, whose things in
// the list are those that they offered before.
const MetaStale = "doorward/stale"

// The headers of the protocol, in the form in which net/http keeps them.
const (
	HeaderVersion = "Mcp-Protocol-Version"
	HeaderSession = "Mcp-Session-Id"
	HeaderMethod  = "Mcp-Method"
	HeaderName    = "Mcp-Name"
	// headerParam goes before the name that x-mcp-header gives.
	headerParam = "Mcp-Param-"
)
