package mcp

import "doorward/internal/gate"

// The last of the stateful era: URL elicitation, and tool errors for arguments.
//
//nolint:gochecknoglobals // a table; read-only
var revision20251125 = Revision{
	Version:                V20251125,
	Era:                    gate.Stateful,
	VersionHeader:          true,
	ToolErrorsForArguments: true,
	ResourceNotFound:       CodeResourceNotFound,
}
