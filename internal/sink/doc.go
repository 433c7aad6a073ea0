// Package sink copies the records of the audit log elsewhere: to PostgreSQL, syslog,
// an OpenTelemetry collector, an HTTP receiver, a webhook or a file. app makes a Set
// of them and hands it the log.
//
// The log itself is the spool. A sink remembers how far it has come, in a file, once
// its receiver has taken a batch; so each gets every record at least once and in
// order, however long it was away, and memory holds one batch. A record's key is the
// log's name, its number and the digest of its line.
//
// A sink that is required refuses calls while it is too far behind (Set.Ready). No
// other decides anything, and none is waited for by a call. The package never logs
// a record, a credential or what a receiver answered.
package sink
