// Package store keeps what Doorward must remember beside the audit log: API keys,
// as keyed hashes in one file. The gateway looks keys up; the command line and
// the admin API create, rotate and revoke them, also while the gateway runs.
//
// It never stores or logs the text of a key, and it never lets one pass that it
// cannot judge: an unreadable file refuses every key.
package store
