package mcp

import "doorward/internal/gate"

// Streamable HTTP, and the one revision with batches.
//
//nolint:gochecknoglobals // a table; read-only
var revision20250326 = Revision{
	Version:          V20250326,
	Era:              gate.Stateful,
	Batches:          true,
	ResourceNotFound: CodeResourceNotFound,
}
