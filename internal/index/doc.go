// Package index finds records of the audit log without reading all of it. app keeps one
// beside each log that it writes, and whoever searches (app, cli) reads through Read.
//
// An index only names candidates: each is read from the log, held against a digest and
// judged as a scan judges it, and what no part of the index covers is scanned. So the
// answer is that of audit.Read, with a damaged index too; the log alone is the truth, and
// an index can be thrown away at any time. It holds hashes of what a line of the log says
// in clear and nothing of what is sealed there; it never opens anything, never writes to
// the log, and no call waits for it.
package index
