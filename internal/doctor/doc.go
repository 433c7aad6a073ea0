// Package doctor says why a client cannot connect to an MCP server, and what to
// do about it. The command line calls Run with a URL, or with the gateway's
// configuration.
//
// It looks from outside, as a client would: it resolves, connects, shakes hands
// and lists. It never calls a tool, never follows a redirect, never sends the
// credential anywhere but to the URL's own origin, and never shows it.
package doctor
