// Package load puts a load on an MCP server over HTTP as many clients would, in both eras of
// the protocol, and tells what came of it. `doorward load` runs it.
//
// Each answer must be the answer to the very request it came for: one to another request ends
// the run, whatever its figures are. With a rate, what is measured begins when a request was
// due, not when the one before it let it go: a server that stops for a second is seen to have
// stopped for everybody who came in that second (coordinated omission; G. Tene, "How NOT to
// Measure Latency", 2013).
package load
