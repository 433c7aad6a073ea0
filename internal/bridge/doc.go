// Package bridge connects a client that speaks MCP on stdin and stdout alone to
// an MCP server at a URL: every message that the client writes is POSTed, byte
// for byte, and every message that comes back is written as one line.
//
// The cli calls it, for `doorward stdio --remote`. It never judges what a message
// says, never follows a redirect, never sends the credential to another URL, and
// never leaves a request of the client without an answer.
package bridge
