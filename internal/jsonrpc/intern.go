package jsonrpc

// intern returns b as a string without allocating, when b is a key or a method that most messages have.
// A name that is missing here costs one allocation and nothing else.
func intern(b []byte) (string, bool) {
	switch string(b) {
	case "jsonrpc":
		return "jsonrpc", true
	case "id":
		return "id", true
	case "method":
		return "method", true
	case "params":
		return "params", true
	case "result":
		return "result", true
	case "error":
		return "error", true
	case "code":
		return "code", true
	case "message":
		return "message", true
	case "data":
		return "data", true
	case "name":
		return "name", true
	case "arguments":
		return "arguments", true
	case "_meta":
		return "_meta", true
	case "uri":
		return "uri", true
	case "cursor":
		return "cursor", true
	case "progressToken":
		return "progressToken", true
	case "progress":
		return "progress", true
	case "requestId":
		return "requestId", true
	case "protocolVersion":
		return "protocolVersion", true
	case "capabilities":
		return "capabilities", true
	case "clientInfo":
		return "clientInfo", true
	case "content":
		return "content", true
	case "structuredContent":
		return "structuredContent", true
	case "isError":
		return "isError", true
	case "tools":
		return "tools", true
	case "nextCursor":
		return "nextCursor", true
	case "resultType":
		return "resultType", true
	case metaPrefix + "protocolVersion":
		return metaPrefix + "protocolVersion", true
	case metaPrefix + "clientCapabilities":
		return metaPrefix + "clientCapabilities", true
	case metaPrefix + "clientInfo":
		return metaPrefix + "clientInfo", true
	case metaPrefix + "serverInfo":
		return metaPrefix + "serverInfo", true
	}
	return internMethod(b)
}

// internMethod is intern for methods.
func internMethod(b []byte) (string, bool) {
	switch string(b) {
	case "tools/call":
		return "tools/call", true
	case "tools/list":
		return "tools/list", true
	case "initialize":
		return "initialize", true
	case "ping":
		return "ping", true
	case "server/discover":
		return "server/discover", true
	case "resources/list":
		return "resources/list", true
	case "resources/read":
		return "resources/read", true
	case "prompts/list":
		return "prompts/list", true
	case "prompts/get":
		return "prompts/get", true
	case "completion/complete":
		return "completion/complete", true
	case "notifications/initialized":
		return "notifications/initialized", true
	case "notifications/cancelled":
		return "notifications/cancelled", true
	case "notifications/progress":
		return "notifications/progress", true
	case "notifications/message":
		return "notifications/message", true
	}
	return "", false
}
