// Package store keeps what Doorward must remember beside the audit log: API keys,
// as keyed hashes in one file, and sealed in it the secrets of those that sign
// requests. The gateway looks keys up; the command line and the admin API
// create, rotate and revoke them, also while the gateway runs. It keeps what may be
// used once (nonces) and what was revoked, too: in memory and a file for one
// gateway, in Redis for several, or what must last in PostgreSQL. So it keeps the calls that wait for people's yes
// (approvals), each under a seal that only a gateway can make.
//
// It never stores or logs the text of a key, and it never lets one pass that it
// cannot judge: an unreadable file refuses every key.
package store
