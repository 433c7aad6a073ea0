package mcp

import "doorward/internal/gate"

// Revision is what is particular to one revision of the protocol. Each
// revision_*.go holds one, as data.
type Revision struct {
	Version string
	Era     gate.Era
	// Batches: JSON-RPC batches exist (in 2025-03-26 alone).
	Batches bool
	// VersionHeader: the client repeats the negotiated version in
	// MCP-Protocol-Version on every HTTP request after initialize.
	VersionHeader bool
	// MirrorHeaders: Mcp-Method, Mcp-Name and Mcp-Param-* must agree with the
	// body (SEP-2243). In other revisions they mean nothing.
	MirrorHeaders bool
	// MetaRequired: every request carries its version and capabilities in _meta.
	MetaRequired bool
	// ToolErrorsForArguments: arguments that break the schema are answered with
	// a tool result with isError (SEP-1303); before, with -32602.
	ToolErrorsForArguments bool
	// ResultType: results carry resultType, and cacheable ones ttlMs and
	// cacheScope (SEP-2322, SEP-2549).
	ResultType bool
	// ResourceNotFound is the error code for a resource that does not exist.
	ResourceNotFound int
}

//nolint:gochecknoglobals // a table; read-only; oldest first
var revisions = [...]*Revision{&revision20241105, &revision20250326, &revision20250618, &revision20251125, &revision20260728}

// RevisionOf finds a revision by its version.
func RevisionOf(version string) (Revision, bool) {
	for _, r := range revisions {
		if r.Version == version {
			return *r, true
		}
	}
	return Revision{}, false
}

// Known tells whether Doorward speaks the version.
func Known(version string) bool { return EraOf(version) != gate.NoEra }

// EraOf is the era of a version, gate.NoEra when it is unknown.
func EraOf(version string) gate.Era {
	for _, r := range revisions {
		if r.Version == version {
			return r.Era
		}
	}
	return gate.NoEra
}

// Versions lists the versions of an era, newest first; of both for gate.NoEra.
func Versions(era gate.Era) []string {
	var all []string
	for i := len(revisions) - 1; i >= 0; i-- {
		if era == gate.NoEra || revisions[i].Era == era {
			all = append(all, revisions[i].Version)
		}
	}
	return all
}

// Negotiate is the version that answers an initialize which asks for one: that
// version when the stateful era has it, else the era's newest (lifecycle,
// version negotiation, 2024-11-05 to 2025-11-25).
func Negotiate(asked string) string {
	if EraOf(asked) == gate.Stateful {
		return asked
	}
	return V20251125
}
