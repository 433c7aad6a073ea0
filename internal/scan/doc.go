// Package scan looks at what the MCP clients of a machine use before it is used:
// how their servers are set up, and what those offer. The command line alone
// calls it, and hands it what the servers said.
//
// It starts nothing, contacts nobody, writes nothing, and sends nothing
// anywhere: every rule and detector is in this program.
package scan
