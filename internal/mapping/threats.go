package mapping

func owaspMCP() Framework {
	return Framework{"owasp-mcp", "OWASP MCP Top 10", []Control{
		{"MCP01", "Token mismanagement and secret exposure", []Feature{secrets(), inspection()}, ""},
		{"MCP02", "Scope creep", []Feature{roles(), approvals(), alerts()}, ""},
		{"MCP03", "Tool poisoning", []Feature{pins(), signedPins()}, ""},
		{"MCP04", "Supply chain", []Feature{pins(), signedPins()}, noPackage + "; " + noSandbox},
		{"MCP05", "Command injection", []Feature{refusals(), approvals(), confined()}, noSandbox},
		{"MCP06", "Intent flow subversion", []Feature{flows(), inspection()}, ""},
		{"MCP07", "Authentication and authorisation", []Feature{identity(), roles(), signedRequests()}, "no OAuth towards upstreams on a person's behalf"},
		{"MCP08", "Audit and telemetry", []Feature{record(), copies(), alerts(), traces()}, ""},
		{"MCP09", "Shadow servers", []Feature{inventory()}, noNetwork},
		{"MCP10", "Context over-sharing", []Feature{flows(), inspection()}, "no secrecy within a process that is shared"},
	}}
}

func owaspAgentic() Framework {
	return Framework{"owasp-agentic", "OWASP Agentic Top 10", []Control{
		{"ASI01", "Goal hijack", []Feature{inspection(), flows(), pins()}, ""},
		{"ASI02", "Tool misuse", []Feature{roles(), refusals()}, ""},
		{"ASI03", "Identity and privilege abuse", []Feature{identity(), roles()}, ""},
		{"ASI04", "Agentic supply chain", []Feature{pins(), signedPins(), inventory()}, noPackage},
		{"ASI05", "Unexpected code execution", []Feature{refusals(), approvals(), confined()}, noSandbox},
		{"ASI06", "Memory and context poisoning", []Feature{inspection(), flows()}, "an agent's own memory is not seen"},
		{"ASI07", "Insecure inter-agent communication", []Feature{signedRequests(), identity()}, "what agents say to each other beside MCP is not seen"},
		{"ASI08", "Cascading failures", []Feature{limits(), incidents(), alerts()}, noBreaker},
		{"ASI09", "Human-agent trust", []Feature{approvals(), disclosure()}, ""},
		{"ASI10", "Rogue agents", []Feature{limits(), incidents(), alerts()}, ""},
	}}
}

// nsa has the sheet's nine recommendations in its order; it numbers none of them.
func nsa() Framework {
	return Framework{"nsa", "NSA, MCP security design considerations", []Control{
		{"N1", "Filtering egress proxy", []Feature{confined(), inspection(), flows()}, noEgress},
		{"N2", "Sandbox", []Feature{confined()}, noSandbox},
		{"N3", "Signed messages that expire", []Feature{signedRequests()}, "no proof for every message of a WebSocket, and none towards upstreams"},
		{"N4", "Output filtering", []Feature{inspection()}, ""},
		{"N5", "Tool name collision and drift", []Feature{pins(), signedPins()}, ""},
		{"N6", "Detailed audit to a SIEM", []Feature{record(), copies(), traces()}, ""},
		{"N7", "Search for MCP listeners", []Feature{inventory()}, noNetwork},
		{"N8", "Content validation, rate limit, policy", []Feature{refusals(), limits(), roles()}, ""},
		{"N9", "Detection of indirect injection", []Feature{inspection()}, "detectors are a second line, and miss attacks as often as docs/reference/detection.md measures"},
	}}
}
