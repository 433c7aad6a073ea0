package mcp

import "doorward/internal/gate"

// Batches gone, the version header on every request, elicitation.
//
//nolint:gochecknoglobals // a table; read-only
var revision20250618 = Revision{
	Version:          V20250618,
	Era:              gate.Stateful,
	VersionHeader:    true,
	ResourceNotFound: CodeResourceNotFound,
}
