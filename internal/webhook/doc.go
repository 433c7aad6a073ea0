// Package webhook sends signed notices to one receiver outside: that a call waits
// for people, and what they decided. The app owns one Sender and hands it what is
// to be told; nothing waits for a notice, and none decides anything.
//
// A notice is signed as Standard Webhooks has it (version 1), so that its receiver
// can tell it from a forged, altered or repeated one. It is tried a few times, kept
// in memory alone, and dropped when the receiver takes too few.
//
// The package never logs or records a secret, a body or a path of the receiver's
// URL, which may be a secret itself; it follows no redirect and asks no proxy.
package webhook
