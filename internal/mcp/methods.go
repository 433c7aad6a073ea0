package mcp

import "doorward/internal/gate"

// Protocol revisions, oldest first (protocol history of the MCP specification).
const (
	V20241105 = "2024-11-05"
	V20250326 = "2025-03-26"
	V20250618 = "2025-06-18"
	V20251125 = "2025-11-25"
	V20260728 = "2026-07-28"
)

// judged are the stages of a method that reaches a named thing.
const judged = gate.OnResolve | gate.OnAuthorize | gate.OnValidate | gate.OnInspect | gate.OnLimit | gate.OnRedact

// listed are the stages of a method that lists things: resolve finds them,
// authorize and validate narrow them.
const listed = gate.OnResolve | gate.OnAuthorize | gate.OnValidate | gate.OnLimit | gate.OnRedact

// session are the stages of a method that concerns a session as a whole.
const session = gate.OnResolve | gate.OnAuthorize | gate.OnLimit

// methods is the method table: what exists, who may send it, in which
// revisions, which stages judge it and who carries it out. A method that has
// no row is refused; no handler switches on method names.
//
//nolint:gochecknoglobals // a table; read-only
var methods = [...]gate.Route{
	// The handshake and the session (stateful era).
	{Method: "initialize", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: session, Action: gate.Handshake},
	{Method: "notifications/initialized", Kind: gate.Notification, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: gate.OnLimit, Action: gate.Empty},
	{Method: "ping", Kind: gate.Request, Direction: gate.BothWays, Since: V20241105, Until: V20251125, Stages: gate.OnLimit, Action: gate.Empty},
	{Method: "logging/setLevel", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: session, Action: gate.Fan, Keeps: true},
	{Method: "resources/subscribe", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: judged, Action: gate.Relay, Item: gate.Resource, NameAt: "uri", Keeps: true},
	{Method: "resources/unsubscribe", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: judged, Action: gate.Relay, Item: gate.Resource, NameAt: "uri"},
	{Method: "notifications/roots/list_changed", Kind: gate.Notification, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: session, Action: gate.Notify},
	{Method: "notifications/cancelled", Kind: gate.Notification, Direction: gate.BothWays, Since: V20241105, Stages: gate.OnLimit, Action: gate.Cancel},
	{Method: gate.OpStream, Kind: gate.Request, Direction: gate.ToServer, Since: V20250326, Until: V20251125, Stages: gate.OnLimit, Action: gate.Stream},
	{Method: gate.OpClose, Kind: gate.Request, Direction: gate.ToServer, Since: V20250326, Until: V20251125, Stages: gate.OnLimit, Action: gate.Close},
	{Method: gate.OpOpen, Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: session, Action: gate.Stream},

	// The stateless era's own.
	{Method: "server/discover", Kind: gate.Request, Direction: gate.ToServer, Since: V20260728, Stages: session, Action: gate.Discover},
	{Method: "subscriptions/listen", Kind: gate.Request, Direction: gate.ToServer, Since: V20260728, Stages: session, Action: gate.Listen},

	// What both eras have.
	{Method: "tools/list", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: listed, Action: gate.Compose, Item: gate.Tool},
	{Method: "tools/call", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: judged, Action: gate.Relay, Item: gate.Tool, NameAt: "name", Mirror: "Mcp-Name"},
	{Method: "prompts/list", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: listed, Action: gate.Compose, Item: gate.Prompt},
	{Method: "prompts/get", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: judged, Action: gate.Relay, Item: gate.Prompt, NameAt: "name", Mirror: "Mcp-Name"},
	{Method: "resources/list", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: listed, Action: gate.Compose, Item: gate.Resource},
	{Method: "resources/templates/list", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: listed, Action: gate.Compose, Item: gate.Template},
	{Method: "resources/read", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: judged, Action: gate.Relay, Item: gate.Resource, NameAt: "uri", Mirror: "Mcp-Name"},
	{Method: "completion/complete", Kind: gate.Request, Direction: gate.ToServer, Since: V20241105, Stages: judged, Action: gate.Relay, NameAt: "ref"},

	// Tasks: experimental in 2025-11-25, the extension io.modelcontextprotocol/tasks
	// in 2026-07-28. tasks/list is not offered: a list cannot be judged by what it
	// does not name.
	{Method: "tasks/get", Kind: gate.Request, Direction: gate.ToServer, Since: V20251125, Stages: judged, Action: gate.Relay, Item: gate.Tool, Task: true, NameAt: "taskId", Mirror: "Mcp-Name", Keeps: true},
	{Method: "tasks/cancel", Kind: gate.Request, Direction: gate.ToServer, Since: V20251125, Stages: judged, Action: gate.Relay, Item: gate.Tool, Task: true, NameAt: "taskId", Mirror: "Mcp-Name", Keeps: true},
	{Method: "tasks/result", Kind: gate.Request, Direction: gate.ToServer, Since: V20251125, Until: V20251125, Stages: judged, Action: gate.Relay, Item: gate.Tool, Task: true, NameAt: "taskId", Mirror: "Mcp-Name", Keeps: true},
	{Method: "tasks/update", Kind: gate.Request, Direction: gate.ToServer, Since: V20260728, Stages: judged, Action: gate.Relay, Item: gate.Tool, Task: true, NameAt: "taskId", Mirror: "Mcp-Name"},

	// What an upstream sends.
	{Method: "notifications/progress", Kind: gate.Notification, Direction: gate.BothWays, Since: V20241105, Stages: gate.OnLimit, Action: gate.Notify},
	{Method: "notifications/message", Kind: gate.Notification, Direction: gate.ToClient, Since: V20241105, Action: gate.Relay},
	{Method: "notifications/tools/list_changed", Kind: gate.Notification, Direction: gate.ToClient, Since: V20241105, Action: gate.Relay},
	{Method: "notifications/prompts/list_changed", Kind: gate.Notification, Direction: gate.ToClient, Since: V20241105, Action: gate.Relay},
	{Method: "notifications/resources/list_changed", Kind: gate.Notification, Direction: gate.ToClient, Since: V20241105, Action: gate.Relay},
	{Method: "notifications/resources/updated", Kind: gate.Notification, Direction: gate.ToClient, Since: V20241105, Action: gate.Relay},
	{Method: "notifications/tasks/status", Kind: gate.Notification, Direction: gate.ToClient, Since: V20251125, Until: V20251125, Action: gate.Relay},
	{Method: "notifications/elicitation/complete", Kind: gate.Notification, Direction: gate.ToClient, Since: V20251125, Until: V20251125, Action: gate.Relay},
	{Method: "notifications/subscriptions/acknowledged", Kind: gate.Notification, Direction: gate.ToClient, Since: V20260728, Action: gate.Relay},
	{Method: "sampling/createMessage", Kind: gate.Request, Direction: gate.ToClient, Since: V20241105, Until: V20251125, Stages: session, Action: gate.Answer},
	{Method: "roots/list", Kind: gate.Request, Direction: gate.ToClient, Since: V20241105, Until: V20251125, Stages: session, Action: gate.Answer},
	{Method: "elicitation/create", Kind: gate.Request, Direction: gate.ToClient, Since: V20250618, Until: V20251125, Stages: session, Action: gate.Answer},
}
