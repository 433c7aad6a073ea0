// Package anchor takes the checkpoints of the audit log outside: to witnesses, which
// cosign them (C2SP tlog-witness), and to anchors, which keep them (a file, a git
// repository, a receiver over HTTP). So a log that was cut, put back to an older copy,
// or that has two histories is found, by whoever rules the machine, too.
//
// app makes a Keeper and hands it the log. No call waits for it and none fails for it:
// what fails is on record once, and told when it lasts. Somebody outside who has seen
// another log is told at once, and Begin refuses to go on. The package never rewrites a
// checkpoint, follows no redirect and logs no credential.
package anchor
