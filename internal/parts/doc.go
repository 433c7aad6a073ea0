// Package parts holds the tests of the built binary with real parts: the MCP
// Inspector, the SDKs' clients and the reference servers that scripts/parts
// installs. They see what a user sees: files, commands, exit codes and the wire.
// It has no code of its own and is imported by nobody.
package parts
