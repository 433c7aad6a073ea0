package mcp

import "doorward/internal/gate"

// The first revision: HTTP with SSE or stdio, no version header.
//
//nolint:gochecknoglobals // a table; read-only
var revision20241105 = Revision{
	Version:          V20241105,
	Era:              gate.Stateful,
	ResourceNotFound: CodeResourceNotFound,
}
