package mcp

import "doorward/internal/gate"

// The stateless era: no handshake, no sessions, everything in each request.
//
//nolint:gochecknoglobals // a table; read-only
var revision20260728 = Revision{
	Version:                V20260728,
	Era:                    gate.Stateless,
	VersionHeader:          true,
	MirrorHeaders:          true,
	MetaRequired:           true,
	ToolErrorsForArguments: true,
	ResultType:             true,
	ResourceNotFound:       CodeInvalidParams,
}
