// Package audit is the append-only, hash-chained audit log: what was tried, what
// came of it, and what else happened. app opens one Log and hands it to the
// pipeline as its Recorder; the command line and the admin API read and verify.
//
// A record is accepted (queued), then durable (the call returned nil: it has a
// sequence number that is never reused), then checkpointed (a file names its
// position and the head of the chain). A record that cannot be written is
// refused; the log never drops one and goes on. It holds no results and no
// credentials; of arguments what its Config says, by default sealed so that only
// Log.Open reads them. It never decides anything and never changes what it has
// acknowledged; Prune alone removes records, whose time is over. DESIGN.md has the format.
package audit
